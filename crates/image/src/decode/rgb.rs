//! Conversion of samples of any layout to 8-bit RGB, within their buffer.

use image::RgbImage;

use super::refusal::Refusal;

/// Composites a sample over opaque white as Pillow's `alpha_composite` does. The result is exactly `round((s·a +
/// 255·(255 − a)) / 255)`, computed by shifts instead of a division.
fn over_white(sample: u8, alpha: u8) -> u8 {
    let (s, a) = (u32::from(sample), u32::from(alpha));
    let t = s * a + 255 * (255 - a) + 128;
    ((t + (t >> 8)) >> 8) as u8
}

/// Rounds a sample of 16 bits to 8: 0 ↦ 0, 65,535 ↦ 255.
fn eight_bits(sample: u16) -> u8 {
    ((u32::from(sample) + 128) / 257) as u8
}

/// Reads a 16-bit sample in the byte order of its buffer.
pub type Read16 = fn([u8; 2]) -> u16;

/// The layout of the samples that a decoder delivers: interleaved, rows without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Grey8,
    GreyAlpha8,
    Rgb8,
    Rgba8,
    Grey16,
    GreyAlpha16,
    Rgb16,
    Rgba16,
    RgbFloat,
    RgbaFloat,
}

/// Converts `pixels` pixels of `buffer` to three bytes each. `read16` reads 16-bit samples in their byte order; floats
/// are in the machine's order, as the image crate delivers them, from 0 to 1.
pub fn to_rgb8(mut buffer: Vec<u8>, pixels: usize, layout: Layout, read16: Read16) -> Vec<u8> {
    let wide = |high, low| eight_bits(read16([high, low]));
    let b = &mut buffer;
    match layout {
        Layout::Rgb8 => b.truncate(pixels * 3),
        Layout::Grey8 => each(b, pixels, |[g]| [g; 3]),
        Layout::GreyAlpha8 => each(b, pixels, |[g, a]| [over_white(g, a); 3]),
        Layout::Rgba8 => each(b, pixels, |[r, g, b, a]| [r, g, b].map(|s| over_white(s, a))),
        Layout::Grey16 => each(b, pixels, |[g0, g1]| [wide(g0, g1); 3]),
        Layout::GreyAlpha16 => {
            each(b, pixels, |[g0, g1, a0, a1]| [over_white(wide(g0, g1), wide(a0, a1)); 3]);
        }
        Layout::Rgb16 => each(b, pixels, |[r0, r1, g0, g1, b0, b1]| [wide(r0, r1), wide(g0, g1), wide(b0, b1)]),
        Layout::Rgba16 => each(b, pixels, |[r0, r1, g0, g1, b0, b1, a0, a1]| {
            let a = wide(a0, a1);
            [wide(r0, r1), wide(g0, g1), wide(b0, b1)].map(|s| over_white(s, a))
        }),
        Layout::RgbFloat => each(b, pixels, |p: [u8; 12]| [float(&p, 0), float(&p, 1), float(&p, 2)]),
        Layout::RgbaFloat => each(b, pixels, |p: [u8; 16]| {
            let a = float(&p, 3);
            [float(&p, 0), float(&p, 1), float(&p, 2)].map(|s| over_white(s, a))
        }),
    }
    buffer
}

/// Makes a picture of converted samples.
///
/// # Errors
/// [`Refusal::Corrupt`] when the decoder delivered fewer samples than its header announces.
pub fn picture((width, height): (u32, u32), rgb: Vec<u8>) -> Result<RgbImage, Refusal> {
    RgbImage::from_raw(width, height, rgb).ok_or_else(|| Refusal::corrupt("fewer samples than announced"))
}

/// Returns the `n`th float of a pixel as an 8-bit sample. A value out of range is clamped; NaN becomes 0.
fn float(pixel: &[u8], n: usize) -> u8 {
    let bytes = pixel[4 * n..].first_chunk().copied().unwrap_or_default();
    (f32::from_ne_bytes(bytes) * 255.0).round() as u8
}

/// Replaces each pixel of `IN` bytes by three bytes in place: from the front when pixels shrink, from the end when they
/// grow, so that no byte is overwritten before it is read.
fn each<const IN: usize>(buffer: &mut Vec<u8>, pixels: usize, f: impl Fn([u8; IN]) -> [u8; 3]) {
    let step = |buffer: &mut [u8], i: usize| {
        let mut pixel = [0; IN];
        pixel.copy_from_slice(&buffer[i * IN..(i + 1) * IN]);
        buffer[i * 3..i * 3 + 3].copy_from_slice(&f(pixel));
    };
    if IN >= 3 {
        (0..pixels).for_each(|i| step(buffer, i));
        buffer.truncate(pixels * 3);
    } else {
        buffer.resize(pixels * 3, 0);
        (0..pixels).rev().for_each(|i| step(buffer, i));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_over_white_is_the_rounded_exact_value() {
        for s in 0..=255u8 {
            for a in 0..=255u8 {
                let exact = (f64::from(s) * f64::from(a) + 255.0 * (255.0 - f64::from(a))) / 255.0;
                assert_eq!(f64::from(over_white(s, a)), exact.round(), "{s} at alpha {a}");
            }
        }
    }

    #[test]
    fn sixteen_bits_are_rounded() {
        for v in 0..=u16::MAX {
            assert_eq!(f64::from(eight_bits(v)), (f64::from(v) / 257.0).round());
        }
    }

    #[test]
    fn every_layout_converts_to_the_same_two_pixels() {
        let be = u16::from_be_bytes;
        let f = |v: [f32; 8]| v.iter().flat_map(|x| x.to_ne_bytes()).collect::<Vec<u8>>();
        for (layout, samples) in [
            (Layout::Grey8, vec![9, 255]),
            (Layout::GreyAlpha8, vec![9, 255, 3, 0]),
            (Layout::Rgb8, vec![9, 9, 9, 255, 255, 255]),
            (Layout::Rgba8, vec![9, 9, 9, 255, 1, 2, 3, 0]),
            (Layout::Grey16, vec![9, 9, 255, 255]),
            (Layout::GreyAlpha16, vec![9, 9, 255, 255, 3, 3, 0, 0]),
            (Layout::Rgb16, vec![9, 9, 9, 9, 9, 9, 255, 255, 255, 255, 255, 255]),
            (Layout::Rgba16, vec![9, 9, 9, 9, 9, 9, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0]),
            (Layout::RgbFloat, f([9. / 255., 9. / 255., 9. / 255., 1., 1., 7.5, 0., 0.])),
            (Layout::RgbaFloat, f([9. / 255., 9. / 255., 9. / 255., 1., 0., 0., 0., 0.])),
        ] {
            assert_eq!(to_rgb8(samples, 2, layout, be), [9, 9, 9, 255, 255, 255], "{layout:?}");
        }
    }
}
