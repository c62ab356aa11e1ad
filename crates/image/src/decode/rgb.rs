//! Conversion of a raster to 8-bit RGB, within its buffer.

use image::RgbImage;

use super::raster::{Layout, Raster};

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

/// Converts a raster to three bytes a pixel: 16 bits are rounded to 8, alpha is composited over white, and inks become
/// light.
pub fn to_rgb8(raster: Raster) -> RgbImage {
    let pixels = raster.pixels();
    let Raster { width, height, layout, samples: mut buffer, .. } = raster;
    let wide = |high, low| eight_bits(u16::from_ne_bytes([high, low]));
    let b = &mut buffer;
    match layout {
        Layout::Rgb8 => {}
        Layout::Grey8 => each(b, pixels, |[g]| [g; 3]),
        Layout::GreyAlpha8 => each(b, pixels, |[g, a]| [over_white(g, a); 3]),
        Layout::Rgba8 => each(b, pixels, |[r, g, b, a]| [r, g, b].map(|s| over_white(s, a))),
        // Ink over white paper is light over black: the black ink is the alpha of what the other inks leave.
        Layout::Cmyk8 => each(b, pixels, |[c, m, y, k]| [c, m, y].map(|ink| product(255 - ink, 255 - k))),
        Layout::Grey16 => each(b, pixels, |[g0, g1]| [wide(g0, g1); 3]),
        Layout::GreyAlpha16 => {
            each(b, pixels, |[g0, g1, a0, a1]| [over_white(wide(g0, g1), wide(a0, a1)); 3]);
        }
        Layout::Rgb16 => each(b, pixels, |[r0, r1, g0, g1, b0, b1]| [wide(r0, r1), wide(g0, g1), wide(b0, b1)]),
        Layout::Rgba16 => each(b, pixels, |[r0, r1, g0, g1, b0, b1, a0, a1]| {
            let a = wide(a0, a1);
            [wide(r0, r1), wide(g0, g1), wide(b0, b1)].map(|s| over_white(s, a))
        }),
    }
    // `Raster::new` has checked that there are as many samples as the size needs.
    RgbImage::from_raw(width, height, buffer).unwrap_or_default()
}

/// Returns `round(a · b / 255)`, as Pillow converts CMYK.
fn product(a: u8, b: u8) -> u8 {
    let t = u32::from(a) * u32::from(b) + 128;
    ((t + (t >> 8)) >> 8) as u8
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
        for (layout, samples) in [
            (Layout::Grey8, vec![9, 255]),
            (Layout::GreyAlpha8, vec![9, 255, 3, 0]),
            (Layout::Rgb8, vec![9, 9, 9, 255, 255, 255]),
            (Layout::Rgba8, vec![9, 9, 9, 255, 1, 2, 3, 0]),
            (Layout::Cmyk8, vec![0, 0, 0, 246, 0, 0, 0, 0]),
            (Layout::Grey16, vec![9, 9, 255, 255]),
            (Layout::GreyAlpha16, vec![9, 9, 255, 255, 3, 3, 0, 0]),
            (Layout::Rgb16, vec![9, 9, 9, 9, 9, 9, 255, 255, 255, 255, 255, 255]),
            (Layout::Rgba16, vec![9, 9, 9, 9, 9, 9, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0]),
        ] {
            let raster = Raster::new((2, 1), layout, samples).unwrap();
            assert_eq!(to_rgb8(raster).into_raw(), [9, 9, 9, 255, 255, 255], "{layout:?}");
        }
    }
}
