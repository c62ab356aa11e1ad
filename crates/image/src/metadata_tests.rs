//! The colour profiles that are found in files of every format.

use super::fixtures::{chunk, deflate, exif, file, gif_with, jpeg_with, png_with, text, webp_with};
use super::formats::FileType;

const PROFILE: &[u8] = b"a colour profile that is long enough";

fn profile(file_type: FileType, file: &[u8]) -> Option<Vec<u8>> {
    file_type.metadata(file, 0).icc.map(|profile| profile.to_vec())
}

#[test]
fn a_profile_is_found_in_every_format() {
    let png = [b"name\0\0".as_slice(), &deflate(PROFILE)].concat();
    let hex: String = PROFILE.iter().map(|b| format!("{b:02x}")).collect();
    let as_text = text("Raw profile type icc", format!("\nicc\n  {}\n{hex}\n", PROFILE.len()).as_bytes());
    let length = u8::try_from(PROFILE.len()).unwrap();
    for (file_type, file) in [
        (FileType::Jpeg, jpeg_with(&[(0xE2, &[b"ICC_PROFILE\0\x01\x01", PROFILE].concat())])),
        (FileType::Png, png_with(&[chunk(b"iCCP", &png)], &[])),
        (FileType::Png, png_with(&[as_text], &[])),
        (FileType::WebP, webp_with(&[(b"ICCP", PROFILE)])),
        (FileType::Tiff, exif(false, &[(34675, 7, PROFILE)], None)),
        (FileType::Gif, gif_with(&[b"\x21\xFF\x0BICCRGBG1012", [length].as_slice(), PROFILE, &[0]].concat())),
        (FileType::Bmp, bmp_with_profile()),
    ] {
        assert_eq!(profile(file_type, &file).as_deref(), Some(PROFILE), "{file_type}");
    }
    for file_type in FileType::ALL {
        assert_eq!(profile(file_type, &file(file_type)), None, "{file_type}");
    }
}

fn bmp_with_profile() -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    bytes.resize(14 + 124, 0);
    bytes[14] = 124;
    bytes[14 + 56..14 + 60].copy_from_slice(b"DEBM");
    bytes[14 + 112] = 124;
    bytes[14 + 116] = u8::try_from(PROFILE.len()).unwrap();
    [&bytes, PROFILE].concat()
}

#[test]
fn the_parts_of_a_profile_in_jpeg_are_joined_in_the_order_of_their_numbers() {
    let part = |number: u8, count: u8, bytes: &[u8]| [b"ICC_PROFILE\0", [number, count].as_slice(), bytes].concat();
    let [first, second] = [part(1, 2, &PROFILE[..10]), part(2, 2, &PROFILE[10..])];
    let of = |parts: &[&[u8]]| {
        let segments: Vec<_> = parts.iter().map(|part| (0xE2, *part)).collect();
        profile(FileType::Jpeg, &jpeg_with(&segments))
    };
    assert_eq!(of(&[&second, &first]).as_deref(), Some(PROFILE));
    assert_eq!(of(&[&first, &first, &second]).as_deref(), Some(PROFILE), "a part that is repeated counts once");
    assert_eq!(of(&[&second]), None, "a profile without its first part is no profile");
    assert_eq!(of(&[&part(0, 0, PROFILE)]), None);
}

#[test]
fn a_compressed_profile_cannot_grow_without_end() {
    let bomb = [b"name\0\0".as_slice(), &deflate(&vec![0; 9 << 20])].concat();
    assert_eq!(profile(FileType::Png, &png_with(&[chunk(b"iCCP", &bomb)], &[])), None);
}
