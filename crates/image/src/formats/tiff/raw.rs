//! Camera RAW files with the structure of a TIFF.

use super::directory::{Directory, Tiff};
use super::page::is_whole;
use super::tag;

/// The values of the tag PhotometricInterpretation that stand for what a sensor saw, with and without a mosaic of
/// colours (DNG specification, chapter "PhotometricInterpretation").
const SENSOR: [u64; 2] = [32_803, 34_892];

/// Returns whether the picture of a TIFF file is what a camera's sensor saw.
///
/// Only the first directory and those below it are looked at: camera RAW files begin with a small picture, whose
/// directory points to that of the real one, or with the real one. A camera's ordinary TIFF has the same structure, so
/// that nothing but the meaning of the samples tells them apart.
pub fn is_camera_raw(bytes: &[u8]) -> bool {
    let is_of_sensor =
        |directory: &Directory<'_>| directory.number(tag::PHOTOMETRIC).is_some_and(|found| SENSOR.contains(&found));
    let Some(first) = Tiff::open(bytes).and_then(|tiff| tiff.directories().next()) else { return false };
    if is_whole(&first) {
        return is_of_sensor(&first);
    }
    first.pointed_to_by(tag::SUB_IFDS).find(is_whole).is_some_and(|picture| is_of_sensor(&picture))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{GREY, RGB, file, page, with};
    use super::is_camera_raw;
    use crate::error::ImageError;
    use crate::other_content::OtherContent;
    use crate::sniff::sniff;

    /// Returns a file with a small picture in front and one with these tags below it, as cameras write it.
    fn below(tags: &[super::super::tests::Entry<'_>]) -> Vec<u8> {
        let small = |at: u32| page(8, (1, 1), &with(&RGB, &[(254, &[1]), (330, &[at])]), &[&[0; 3]], 0);
        let at = 8 + small(0).len();
        let real = page(at, (1, 1), tags, &[&[0; 3]], 0);
        [b"II*\0\x08\0\0\0".as_slice(), &small(at as u32), &real].concat()
    }

    #[test]
    fn what_a_sensor_saw_is_a_camera_raw_file_and_named_so() {
        for photometric in [32_803, 34_892] {
            let tags = [(258, [8].as_slice()), (262, &[photometric])];
            for bytes in [file((1, 1), &tags, &[&[0]]), below(&tags)] {
                assert_eq!(sniff(&bytes), Err(ImageError::UnsupportedType { found: OtherContent::CameraRaw }));
            }
        }
    }

    #[test]
    fn an_ordinary_picture_is_none_whatever_stands_before_it() {
        for bytes in [file((1, 1), &RGB, &[&[0; 3]]), file((1, 1), &GREY, &[&[0]]), below(&RGB), below(&GREY)] {
            assert!(!is_camera_raw(&bytes));
            assert!(sniff(&bytes).is_ok());
        }
    }

    #[test]
    fn a_beginning_without_the_directory_is_none() {
        let whole = below(&[(258, &[8]), (262, &[32_803])]);
        assert!((0..whole.len() - 40).all(|length| !is_camera_raw(&whole[..length])));
    }
}
