//! The specification of colour: profiles become sRGB.

use image::RgbImage;
use moxcms::{ColorProfile, DataColorSpace, ToneReprCurve};
use png::{BitDepth, ColorType};

use crate::decode::color::to_srgb;
use crate::decode::limits::DecodeLimits;
use crate::decode::raster::{Layout, Raster};
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

/// Returns a profile of an output device of version 2 with a `lut16Type` of two nodes for each input: lightness 100
/// where all samples are at `white`, and the lightness `black` at all other nodes.
fn table_profile(space: &[u8; 4], inputs: usize, white: usize, black: u16) -> Vec<u8> {
    let straight = [0, 0, 0xFF, 0xFF];
    let lab = |lightness: u16| [lightness * 652 + lightness * 4 / 5, 0x8000, 0x8000].map(u16::to_be_bytes).concat();
    let nodes: Vec<u8> = (0..1 << inputs).flat_map(|node| lab(if node == white { 100 } else { black })).collect();
    let matrix: Vec<u8> = (0..9).flat_map(|i| if i % 4 == 0 { [0, 1, 0, 0] } else { [0; 4] }).collect();
    let head = [b"mft2\0\0\0\0".as_slice(), &[inputs as u8, 3, 2, 0], &matrix, &[0, 2, 0, 2]].concat();
    let table = [head, straight.repeat(inputs), nodes, straight.repeat(3)].concat();
    let mut icc = vec![0; 128];
    icc[..4].copy_from_slice(&(144 + table.len() as u32).to_be_bytes());
    icc[8] = 2;
    icc[12..16].copy_from_slice(b"prtr");
    icc[16..20].copy_from_slice(space);
    icc[20..24].copy_from_slice(b"Lab ");
    icc[36..40].copy_from_slice(b"acsp");
    icc[68..80].copy_from_slice(&[0x0000_F6D6_u32, 0x0001_0000, 0x0000_D32D].map(u32::to_be_bytes).concat());
    icc.extend([1_u32, u32::from_be_bytes(*b"A2B0"), 144, table.len() as u32].map(u32::to_be_bytes).concat());
    icc.extend(table);
    icc
}

/// Returns the grey of a lightness when the lightness `black` is moved to black.
fn compensated(lightness: f64, black: f64) -> [u8; 3] {
    let luminance =
        |lightness: f64| if lightness > 8.0 { ((lightness + 16.0) / 116.0).powi(3) } else { lightness / 903.3 };
    let light = (luminance(lightness) - luminance(black)) / (1.0 - luminance(black));
    [(encoded(light) * 255.0).round() as u8; 3]
}

#[test]
fn the_darkest_ink_becomes_black() {
    let icc = table_profile(b"CMYK", 4, 0, 20);
    let inks = [[0, 0, 0, 0], [255; 4], [0, 0, 0, 255], [0, 0, 0, 51], [0, 0, 102, 0], [0, 204, 0, 0]];
    let expected = [100.0, 20.0, 20.0, 84.0, 68.0, 36.0].map(|lightness| compensated(lightness, 20.0));
    let mut raster = Raster::new((6, 1), Layout::Cmyk8, inks.concat()).unwrap();
    to_srgb(&mut raster, Some(&icc));
    let found = RgbImage::from_raw(6, 1, raster.samples).unwrap();
    assert_colors(&found, &expected, 1, "inks");
}

#[test]
fn the_darkest_colour_of_rgb_and_grey_tables_becomes_black() {
    let levels = [0_u8, 51, 102, 204, 255];
    let expected = [20.0, 36.0, 52.0, 84.0, 100.0].map(|lightness| compensated(lightness, 20.0));
    let icc = table_profile(b"RGB ", 3, 0b111, 20);
    let colors: Vec<u8> = levels.iter().flat_map(|level| [*level; 3]).collect();
    let bytes = png_with_profile(ColorType::Rgb, BitDepth::Eight, &colors, 5, &icc);
    assert_colors(&pixels(&bytes), &expected, 1, "RGB of 8 bits");
    let wide: Vec<u8> =
        levels.iter().flat_map(|level| [*level, *level, *level, *level, *level, *level, 255, 255]).collect();
    let bytes = png_with_profile(ColorType::Rgba, BitDepth::Sixteen, &wide, 5, &icc);
    assert_colors(&pixels(&bytes), &expected, 1, "RGBA of 16 bits");
    let icc = table_profile(b"GRAY", 1, 1, 20);
    let bytes = png_with_profile(ColorType::Grayscale, BitDepth::Eight, &levels, 5, &icc);
    assert_colors(&pixels(&bytes), &expected, 1, "grey");
}

#[test]
fn a_black_point_is_no_lighter_than_lightness_50() {
    let icc = table_profile(b"GRAY", 1, 1, 60);
    let bytes = png_with_profile(ColorType::Grayscale, BitDepth::Eight, &[0, 255], 2, &icc);
    assert_colors(&pixels(&bytes), &[compensated(60.0, 50.0), [255; 3]], 1, "a light black");
}

#[test]
fn curves_that_do_not_begin_at_0_are_compensated() {
    let begin = 0.05;
    let curve = ToneReprCurve::Lut(
        (0..256).map(|i| ((begin + (1.0 - begin) * f64::from(i) / 255.0) * 65_535.0) as u16).collect(),
    );
    let levels = [0_u8, 13, 64, 128, 255];
    let expected = levels.map(|level| [(encoded(f64::from(level) / 255.0) * 255.0).round() as u8; 3]);
    let mut rgb = ColorProfile::new_srgb();
    (rgb.red_trc, rgb.green_trc, rgb.blue_trc) = (Some(curve.clone()), Some(curve.clone()), Some(curve.clone()));
    rgb.cicp = None;
    let colors: Vec<u8> = levels.iter().flat_map(|level| [*level; 3]).collect();
    let bytes = png_with_profile(ColorType::Rgb, BitDepth::Eight, &colors, 5, &rgb.encode().unwrap());
    assert_colors(&pixels(&bytes), &expected, 1, "RGB");
    let mut grey = ColorProfile::new_gray_with_gamma(1.0);
    grey.gray_trc = Some(curve);
    let bytes = png_with_profile(ColorType::Grayscale, BitDepth::Eight, &levels, 5, &grey.encode().unwrap());
    assert_colors(&pixels(&bytes), &expected, 1, "grey");
}

#[test]
fn the_curve_of_a_grey_profile_with_lab_is_lightness() {
    let mut profile = ColorProfile::new_gray_with_gamma(1.0);
    profile.pcs = DataColorSpace::Lab;
    let levels = [0_u8, 51, 128, 204, 255];
    let expected = levels.map(|level| compensated(f64::from(level) / 2.55, 0.0));
    let bytes = png_with_profile(ColorType::Grayscale, BitDepth::Eight, &levels, 5, &profile.encode().unwrap());
    assert_colors(&pixels(&bytes), &expected, 1, "lightness");
}
