//! The specification of colour: profiles become sRGB.

use image::RgbImage;
use moxcms::ColorProfile;
use png::{BitDepth, ColorType};

use crate::decode::limits::DecodeLimits;
use crate::fixtures::{chunk, deflate, png};
use crate::picture::decode;

/// Returns a PNG of one row of samples with a profile.
fn png_with_profile(color: ColorType, depth: BitDepth, samples: &[u8], width: u32, icc: &[u8]) -> Vec<u8> {
    let plain = png((width, 1), color, depth, samples, None, None);
    let (head, rest) = plain.split_at(8 + 25);
    [head, &chunk(b"iCCP", &[b"icc\0\0".as_slice(), &deflate(icc)].concat()), rest].concat()
}

fn pixels(bytes: &[u8]) -> RgbImage {
    decode(bytes, &DecodeLimits::default()).unwrap().pixels
}

#[track_caller]
fn assert_colors(found: &RgbImage, expected: &[[u8; 3]], tolerance: u8, about: &str) {
    for (found, expected) in found.pixels().zip(expected) {
        let worst = found.0.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(worst <= tolerance, "{about}: {:?} where {expected:?} was expected", found.0);
    }
}

fn decoded(level: f64) -> f64 {
    if level <= 0.04045 { level / 12.92 } else { ((level + 0.055) / 1.055).powf(2.4) }
}

fn encoded(light: f64) -> f64 {
    let light = light.clamp(0.0, 1.0);
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// Converts from Display P3 to sRGB by the matrix between their primaries, which have the same white.
fn from_p3(color: [u8; 3]) -> [u8; 3] {
    const MATRIX: [[f64; 3]; 3] =
        [[1.224_94, -0.224_94, 0.0], [-0.042_06, 1.042_06, 0.0], [-0.019_64, -0.078_65, 1.098_29]];
    let light = color.map(|level| decoded(f64::from(level) / 255.0));
    MATRIX.map(|row| (encoded(row.iter().zip(light).map(|(a, b)| a * b).sum()) * 255.0).round() as u8)
}

const COLORS: [[u8; 3]; 7] =
    [[211, 75, 53], [104, 197, 82], [55, 62, 221], [236, 221, 92], [0, 0, 0], [128, 128, 128], [255, 255, 255]];

#[test]
fn the_colours_of_a_telephone_become_srgb_in_every_layout() {
    let icc = ColorProfile::new_display_p3().encode().unwrap();
    let expected = COLORS.map(from_p3);
    let alpha: Vec<u8> = COLORS.iter().flat_map(|[r, g, b]| [*r, *g, *b, 255]).collect();
    let wide = |samples: &[u8]| samples.iter().flat_map(|sample| [*sample; 2]).collect::<Vec<u8>>();
    for (color, depth, samples) in [
        (ColorType::Rgb, BitDepth::Eight, COLORS.concat()),
        (ColorType::Rgba, BitDepth::Eight, alpha.clone()),
        (ColorType::Rgb, BitDepth::Sixteen, wide(&COLORS.concat())),
        (ColorType::Rgba, BitDepth::Sixteen, wide(&alpha)),
    ] {
        let found = pixels(&png_with_profile(color, depth, &samples, 7, &icc));
        assert_colors(&found, &expected, 2, &format!("{color:?} of {depth:?} bits"));
    }
}

#[test]
fn alpha_is_composited_after_the_colours_are_converted() {
    let icc = ColorProfile::new_display_p3().encode().unwrap();
    let bytes = png_with_profile(ColorType::Rgba, BitDepth::Eight, &[211, 75, 53, 128, 211, 75, 53, 0], 2, &icc);
    let [r, g, b] = from_p3([211, 75, 53]).map(|level| ((u32::from(level) * 128 + 255 * 127) / 255) as u8);
    assert_colors(&pixels(&bytes), &[[r, g, b], [255; 3]], 2, "half transparent");
}

#[test]
fn a_grey_profile_is_applied_to_greys() {
    let icc = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let levels = [0_u8, 13, 64, 128, 200, 255];
    let expected = levels.map(|level| [(encoded(f64::from(level) / 255.0) * 255.0).round() as u8; 3]);
    let bytes = png_with_profile(ColorType::Grayscale, BitDepth::Eight, &levels, 6, &icc);
    assert_colors(&pixels(&bytes), &expected, 2, "8 bits");
    let wide: Vec<u8> = levels.iter().flat_map(|level| [*level; 2]).collect();
    let bytes = png_with_profile(ColorType::Grayscale, BitDepth::Sixteen, &wide, 6, &icc);
    assert_colors(&pixels(&bytes), &expected, 2, "16 bits");
}

#[test]
fn srgb_and_profiles_that_cannot_be_used_change_nothing() {
    let srgb = ColorProfile::new_srgb().encode().unwrap();
    let grey = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let p3 = ColorProfile::new_display_p3().encode().unwrap();
    for (about, icc) in [
        ("sRGB", srgb.as_slice()),
        ("a grey profile in a colour picture", &grey),
        ("a profile that is cut off", &p3[..p3.len() / 2]),
        ("a profile without tags", &p3[..128]),
        ("no profile at all", b"text"),
    ] {
        let bytes = png_with_profile(ColorType::Rgb, BitDepth::Eight, &COLORS.concat(), 7, icc);
        assert_colors(&pixels(&bytes), &COLORS, 0, about);
    }
    let bytes = png_with_profile(ColorType::Grayscale, BitDepth::Eight, &[7, 99], 2, &p3);
    assert_colors(&pixels(&bytes), &[[7; 3], [99; 3]], 0, "a colour profile in a grey picture");
}
