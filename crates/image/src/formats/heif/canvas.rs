//! A picture of bytes that is put together of others, cut and turned.

use crate::container::isobmff::Aperture;
use crate::decode::refusal::Refusal;

/// Pixels of `CHANNELS` bytes, rows from the top without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canvas<const CHANNELS: usize> {
    pub width: usize,
    pub height: usize,
    pub samples: Vec<u8>,
}

impl<const CHANNELS: usize> Canvas<CHANNELS> {
    /// Makes a canvas of one colour.
    pub fn filled((width, height): (usize, usize), color: [u8; CHANNELS]) -> Self {
        Self { width, height, samples: color.repeat(width * height) }
    }

    fn pixels(&self) -> &[[u8; CHANNELS]] {
        self.samples.as_chunks().0
    }

    /// Draws another canvas with its top left corner at `at`. What lies outside is left out.
    pub fn draw(&mut self, other: &Self, (left, top): (i64, i64)) {
        let overlap = |at: i64, length: usize, room: usize| {
            let first = (-at).max(0);
            let last = (length as i64).min(room as i64 - at);
            (first < last).then_some((first as usize, last as usize, (at + first) as usize))
        };
        let Some((first, last, x)) = overlap(left, other.width, self.width) else { return };
        let Some((first_row, last_row, y)) = overlap(top, other.height, self.height) else { return };
        for row in first_row..last_row {
            let from = (row * other.width + first) * CHANNELS..(row * other.width + last) * CHANNELS;
            let to = ((y + row - first_row) * self.width + x) * CHANNELS;
            let length = from.len();
            self.samples[to..to + length].copy_from_slice(&other.samples[from]);
        }
    }

    /// Cuts the canvas to a clean aperture (ISO/IEC 14496-12, 12.1.4), whose edges are rounded to whole pixels.
    ///
    /// # Errors
    /// [`Refusal::Corrupt`] for an aperture that leaves nothing.
    pub fn cropped(self, aperture: Aperture) -> Result<Self, Refusal> {
        let range = |size: usize, length: (u32, u32), offset: (i32, u32)| {
            let length = f64::from(length.0) / f64::from(length.1);
            let first = (size as f64 - 1.0) / 2.0 + f64::from(offset.0) / f64::from(offset.1) - (length - 1.0) / 2.0;
            // A conversion of a float to an integer clamps, and NaN becomes 0.
            let (first, last) = (first.round() as usize, (first + length).round() as usize);
            let range = first..last.min(size);
            if range.is_empty() { Err(Refusal::corrupt("the clean aperture is empty")) } else { Ok(range) }
        };
        let columns = range(self.width, aperture.width, aperture.right)?;
        let rows = range(self.height, aperture.height, aperture.down)?;
        if columns.len() == self.width && rows.len() == self.height {
            return Ok(self);
        }
        let mut cropped = Self::filled((columns.len(), rows.len()), [0; CHANNELS]);
        cropped.draw(&self, (-(columns.start as i64), -(rows.start as i64)));
        Ok(cropped)
    }

    /// Turns the canvas counter-clockwise.
    pub fn rotated(self, quarters: u8) -> Self {
        let (width, height) = (self.width, self.height);
        let size = if quarters % 2 == 1 { (height, width) } else { (width, height) };
        match quarters % 4 {
            1 => self.rearranged(size, |x, y| (width - 1 - y, x)),
            2 => self.rearranged(size, |x, y| (width - 1 - x, height - 1 - y)),
            3 => self.rearranged(size, |x, y| (y, height - 1 - x)),
            _ => self,
        }
    }

    /// Exchanges left and right, or top and bottom.
    pub fn mirrored(self, left_right: bool) -> Self {
        let (width, height) = (self.width, self.height);
        if left_right {
            self.rearranged((width, height), |x, y| (width - 1 - x, y))
        } else {
            self.rearranged((width, height), |x, y| (x, height - 1 - y))
        }
    }

    /// Makes a canvas of the pixels that stand at `from(x, y)` in this one.
    fn rearranged(&self, (width, height): (usize, usize), from: impl Fn(usize, usize) -> (usize, usize)) -> Self {
        let pixels = self.pixels();
        let mut samples = Vec::with_capacity(self.samples.len());
        for y in 0..height {
            for x in 0..width {
                let (old_x, old_y) = from(x, y);
                samples.extend_from_slice(&pixels[old_y * self.width + old_x]);
            }
        }
        Self { width, height, samples }
    }

    /// Scales the canvas to another size, each pixel that of the nearest place.
    pub fn scaled(self, (width, height): (usize, usize)) -> Self {
        if (width, height) == (self.width, self.height) {
            return self;
        }
        let (old_width, old_height) = (self.width, self.height);
        self.rearranged((width, height), |x, y| (x * old_width / width, y * old_height / height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A canvas of three columns and two rows: 1 2 3, 4 5 6.
    fn canvas() -> Canvas<1> {
        Canvas { width: 3, height: 2, samples: vec![1, 2, 3, 4, 5, 6] }
    }

    #[test]
    fn quarter_turns_go_counter_clockwise() {
        for (quarters, width, want) in [
            (0, 3, [1, 2, 3, 4, 5, 6]),
            (1, 2, [3, 6, 2, 5, 1, 4]),
            (2, 3, [6, 5, 4, 3, 2, 1]),
            (3, 2, [4, 1, 5, 2, 6, 3]),
        ] {
            let turned = canvas().rotated(quarters);
            assert_eq!((turned.width, turned.samples.as_slice()), (width, want.as_slice()), "{quarters}");
        }
    }

    #[test]
    fn mirroring_exchanges_the_sides() {
        assert_eq!(canvas().mirrored(true).samples, [3, 2, 1, 6, 5, 4]);
        assert_eq!(canvas().mirrored(false).samples, [4, 5, 6, 1, 2, 3]);
    }

    #[test]
    fn a_clean_aperture_is_given_from_the_centre() {
        let aperture = |width, right| Aperture { width, height: (2, 1), right, down: (0, 1) };
        assert_eq!(canvas().cropped(aperture((1, 1), (0, 1))).unwrap().samples, [2, 5]);
        assert_eq!(canvas().cropped(aperture((2, 1), (1, 2))).unwrap().samples, [2, 3, 5, 6]);
        assert_eq!(canvas().cropped(aperture((2, 1), (-1, 2))).unwrap().samples, [1, 2, 4, 5]);
        assert_eq!(canvas().cropped(aperture((3, 1), (0, 1))).unwrap(), canvas());
        for (width, right) in [((0, 1), (0, 1)), ((1, 0), (0, 0)), ((1, 1), (900, 1)), ((u32::MAX, 0), (i32::MIN, 0))] {
            assert!(canvas().cropped(aperture(width, right)).is_err(), "{width:?} {right:?}");
        }
    }

    #[test]
    fn what_is_drawn_outside_is_left_out() {
        let mut canvas = canvas();
        let other = Canvas { width: 2, height: 2, samples: vec![7, 8, 9, 10] };
        canvas.draw(&other, (2, -1));
        canvas.draw(&other, (i64::from(i32::MIN), 0));
        canvas.draw(&other, (0, 2));
        assert_eq!(canvas.samples, [1, 2, 9, 4, 5, 6]);
    }

    #[test]
    fn scaling_takes_the_nearest_pixel() {
        assert_eq!(canvas().scaled((6, 2)).samples, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
        assert_eq!(canvas().scaled((3, 2)), canvas());
    }
}
