//! PNG and APNG.

use std::borrow::Cow;

use super::format::Format;
use super::{png_pixels, png_profile, png_text};
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

/// The largest number of profiles as text that are decoded.
const MAX_PROFILES: usize = 8;

/// Reads EXIF, XMP, IPTC, the colour profile and text chunks, before and after the pixels. The chunks that PNG has for
/// metadata come before profiles as text, which older programs wrote.
fn metadata(bytes: &[u8], max_texts: usize) -> Metadata<'_> {
    let mut found = Metadata::default();
    let mut profiles = Vec::new();
    for chunk in chunks(bytes) {
        match &chunk.kind {
            b"eXIf" => found.add_exif(chunk.data),
            b"iCCP" if found.icc.is_none() => found.icc = png_text::icc_profile(&chunk).map(Cow::Owned),
            b"tEXt" | b"zTXt" | b"iTXt" => match png_text::read(&chunk) {
                Some(text) if png_text::is_xmp(&text) => found.add_xmp_with(|| png_text::xmp(text)),
                Some(text) if png_profile::is_profile(&text) => profiles.push(text),
                text => found.add_text(max_texts, || text),
            },
            _ => {}
        }
    }
    for profile in profiles.iter().take(MAX_PROFILES) {
        png_profile::add(profile, &mut found);
    }
    found
}
