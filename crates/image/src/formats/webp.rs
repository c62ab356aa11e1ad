//! WebP.

use std::borrow::Cow;

use super::format::Format;
use super::webp_pixels;
use crate::container::riff::riff_chunks;
use crate::metadata::Metadata;

/// Describes WebP.
pub const FORMAT: Format = Format {
    media_type: "image/webp",
    name: "WebP",
    extensions: &["webp"],
    matches: |bytes| matches!(bytes, [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..]),
    decode: webp_pixels::decode,
    metadata,
};

/// Reads EXIF, XMP and the colour profile.
fn metadata(bytes: &[u8], _max_texts: usize) -> Metadata<'_> {
    let mut found = Metadata::default();
    for (kind, data) in riff_chunks(bytes) {
        // Some writers spell the types in lower case, or end the type of XMP with a zero.
        match &kind.map(|b| if b == 0 { b' ' } else { b.to_ascii_uppercase() }) {
            b"EXIF" => found.add_exif(data),
            b"XMP " => found.add_xmp(data),
            b"ICCP" if found.icc.is_none() => found.icc = Some(Cow::Borrowed(data)),
            _ => {}
        }
    }
    found
}
