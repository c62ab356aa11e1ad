//! TIFF with a palette of 256 colours, which the TIFF decoder refuses: it is asked for the indices as if they
//! were grey levels, and the palette is applied here.

use std::ops::Range;

use image::RgbImage;

use super::{DecodeLimits, other};
use crate::exif::{Exif, tag};
use crate::{FileType, ImageError};

/// Values of the photometric tag.
const BLACK_IS_ZERO: u8 = 1;
const PALETTE: u16 = 3;

/// A palette and where the file says that it is one.
pub(super) struct Palette {
    colors: Vec<[u8; 3]>,
    photometric: Range<usize>,
    big_endian: bool,
}

/// The palette of a TIFF whose samples are 8-bit indices; `None` for every other TIFF.
pub(super) fn find(bytes: &[u8]) -> Option<Palette> {
    let tiff = Exif::parse(bytes)?;
    let number = |tag| tiff.u16(tiff.first_directory(tag)?);
    if number(tag::PHOTOMETRIC)? != PALETTE || number(tag::BITS_PER_SAMPLE)? != 8 {
        return None;
    }
    // All reds, then all greens, then all blues, 16 bits each, of which Pillow takes the upper ones.
    let map = tiff.first_directory(tag::COLOR_MAP)?;
    let level = |at: usize| Some((tiff.u16(map.get(2 * at..)?)? >> 8) as u8);
    let colors = (0..256).map(|i| Some([level(i)?, level(i + 256)?, level(i + 512)?])).collect::<Option<_>>()?;
    let photometric = tiff.position(tag::PHOTOMETRIC)?;
    Some(Palette { colors, photometric, big_endian: bytes.starts_with(b"MM") })
}

impl Palette {
    /// Decodes the file that [`find`] was asked about. This is the one place that copies a file, because one
    /// number in it has to be another.
    pub(super) fn decode(&self, bytes: &[u8], limits: &DecodeLimits) -> Result<RgbImage, ImageError> {
        let mut grey = bytes.to_vec();
        if let Some([first, second, ..]) = grey.get_mut(self.photometric.clone()) {
            let (zero, value) = if self.big_endian { (first, second) } else { (second, first) };
            (*zero, *value) = (0, BLACK_IS_ZERO);
        }
        let mut picture = other::decode(&grey, FileType::Tiff, limits)?;
        for pixel in picture.pixels_mut() {
            // A table of 256 has every index that a byte can be.
            pixel.0 = self.colors[usize::from(pixel.0[0])];
        }
        Ok(picture)
    }
}
