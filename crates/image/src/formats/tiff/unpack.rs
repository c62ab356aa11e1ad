//! Unpacking the samples of a row: of 1 to 64 bits, whole numbers or floats, to 8 or 16 bits.

use super::page::{Colors, Page};

/// Unpacks a row of a strip or tile. `positions` are those of the samples, within a pixel of the row, that are wanted;
/// the first of them becomes sample `first` of the `channels` samples of a pixel of `out`. Returns the number of floats
/// outside the range from 0 to 1.
pub fn row(page: &Page<'_>, row: &[u8], positions: &[u32], out: &mut [u8], first: usize, channels: usize) -> u64 {
    let stored = page.samples_in_chunk() as usize;
    if page.bits == 8 && stored == channels && positions.len() == channels {
        out.copy_from_slice(&row[..out.len()]);
        return 0;
    }
    let is_wide = page.has_wide_samples();
    let sample_bytes = if is_wide { 2 } else { 1 };
    let mut outside = 0;
    for (x, pixel) in out.chunks_exact_mut(channels * sample_bytes).enumerate() {
        for (i, position) in positions.iter().enumerate() {
            let at = x * stored + *position as usize;
            let sample = if page.is_float {
                let float = float(page, row, at);
                outside += u64::from(!(0.0..=1.0).contains(&float));
                // NaN becomes 0.
                (float * 65_535.0).round() as u16
            } else {
                scaled(page, whole(page, row, at))
            };
            let to = (first + i) * sample_bytes;
            if is_wide {
                pixel[to..to + 2].copy_from_slice(&sample.to_ne_bytes());
            } else {
                pixel[to] = sample as u8;
            }
        }
    }
    outside
}

/// Unpacks row `y` of a chunk in which `subsampling` pixels share their chroma: blocks of their lumas and both chromas.
pub fn subsampled(chunk: &[u8], width: usize, subsampling: (u32, u32), y: usize, out: &mut [u8]) {
    let (across, down) = (subsampling.0 as usize, subsampling.1 as usize);
    let block_bytes = across * down + 2;
    let blocks = &chunk[y / down * width.div_ceil(across) * block_bytes..];
    for (x, pixel) in out.chunks_exact_mut(3).enumerate() {
        let block = &blocks[x / across * block_bytes..][..block_bytes];
        pixel[0] = block[y % down * across + x % across];
        pixel[1..].copy_from_slice(&block[across * down..]);
    }
}

/// Reads the `at`th sample of a row, a whole number of 16 bits at most.
fn whole(page: &Page<'_>, row: &[u8], at: usize) -> u16 {
    match page.bits {
        8 => u16::from(row[at]),
        16 => number(page, row, at, u16::from_be_bytes, u16::from_le_bytes),
        bits => {
            let bits = bits as usize;
            let first = at * bits;
            let byte = |i: usize| u32::from(row.get(first / 8 + i).copied().unwrap_or(0));
            let window = byte(0) << 16 | byte(1) << 8 | byte(2);
            (window >> (24 - first % 8 - bits) & ((1 << bits) - 1)) as u16
        }
    }
}

/// Reads the `at`th sample of a row, a float of 16, 32 or 64 bits.
fn float(page: &Page<'_>, row: &[u8], at: usize) -> f32 {
    match page.bits {
        16 => half(number(page, row, at, u16::from_be_bytes, u16::from_le_bytes)),
        32 => number(page, row, at, f32::from_be_bytes, f32::from_le_bytes),
        _ => number(page, row, at, f64::from_be_bytes, f64::from_le_bytes) as f32,
    }
}

/// Reads the `at`th number of `N` bytes of a row in the byte order of the file.
fn number<const N: usize, T>(
    page: &Page<'_>,
    row: &[u8],
    at: usize,
    big: fn([u8; N]) -> T,
    little: fn([u8; N]) -> T,
) -> T {
    let bytes = row[at * N..].first_chunk().copied().unwrap_or([0; N]);
    if page.big_endian { big(bytes) } else { little(bytes) }
}

/// Returns the value of a float of 16 bits (IEEE 754 binary16).
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f32::from(bits & 0x3FF));
    sign * match exponent {
        0 => fraction * 2_f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2_f32.powi(exponent - 25),
    }
}

/// Brings a whole number from the bits of the file to 8 or 16 bits. An index into a palette stays as it is.
fn scaled(page: &Page<'_>, sample: u16) -> u16 {
    let largest = (1_u32 << page.bits) - 1;
    let to = |full: u32| ((u32::from(sample) * full + largest / 2) / largest) as u16;
    match page.colors {
        Colors::Palette(_) => sample,
        Colors::Lab { .. } => sample >> (page.bits - 8),
        _ if page.bits == 8 || page.bits == 16 && page.has_wide_samples() => sample,
        _ if page.has_wide_samples() => to(65_535),
        _ => to(255),
    }
}

#[cfg(test)]
mod tests {
    use super::half;

    #[test]
    fn floats_of_16_bits_have_their_values() {
        for (bits, value) in [(0x0000, 0.0), (0x3C00, 1.0), (0x3800, 0.5), (0xC000, -2.0), (0x0001, 5.960_464_5e-8)] {
            assert!((half(bits) - value).abs() <= f32::EPSILON * value.abs(), "{bits:#06X}");
        }
        assert!(half(0x7C00).is_infinite() && half(0x7E00).is_nan());
    }
}
