//! TIFF and BigTIFF.
//!
//! Strips and tiles are read here, because the tiff crate ignores the order of bits, associated alpha and most depths;
//! their compressions come from the crates weezl, flate2 and fax, and from this crate's JPEG decoder.

mod big;
mod color;
mod decompress;
mod directory;
mod fax;
mod jpeg;
mod page;
mod predict;
mod raw;
mod samples;
mod tag;
#[cfg(test)]
mod tests;
mod unpack;

use std::borrow::Cow;

use super::format::Format;
use crate::container::photoshop;
use crate::decode::raster::Raster;
use crate::decode::refusal::Refusal;
use crate::decode::request::DecodeRequest;
use crate::exif;
use crate::metadata::Metadata;
use directory::Tiff;

pub use raw::is_camera_raw;

/// Describes TIFF.
pub const FORMAT: Format = Format {
    media_type: "image/tiff",
    name: "TIFF",
    extensions: &["tif", "tiff"],
    // The number is 42 in a TIFF file and 43 in a BigTIFF file.
    matches: |bytes| matches!(bytes, [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..]),
    decode,
    metadata,
};

/// Returns the metadata of the file. A TIFF file is an EXIF structure itself, and XMP, IPTC and the colour profile stand
/// in its first directory.
fn metadata(bytes: &[u8], _max_texts: usize) -> Metadata<'_> {
    let mut found = Metadata::default();
    let Some(tiff) = Tiff::open(bytes) else {
        return found;
    };
    let directory = tiff.directories().next();
    match &directory {
        Some(directory) if tiff.is_big() => found.add_exif(big::exif(directory)),
        _ => found.add_exif(bytes),
    }
    let value = |tag| directory.as_ref()?.values(tag).map(|values| values.as_bytes());
    if let Some(packet) = value(exif::tag::XMP) {
        found.add_xmp(packet);
    }
    found.icc = value(exif::tag::ICC_PROFILE).map(Cow::Borrowed);
    found.iptc = value(exif::tag::IPTC).map(iptc).or_else(|| {
        let resources = value(exif::tag::PHOTOSHOP)?;
        photoshop::iptc(resources).map(Cow::Borrowed)
    });
    found
}

/// Returns IPTC records in their own byte order. Many writers call the field one of 32-bit numbers, and some of them
/// swap the bytes of each number.
fn iptc(field: &[u8]) -> Cow<'_, [u8]> {
    const TAG_MARKER: u8 = 0x1C;
    match field {
        [first, _, _, TAG_MARKER, ..] if *first != TAG_MARKER => {
            Cow::Owned(field.as_chunks::<4>().0.iter().flat_map(|word| word.iter().rev()).copied().collect())
        }
        _ => Cow::Borrowed(photoshop::iptc(field).unwrap_or(field)),
    }
}

/// Decodes the first page that is a picture of its own.
fn decode(bytes: &[u8], request: &DecodeRequest) -> Result<Raster, Refusal> {
    let tiff = Tiff::open(bytes).ok_or_else(|| Refusal::corrupt("no TIFF header"))?;
    let page = page::first_page(tiff)?;
    color::raster(&page, samples::read(bytes, &page, &request.limits)?)
}
