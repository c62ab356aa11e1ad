//! TIFF and BigTIFF.

use std::borrow::Cow;
use std::ops::Range;

use image::{ImageFormat, RgbImage};

use super::format::Format;
use crate::container::photoshop;
use crate::decode::image_crate;
use crate::decode::limits::DecodeLimits;
use crate::decode::refusal::Refusal;
use crate::exif::{Exif, tag};
use crate::metadata::Metadata;

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

/// Values of the photometric tag.
const BLACK_IS_ZERO: u8 = 1;
const PALETTE: u16 = 3;

/// Returns the metadata of the file. A TIFF file is an EXIF structure itself, and XMP, IPTC and the colour profile stand
/// in its first directory.
fn metadata(bytes: &[u8], _max_texts: usize) -> Metadata<'_> {
    let mut found = Metadata::default();
    found.add_exif(bytes);
    if let Some(tiff) = Exif::parse(bytes) {
        if let Some(packet) = tiff.first_directory(tag::XMP) {
            found.add_xmp(packet);
        }
        found.icc = tiff.first_directory(tag::ICC_PROFILE).map(Cow::Borrowed);
        found.iptc = tiff.first_directory(tag::IPTC).map(iptc).or_else(|| {
            let resources = tiff.first_directory(tag::PHOTOSHOP)?;
            photoshop::iptc(resources).map(Cow::Borrowed)
        });
    }
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

fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<RgbImage, Refusal> {
    match Palette::find(bytes) {
        Some(palette) => palette.decode(bytes, limits),
        None => image_crate::decode(bytes, ImageFormat::Tiff, limits),
    }
}

/// A palette of 256 colours, which the decoder of the image crate refuses. The decoder is asked for the indices as if
/// they were grey levels, and the palette is applied here.
struct Palette {
    colors: Vec<[u8; 3]>,
    /// The position of the number that says that the file has a palette.
    photometric: Range<usize>,
    big_endian: bool,
}

impl Palette {
    /// Returns the palette of a TIFF whose samples are 8-bit indices; `None` for every other TIFF.
    fn find(bytes: &[u8]) -> Option<Self> {
        let tiff = Exif::parse(bytes)?;
        let number = |tag| tiff.u16(tiff.first_directory(tag)?);
        if number(tag::PHOTOMETRIC)? != PALETTE || number(tag::BITS_PER_SAMPLE)? != 8 {
            return None;
        }
        // The palette is all reds, then all greens, then all blues, 16 bits each. Pillow takes the upper 8 of them.
        let map = tiff.first_directory(tag::COLOR_MAP)?;
        let level = |at: usize| Some((tiff.u16(map.get(2 * at..)?)? >> 8) as u8);
        let colors = (0..256).map(|i| Some([level(i)?, level(i + 256)?, level(i + 512)?])).collect::<Option<_>>()?;
        let photometric = tiff.position(tag::PHOTOMETRIC)?;
        Some(Self { colors, photometric, big_endian: bytes.starts_with(b"MM") })
    }

    /// Decodes the file in which the palette was found. This is the only function that copies a file, because it must
    /// change one number in the file.
    fn decode(&self, bytes: &[u8], limits: &DecodeLimits) -> Result<RgbImage, Refusal> {
        let mut grey = bytes.to_vec();
        if let Some([first, second, ..]) = grey.get_mut(self.photometric.clone()) {
            let (zero, value) = if self.big_endian { (first, second) } else { (second, first) };
            (*zero, *value) = (0, BLACK_IS_ZERO);
        }
        let mut picture = image_crate::decode(&grey, ImageFormat::Tiff, limits)?;
        for pixel in picture.pixels_mut() {
            // The table has 256 colours, one for each value of a byte.
            pixel.0 = self.colors[usize::from(pixel.0[0])];
        }
        Ok(picture)
    }
}
