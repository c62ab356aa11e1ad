//! The colours of an item.

use super::planes::Coding;
use crate::container::isobmff::{Color, Property};
use crate::decode::raster::ColorSpace;

/// The code points that stand for "not specified".
const UNSPECIFIED: u16 = 2;

/// The code point of the primaries of BT.709, which are those of sRGB.
const BT709: u8 = 1;
/// The code point of the transfer function of sRGB.
const SRGB: u8 = 13;

/// The colours that the properties of an item state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Colors<'a> {
    icc: Option<&'a [u8]>,
    /// Primaries, transfer characteristics, and the coding of samples.
    coded: Option<(u16, u16, Coding)>,
}

impl<'a> Colors<'a> {
    /// Returns the colours that stand in properties.
    pub fn read(properties: impl Iterator<Item = Property<'a>>) -> Self {
        let mut found = Self::default();
        for property in properties {
            match property {
                Property::Color(Color::Icc(profile)) => found.icc = found.icc.or(Some(profile)),
                Property::Color(Color::Coded { primaries, transfer, matrix, full_range }) => {
                    found.coded = found.coded.or(Some((primaries, transfer, Coding { matrix, full_range })));
                }
                _ => {}
            }
        }
        found
    }

    /// Returns these colours; what they do not state is taken from `other`.
    pub fn or(self, other: Self) -> Self {
        Self { icc: self.icc.or(other.icc), coded: self.coded.or(other.coded) }
    }

    /// Returns the coding of the samples, which the bitstream states if the properties do not.
    pub fn coding(&self, in_bitstream: Coding) -> Coding {
        self.coded.map_or(in_bitstream, |(_, _, coding)| coding)
    }

    /// Returns the code point of the primaries.
    pub fn primaries(&self) -> u16 {
        self.coded.map_or(UNSPECIFIED, |(primaries, ..)| primaries)
    }

    /// Returns the colour space of the decoded pixels, if the file states one. An ICC profile goes before code points.
    pub fn space(&self) -> Option<ColorSpace> {
        if let Some(profile) = self.icc {
            return Some(ColorSpace::Icc(profile.to_vec()));
        }
        let (primaries, transfer, _) = self.coded?;
        let primaries = if primaries == UNSPECIFIED { BT709 } else { u8::try_from(primaries).ok()? };
        // The curves of video cameras stand for sRGB, as in browsers: writers mean the screen and name the camera.
        let transfer =
            if matches!(transfer, 1 | UNSPECIFIED | 6 | 14 | 15) { SRGB } else { u8::try_from(transfer).ok()? };
        Some(ColorSpace::Cicp { primaries, transfer })
    }
}
