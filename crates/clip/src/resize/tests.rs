//! Tests that compare scaled pictures with Pillow's, and that check properties of every scaling.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Case {
    source: (u32, u32),
    filter: Interpolation,
    size: (u32, u32),
    pixels: String,
}

/// Makes the same noise as `python/mitsuke_fixtures/resize_cases.py`.
fn noise((width, height): (u32, u32)) -> RgbImage {
    let mut state = 1_u32;
    RgbImage::from_fn(width, height, |_, _| {
        image::Rgb([(); 3].map(|()| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let byte = (state >> 24) as u8;
            if state & 0x1_0000 != 0 { byte } else { (byte & 1) * 255 }
        }))
    })
}

fn whole((width, height): (u32, u32)) -> Region {
    Region { x: 0, y: 0, width, height }
}

#[test]
fn pictures_are_the_same_as_pillows_to_the_last_bit() {
    let json = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/resize.json"));
    let cases: Vec<Case> = serde_json::from_str(json).unwrap();
    assert!(cases.len() >= 27);
    for case in cases {
        let ours = resize(&noise(case.source), case.size, whole(case.size), case.filter);
        let hex: String = ours.as_raw().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, case.pixels, "{:?} → {:?}, {:?}", case.source, case.size, case.filter);
    }
}

#[test]
fn a_picture_without_pixels_gives_black() {
    let scaled = resize(&RgbImage::new(0, 5), (4, 4), whole((4, 4)), Interpolation::Bicubic);
    assert_eq!(scaled, RgbImage::new(4, 4));
}

fn filters() -> impl Strategy<Value = Interpolation> {
    prop_oneof![Just(Interpolation::Bilinear), Just(Interpolation::Bicubic), Just(Interpolation::Lanczos)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_constant_picture_stays_constant(
        source in (1_u32..90, 1_u32..90), size in (1_u32..60, 1_u32..60), color: [u8; 3], filter in filters(),
    ) {
        let picture = RgbImage::from_pixel(source.0, source.1, image::Rgb(color));
        let scaled = resize(&picture, size, whole(size), filter);
        prop_assert!(scaled.pixels().all(|pixel| pixel.0 == color));
    }

    #[test]
    fn a_region_is_cut_from_the_whole(
        source in (1_u32..120, 1_u32..120), size in (1_u32..80, 1_u32..80), filter in filters(),
        corner in (0.0_f64..1.0, 0.0_f64..1.0), extent in (0.0_f64..1.0, 0.0_f64..1.0),
    ) {
        let picture = noise(source);
        let pick = |size: u32, corner: f64, extent: f64| {
            let at = (f64::from(size - 1) * corner) as u32;
            (at, 1 + (f64::from(size - at - 1) * extent) as u32)
        };
        let ((x, width), (y, height)) = (pick(size.0, corner.0, extent.0), pick(size.1, corner.1, extent.1));
        let part = resize(&picture, size, Region { x, y, width, height }, filter);
        let full = resize(&picture, size, whole(size), filter);
        let cut = image::imageops::crop_imm(&full, x, y, width, height).to_image();
        prop_assert_eq!(part, cut);
    }
}
