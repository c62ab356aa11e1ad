//! The orientation in which a picture is meant to be shown.

use image::metadata::Orientation;

use crate::metadata::Metadata;

/// Returns the transformation that shows the picture upright. The EXIF tag decides, and XMP decides when there is no
/// tag, as in Pillow's `exif_transpose`. Unreadable metadata means no transformation.
pub fn orientation(metadata: &Metadata<'_>) -> Orientation {
    metadata
        .exif()
        .and_then(|exif| exif.orientation())
        .or_else(|| metadata.xmp.iter().find_map(|packet| in_xmp(packet)))
        .and_then(Orientation::from_exif)
        .unwrap_or(Orientation::NoTransforms)
}

/// Finds the orientation in XMP, where it is an attribute (`tiff:Orientation="6"`) or an element
/// (`tiff:Orientation>6<`).
fn in_xmp(packet: &[u8]) -> Option<u8> {
    const NAME: &[u8] = b"tiff:Orientation";
    let at = packet.windows(NAME.len()).position(|w| w == NAME)?;
    match packet.get(at + NAME.len()..)? {
        [b'=', b'"', digit, ..] | [b'>', digit, ..] if digit.is_ascii_digit() => Some(digit - b'0'),
        _ => None,
    }
}
