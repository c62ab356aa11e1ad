//! PNG and APNG.

use std::borrow::Cow;

use super::format::Format;
use super::{png_pixels, png_text};
use crate::container::png::chunks;
use crate::metadata::Metadata;

/// Describes PNG.
pub const FORMAT: Format = Format {
    media_type: "image/png",
    name: "PNG",
    extensions: &["png"],
    matches: |bytes| bytes.starts_with(b"\x89PNG\r\n\x1A\n"),
    decode: png_pixels::decode,
    metadata,
};

/// Reads EXIF, XMP, colour profile and text chunks, before and after the pixels.
fn metadata(bytes: &[u8], max_texts: usize) -> Metadata<'_> {
    let mut found = Metadata::default();
    let mut exif_as_text = None;
    for chunk in chunks(bytes) {
        match &chunk.kind {
            b"eXIf" => found.add_exif(chunk.data),
            b"iCCP" if found.icc.is_none() => found.icc = png_text::icc_profile(&chunk).map(Cow::Owned),
            b"tEXt" | b"zTXt" | b"iTXt" => {
                if let Some(packet) = png_text::xmp(&chunk) {
                    found.add_xmp(packet);
                }
                exif_as_text = exif_as_text.or_else(|| png_text::exif_profile(&chunk));
                found.add_text(max_texts, || png_text::read(&chunk));
            }
            _ => {}
        }
    }
    if found.exif.is_empty()
        && let Some(blob) = exif_as_text.and_then(|profile| png_text::decode_profile(&profile))
    {
        found.add_exif(blob);
    }
    found
}
