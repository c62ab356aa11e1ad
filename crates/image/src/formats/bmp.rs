//! BMP.

use std::borrow::Cow;

use image::ImageFormat;

use super::format::Format;
use crate::decode::image_crate;
use crate::metadata::Metadata;

/// Describes BMP.
pub const FORMAT: Format = Format {
    media_type: "image/bmp",
    name: "BMP",
    extensions: &["bmp"],
    matches,
    decode: |bytes, limits| image_crate::decode(bytes, ImageFormat::Bmp, limits),
    metadata,
};

/// Returns whether the file is a BMP. Ordinary text may begin with `BM` too, so the size of the second header must be
/// one that exists.
fn matches(bytes: &[u8]) -> bool {
    let Some(([b'B', b'M', ..], [size, 0, 0, 0, ..])) = bytes.split_at_checked(14) else {
        return false;
    };
    matches!(size, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124)
}

/// Reads the colour profile, the only metadata of BMP. Version 5 of the header, of 124 bytes, may say that a profile is
/// embedded, and states its offset from the header and its size.
fn metadata(bytes: &[u8], _max_texts: usize) -> Metadata<'_> {
    let profile = || {
        let header = bytes.get(14..14 + 124)?;
        let number = |at: usize| usize::try_from(u32::from_le_bytes(*header.get(at..)?.first_chunk()?)).ok();
        if header[0] != 124 || header.get(56..60)? != b"DEBM" {
            return None;
        }
        bytes.get(14..)?.get(number(112)?..)?.get(..number(116)?)
    };
    Metadata { icc: profile().map(Cow::Borrowed), ..Metadata::default() }
}
