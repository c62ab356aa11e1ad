//! The properties of items: sizes, colours, transformations and what a codec needs.

use super::boxes::{BoxType, boxes};
use super::reader::Reader;

/// The most properties of a file: their numbers have 15 bits.
const MOST: usize = 0x7FFF;

/// A property of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Property<'a> {
    /// The width and the height before transformations.
    Size(u32, u32),
    /// The way in which its samples become colours.
    Color(Color<'a>),
    /// The part that is shown.
    Crop(Aperture),
    /// The quarter turns, counter-clockwise, that show it upright.
    Rotate(u8),
    /// The mirroring that shows it upright: left and right are exchanged, or top and bottom if this is false.
    Mirror { left_right: bool },
    /// The parameter sets of an HEVC picture: the number of bytes in which lengths are written, and the arrays.
    Hevc(&'a [u8]),
    /// The configuration of an AV1 picture.
    Av1(&'a [u8]),
    /// The use of an auxiliary picture, an URN.
    Auxiliary(&'a [u8]),
    /// The operating point of a layered AV1 picture that is shown.
    OperatingPoint(u8),
    /// A property that pictures can be decoded without.
    Other(BoxType),
}

/// The way in which samples become colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color<'a> {
    /// An ICC profile.
    Icc(&'a [u8]),
    /// Code points of ITU-T H.273.
    Coded { primaries: u16, transfer: u16, matrix: u16, full_range: bool },
}

/// A clean aperture: fractions with numerator and denominator, the offsets from the centre of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aperture {
    pub width: (u32, u32),
    pub height: (u32, u32),
    pub right: (i32, u32),
    pub down: (i32, u32),
}

/// Reads the container of properties in file order. The first one has the number 1. A property that cannot be read is
/// kept as [`Property::Other`], so that those after it keep their numbers.
pub fn properties(container: &[u8]) -> Vec<Property<'_>> {
    boxes(container)
        .take(MOST)
        .map(|(kind, content)| property(kind, content).unwrap_or(Property::Other(kind)))
        .collect()
}

fn property(kind: BoxType, content: &[u8]) -> Option<Property<'_>> {
    let mut reader = Reader::new(content);
    Some(match &kind {
        b"ispe" => {
            reader.u32()?;
            Property::Size(reader.u32()?, reader.u32()?)
        }
        b"colr" => Property::Color(color(content)?),
        b"clap" => {
            let mut fraction = || Some((reader.u32()?, reader.u32()?));
            let (width, height, right, down) = (fraction()?, fraction()?, fraction()?, fraction()?);
            // The numerators of offsets are signed.
            let signed = |(n, d): (u32, u32)| (n.cast_signed(), d);
            Property::Crop(Aperture { width, height, right: signed(right), down: signed(down) })
        }
        b"irot" => Property::Rotate(reader.u8()? & 3),
        b"imir" => Property::Mirror { left_right: reader.u8()? & 1 == 1 },
        b"hvcC" => Property::Hevc(content),
        b"av1C" => Property::Av1(content),
        b"auxC" => {
            reader.u32()?;
            Property::Auxiliary(reader.text())
        }
        b"a1op" => Property::OperatingPoint(reader.u8()?),
        _ => return None,
    })
}

/// Reads a colour box.
pub fn color(content: &[u8]) -> Option<Color<'_>> {
    let mut reader = Reader::new(content);
    Some(match &reader.array()? {
        b"nclx" => Color::Coded {
            primaries: reader.u16()?,
            transfer: reader.u16()?,
            matrix: reader.u16()?,
            full_range: reader.u8()? & 0x80 != 0,
        },
        b"prof" | b"rICC" => Color::Icc(reader.rest),
        _ => return None,
    })
}
