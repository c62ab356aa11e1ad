//! WebP.

use std::borrow::Cow;

use image::ImageFormat;

use super::format::Format;
use crate::container::riff::riff_chunks;
use crate::decode::image_crate;
use crate::metadata::Metadata;

/// Describes WebP.
pub const FORMAT: Format = Format {
    media_type: "image/webp",
    name: "WebP",
    extensions: &["webp"],
    matches: |bytes| matches!(bytes, [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..]),
    decode: |bytes, request| image_crate::decode(bytes, ImageFormat::WebP, request),
    metadata,
};

/// Reads the first EXIF and the first XMP chunk.
fn metadata(bytes: &[u8], _max_texts: usize) -> Metadata<'_> {
    let mut found = Metadata::default();
    for (kind, data) in riff_chunks(bytes) {
        match &kind {
            b"EXIF" if found.exif.is_none() => found.exif = Some(Cow::Borrowed(data)),
            b"XMP " if found.xmp.is_none() => found.xmp = Some(data),
            _ => {}
        }
    }
    found
}
