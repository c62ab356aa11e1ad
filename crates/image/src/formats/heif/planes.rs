//! The samples of a decoded picture, as video codecs give them.

/// The number of chroma samples of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chroma {
    /// None.
    Grey,
    /// One for each square of four pixels.
    Quarter,
    /// One for each two pixels of a row.
    Half,
    /// One for each pixel.
    Full,
}

impl Chroma {
    /// Returns the number of samples, luma and chroma, of two pixels.
    pub const fn samples_of_two_pixels(self) -> u64 {
        match self {
            Self::Grey => 2,
            Self::Quarter => 3,
            Self::Half => 4,
            Self::Full => 6,
        }
    }

    /// Returns the logarithms of the horizontal and the vertical distance of chroma samples.
    pub const fn shifts(self) -> (u32, u32) {
        match self {
            Self::Grey | Self::Full => (0, 0),
            Self::Half => (1, 0),
            Self::Quarter => (1, 1),
        }
    }
}

/// The matrix and the range of samples, as a bitstream gives them, with the code points of ITU-T H.273.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coding {
    pub matrix: u16,
    pub full_range: bool,
}

/// A plane: rows without padding.
#[derive(Debug)]
pub struct Plane {
    pub width: usize,
    pub height: usize,
    /// Bits of each sample, 8 to 16.
    pub depth: u8,
    pub samples: Vec<u16>,
}

impl Plane {
    /// A plane without samples.
    pub const EMPTY: Self = Self { width: 0, height: 0, depth: 8, samples: Vec::new() };

    /// Cuts samples off at the sides: left and right, top and bottom. Returns `None` when nothing is left of a plane
    /// that has samples.
    pub fn cut(self, [left, right]: [usize; 2], [top, bottom]: [usize; 2]) -> Option<Self> {
        if self.samples.is_empty() || [left, right, top, bottom] == [0; 4] {
            return Some(self);
        }
        let width = self.width.checked_sub(left.checked_add(right)?).filter(|&width| width > 0)?;
        let height = self.height.checked_sub(top.checked_add(bottom)?).filter(|&height| height > 0)?;
        let rows = self.samples.chunks_exact(self.width).skip(top).take(height);
        let samples = rows.flat_map(|row| &row[left..left + width]).copied().collect();
        Some(Self { width, height, depth: self.depth, samples })
    }

    /// Returns a row, or the last one for rows below it.
    pub fn row(&self, y: usize) -> &[u16] {
        let start = y.min(self.height.saturating_sub(1)) * self.width;
        self.samples.get(start..start + self.width).unwrap_or_default()
    }
}

/// A decoded picture: luma and two planes of chroma, which are empty for a grey picture.
#[derive(Debug)]
pub struct Planes {
    pub chroma: Chroma,
    pub planes: [Plane; 3],
    pub coding: Coding,
}
