//! Which way up a picture is meant to be shown.

use image::metadata::Orientation;

use super::exif::Exif;
use super::metadata::{exif_blob, xmp_packet};
use super::sniff::FileType;

/// The transformation that shows the picture as meant: the EXIF tag, or where EXIF is silent the one
/// in XMP, as Pillow's `exif_transpose` looks for them. Unreadable metadata means none.
pub(super) fn orientation(bytes: &[u8], file_type: FileType) -> Orientation {
    exif_blob(bytes, file_type)
        .and_then(|blob| Exif::parse(&blob)?.orientation())
        .or_else(|| in_xmp(xmp_packet(bytes, file_type)?))
        .and_then(Orientation::from_exif)
        .unwrap_or(Orientation::NoTransforms)
}

/// XMP has it as an attribute (`tiff:Orientation="6"`) or as an element (`tiff:Orientation>6<`).
fn in_xmp(packet: &[u8]) -> Option<u8> {
    const NAME: &[u8] = b"tiff:Orientation";
    let at = packet.windows(NAME.len()).position(|w| w == NAME)?;
    match packet.get(at + NAME.len()..)? {
        [b'=', b'"', digit, ..] | [b'>', digit, ..] if digit.is_ascii_digit() => Some(digit - b'0'),
        _ => None,
    }
}
