//! Turning the samples of a page into a raster.

use super::page::{Alpha, Colors, Page, YCbCr};
use super::samples::Samples;
use crate::decode::raster::{ColorSpace, Layout, Raster};
use crate::decode::refusal::Refusal;

/// The sRGB color space, in which CIE L*a*b* is delivered whatever profile the file has.
const SRGB: ColorSpace = ColorSpace::Cicp { primaries: 1, transfer: 13 };

/// Makes a raster of the samples of a page.
///
/// # Errors
/// [`Refusal::UnsupportedKind`] for inks with alpha.
pub fn raster(page: &Page<'_>, samples: Samples) -> Result<Raster, Refusal> {
    let Samples { mut bytes, are_wide } = samples;
    let has_alpha = page.alpha.is_some();
    let layout = match (page.colors, has_alpha, are_wide) {
        (Colors::Grey { .. }, false, false) => Layout::Grey8,
        (Colors::Grey { .. }, true, false) => Layout::GreyAlpha8,
        (Colors::Grey { .. }, false, true) => Layout::Grey16,
        (Colors::Grey { .. }, true, true) => Layout::GreyAlpha16,
        (Colors::Cmyk, false, _) => Layout::Cmyk8,
        (Colors::Cmyk, true, _) => return Err(Refusal::unsupported_kind("inks with alpha")),
        (_, false, false) => Layout::Rgb8,
        (_, true, false) => Layout::Rgba8,
        (_, false, true) => Layout::Rgb16,
        (_, true, true) => Layout::Rgba16,
    };
    let alpha_channels = usize::from(has_alpha);
    match page.colors {
        Colors::Grey { inverted: true } => invert(&mut bytes, alpha_channels, are_wide),
        Colors::Palette(table) => {
            // Writers of before TIFF 6.0 wrote 8 bits into the 16 of a color.
            let of_8_bits = (0..table.len()).all(|i| table.get(i).is_some_and(|level| level < 256));
            let size = table.len() / 3;
            let level = |i: usize| match table.get(i).unwrap_or(0) {
                level if of_8_bits => level as u8,
                level => (level >> 8) as u8,
            };
            let colors: Vec<[u8; 3]> = (0..size).map(|i| [level(i), level(size + i), level(2 * size + i)]).collect();
            bytes = look_up(&bytes, &colors, alpha_channels);
        }
        Colors::YCbCr(ycbcr) => each_color(&mut bytes, alpha_channels, |color| rgb_of_ycbcr(color, &ycbcr)),
        Colors::Lab { signed } => {
            let curve = srgb_curve();
            each_color(&mut bytes, alpha_channels, |color| rgb_of_lab(color, signed, &curve));
        }
        Colors::Grey { .. } | Colors::Rgb | Colors::Cmyk => {}
    }
    if let Some(Alpha { is_associated: true, .. }) = page.alpha {
        divide_by_alpha(&mut bytes, layout);
    }
    let color = matches!(page.colors, Colors::Lab { .. }).then_some(SRGB);
    Ok(Raster::new(page.size, layout, bytes)?.with_color(color))
}

/// Turns grey levels around; alpha stays.
fn invert(bytes: &mut [u8], alpha_channels: usize, are_wide: bool) {
    let sample_bytes = if are_wide { 2 } else { 1 };
    for pixel in bytes.chunks_exact_mut(sample_bytes * (1 + alpha_channels)) {
        pixel[..sample_bytes].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

/// Replaces indices by colors. An index beyond the palette is black, as in Pillow.
fn look_up(indices: &[u8], colors: &[[u8; 3]], alpha_channels: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(indices.len() * 3);
    for pixel in indices.chunks_exact(1 + alpha_channels) {
        bytes.extend(colors.get(usize::from(pixel[0])).unwrap_or(&[0; 3]));
        bytes.extend(&pixel[1..]);
    }
    bytes
}

/// Replaces the colors of each pixel; alpha stays.
fn each_color(bytes: &mut [u8], alpha_channels: usize, convert: impl Fn([u8; 3]) -> [u8; 3]) {
    for pixel in bytes.chunks_exact_mut(3 + alpha_channels) {
        if let Some(color) = pixel.first_chunk_mut() {
            *color = convert(*color);
        }
    }
}

/// Converts luma and chroma (TIFF 6.0, section 21).
fn rgb_of_ycbcr(color: [u8; 3], ycbcr: &YCbCr) -> [u8; 3] {
    let [red, green, blue] = ycbcr.weights;
    let range = &ycbcr.range;
    let full = |i: usize, span: f64| (f64::from(color[i]) - range[2 * i]) * span / (range[2 * i + 1] - range[2 * i]);
    let (y, cb, cr) = (full(0, 255.0), full(1, 127.0), full(2, 127.0));
    let r = y + cr * (2.0 - 2.0 * red);
    let b = y + cb * (2.0 - 2.0 * blue);
    let g = (y - blue * b - red * r) / green;
    [r, g, b].map(|sample| sample.round() as u8)
}

/// The number of steps of [`srgb_curve`].
const CURVE_STEPS: usize = 1 << 14;

/// Returns the sRGB samples of linear light from 0 to 1, in [`CURVE_STEPS`] steps (IEC 61966-2-1).
fn srgb_curve() -> Vec<u8> {
    let sample = |linear: f64| {
        if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
    };
    (0..=CURVE_STEPS).map(|i| (255.0 * sample(i as f64 / CURVE_STEPS as f64)).round() as u8).collect()
}

/// Converts CIE L*a*b* of 8 bits, whose white is that of print (D50), to sRGB.
fn rgb_of_lab([l, a, b]: [u8; 3], signed: bool, curve: &[u8]) -> [u8; 3] {
    let chroma = |sample: u8| if signed { f64::from(sample.cast_signed()) } else { f64::from(sample) - 128.0 };
    let y = (f64::from(l) * 100.0 / 255.0 + 16.0) / 116.0;
    let (x, z) = (y + chroma(a) / 500.0, y - chroma(b) / 200.0);
    let linear = |f: f64| if f > 6.0 / 29.0 { f * f * f } else { 3.0 * (6.0_f64 / 29.0).powi(2) * (f - 4.0 / 29.0) };
    let (x, y, z) = (0.964_22 * linear(x), linear(y), 0.825_21 * linear(z));
    // XYZ of D50 to linear sRGB, adapted with Bradford's matrix.
    [
        3.133_856_1 * x - 1.616_866_7 * y - 0.490_614_6 * z,
        -0.978_768_4 * x + 1.916_141_5 * y + 0.033_454 * z,
        0.071_945_3 * x - 0.228_991_4 * y + 1.405_242_7 * z,
    ]
    .map(|light| curve[(light.clamp(0.0, 1.0) * CURVE_STEPS as f64).round() as usize])
}

/// Divides the colors by alpha, because the colors of a raster are not multiplied.
fn divide_by_alpha(bytes: &mut [u8], layout: Layout) {
    let divide = |color: u32, alpha: u32, full: u32| match alpha {
        0 => full,
        _ => ((color * full + alpha / 2) / alpha).min(full),
    };
    match layout {
        Layout::GreyAlpha8 | Layout::Rgba8 => {
            for pixel in bytes.chunks_exact_mut(layout.pixel_bytes()) {
                if let [colors @ .., alpha] = pixel {
                    colors.iter_mut().for_each(|c| *c = divide(u32::from(*c), u32::from(*alpha), 255) as u8);
                }
            }
        }
        _ => {
            for pixel in bytes.chunks_exact_mut(layout.pixel_bytes()) {
                if let [colors @ .., alpha] = pixel.as_chunks_mut::<2>().0 {
                    let alpha = u32::from(u16::from_ne_bytes(*alpha));
                    for color in colors {
                        let level = u32::from(u16::from_ne_bytes(*color));
                        *color = (divide(level, alpha, 65_535) as u16).to_ne_bytes();
                    }
                }
            }
        }
    }
}
