//! BMP.

use image::ImageFormat;

use super::format::{Format, no_metadata};
use crate::decode::image_crate;

/// Describes BMP.
pub const FORMAT: Format = Format {
    media_type: "image/bmp",
    name: "BMP",
    extensions: &["bmp"],
    matches,
    decode: |bytes, request| image_crate::decode(bytes, ImageFormat::Bmp, request),
    metadata: no_metadata,
};

/// Returns whether the file is a BMP. Ordinary text may begin with `BM` too, so the size of the second header must be
/// one that exists.
fn matches(bytes: &[u8]) -> bool {
    let Some(([b'B', b'M', ..], [size, 0, 0, 0, ..])) = bytes.split_at_checked(14) else {
        return false;
    };
    matches!(size, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124)
}
