//! The bits of a pixel of 16, 24 or 32 bits that hold each of its samples.

use crate::decode::refusal::Refusal;

/// The bits of red, green, blue and alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Masks([Mask; 4]);

/// The bits of a sample: `largest` shifted to the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mask {
    shift: u32,
    /// The largest value; 0 when the pixel does not have the sample.
    largest: u32,
}

impl Masks {
    /// The masks of pixels of 16 bits for which the file states none.
    pub const FIVE_BITS_EACH: Self = Self([mask(10, 31), mask(5, 31), mask(0, 31), mask(0, 0)]);

    /// The masks of pixels of 24 and 32 bits for which the file states none; the fourth byte has no meaning.
    pub const EIGHT_BITS_EACH: Self = Self([mask(16, 255), mask(8, 255), mask(0, 255), mask(0, 0)]);

    /// Reads the masks that a file states.
    ///
    /// # Errors
    /// [`Refusal::UnsupportedKind`] for a mask with a gap.
    pub fn new(bits: [u32; 4]) -> Result<Self, Refusal> {
        let masks = bits.map(|bits| {
            let shift = bits.trailing_zeros() % 32;
            mask(shift, bits >> shift)
        });
        if masks.iter().any(|mask| mask.largest & mask.largest.wrapping_add(1) != 0) {
            return Err(Refusal::unsupported_kind("a mask with a gap"));
        }
        Ok(Self(masks))
    }

    /// Returns 4 for pixels with alpha and 3 for others.
    pub const fn channels(&self) -> usize {
        if self.0[3].largest == 0 { 3 } else { 4 }
    }

    /// Returns red, green, blue and alpha of a pixel.
    pub fn samples(&self, pixel: u32) -> [u8; 4] {
        self.0.map(|Mask { shift, largest }| match u64::from(largest) {
            0 => 0,
            // The sum does not overflow 64 bits, and the quotient is 255 at most.
            largest => ((u64::from(pixel >> shift) & largest) * 255 + largest / 2).div_euclid(largest) as u8,
        })
    }
}

const fn mask(shift: u32, largest: u32) -> Mask {
    Mask { shift, largest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_any_bits_reach_from_0_to_255() {
        let masks = Masks::new([0xF800, 0x07E0, 0x001F, 0]).unwrap();
        assert_eq!(masks.channels(), 3);
        assert_eq!(masks.samples(0xFFFF), [255, 255, 255, 0]);
        assert_eq!(masks.samples(0x8401), [132, 130, 8, 0]);
        let wide = Masks::new([0x3FF0_0000, 0x000F_FC00, 0x3FF, 0xC000_0000]).unwrap();
        assert_eq!(wide.samples(0xC000_03FF), [0, 0, 255, 255]);
        assert!(matches!(Masks::new([0b101, 0, 0, 0]), Err(Refusal::UnsupportedKind { .. })));
        assert_eq!(Masks::new([u32::MAX, 0, 0, 0]).unwrap().samples(u32::MAX)[0], 255);
    }
}
