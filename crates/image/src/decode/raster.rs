//! The samples that a decoder delivers, before any conversion.

use super::refusal::Refusal;

/// A decoded picture as the file stores it: in its own colour space, with its own alpha, not turned yet.
///
/// The steps that all formats share come after it (`picture.rs`): hidden texts are read from the samples, colours become
/// sRGB, 16 bits become 8, alpha is composited over white, and the picture is turned upright.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The layout of the samples.
    pub layout: Layout,
    /// The samples: interleaved, rows from the top without padding. Samples of 16 bits are in the machine's byte order.
    pub samples: Vec<u8>,
    /// Width and height of the picture in the file; larger than `width` and `height` when it was decoded smaller.
    pub full_size: (u32, u32),
    /// Whether the decoder has turned the picture upright, so that the orientation in the metadata does not count.
    pub is_upright: bool,
    /// The colour space that the decoder itself found; `None` leaves it to the profile in the metadata.
    pub color: Option<ColorSpace>,
}

/// The layout of samples. Alpha is straight, not multiplied into the colours: a decoder of multiplied samples divides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Grey8,
    GreyAlpha8,
    Rgb8,
    Rgba8,
    /// Cyan, magenta, yellow and black; 0 is no ink, 255 is full ink.
    Cmyk8,
    Grey16,
    GreyAlpha16,
    Rgb16,
    Rgba16,
}

impl Layout {
    /// Returns the number of bytes of a pixel.
    pub const fn pixel_bytes(self) -> usize {
        match self {
            Self::Grey8 => 1,
            Self::GreyAlpha8 | Self::Grey16 => 2,
            Self::Rgb8 => 3,
            Self::Rgba8 | Self::Cmyk8 | Self::GreyAlpha16 => 4,
            Self::Rgb16 => 6,
            Self::Rgba16 => 8,
        }
    }
}

/// A colour space that a file states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColorSpace {
    /// An ICC profile.
    Icc(Vec<u8>),
    /// Code points of ITU-T H.273 (`nclx`, `cICP`): full-range RGB of these primaries and this transfer function.
    Cicp {
        /// The code point of the primaries: 1 is BT.709, 9 is BT.2020, 12 is Display P3.
        primaries: u8,
        /// The code point of the transfer characteristics: 13 is that of sRGB.
        transfer: u8,
    },
}

impl Raster {
    /// Makes a raster of a whole picture.
    ///
    /// # Errors
    /// [`Refusal::Corrupt`] when there are fewer samples than the size announces. Samples too many are dropped.
    pub fn new((width, height): (u32, u32), layout: Layout, mut samples: Vec<u8>) -> Result<Self, Refusal> {
        let pixels = u64::from(width) * u64::from(height);
        let bytes = usize::try_from(pixels).ok().and_then(|pixels| pixels.checked_mul(layout.pixel_bytes()));
        match bytes {
            Some(bytes) if bytes <= samples.len() => samples.truncate(bytes),
            _ => return Err(Refusal::corrupt("fewer samples than announced")),
        }
        Ok(Self { width, height, layout, samples, full_size: (width, height), is_upright: false, color: None })
    }

    /// Returns the raster with the colour space that the decoder found.
    pub fn with_color(self, color: Option<ColorSpace>) -> Self {
        Self { color, ..self }
    }

    /// Returns the raster of a decoder that has turned the picture upright.
    pub fn upright(self) -> Self {
        Self { is_upright: true, ..self }
    }

    /// Returns the number of pixels.
    pub fn pixels(&self) -> usize {
        self.samples.len() / self.layout.pixel_bytes()
    }
}

/// Brings samples of 16 bits from big-endian into the machine's byte order.
pub fn from_big_endian(samples: &mut [u8]) {
    for sample in samples.as_chunks_mut::<2>().0 {
        *sample = u16::from_be_bytes(*sample).to_ne_bytes();
    }
}
