//! Tests of the geometry and number ranges of preprocessing.

use image::Rgb;
use proptest::prelude::*;

use super::*;
use crate::Interpolation;

fn preprocessing(resize: Resize, crop: Crop, (width, height): (u32, u32)) -> Preprocessing {
    let (mean, std) = ([0.5, 0.25, 0.0], [0.5, 0.25, 1.0]);
    Preprocessing { height, width, resize, crop, interpolation: Interpolation::Bilinear, mean, std }
}

/// Makes a picture whose left half is red and whose right half is blue.
fn two_halves(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| if x < width / 2 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) })
}

#[test]
fn the_longer_edge_is_rounded_down() {
    let layout = |dimensions| Layout::new(dimensions, Resize::ShortestEdge { size: 224 }).scaled;
    assert_eq!(layout((640, 480)), (298, 224));
    assert_eq!(layout((480, 640)), (224, 298));
    assert_eq!(layout((7, 7)), (224, 224));
    assert_eq!(layout((1, 65_535)), (224, 14_679_840));
}

#[test]
fn a_padded_picture_sits_in_the_middle_with_the_odd_pixel_after_it() {
    let layout = |dimensions| {
        let layout = Layout::new(dimensions, Resize::LongestEdgePad { size: 10, fill: [255; 3] });
        (layout.scaled, layout.offset)
    };
    assert_eq!(layout((100, 70)), ((10, 7), (0, 1)));
    assert_eq!(layout((70, 100)), ((7, 10), (1, 0)));
    assert_eq!(layout((1_000, 1)), ((10, 1), (0, 4)));
}

#[test]
fn the_crop_is_taken_from_the_middle_with_halves_to_even() {
    assert_eq!(centered(298, 224), 37);
    assert_eq!(centered(225, 224), 0);
    assert_eq!(centered(227, 224), 2);
    assert_eq!(centered(7, 8), 0);
}

#[test]
fn the_other_crop_rounds_halves_down() {
    let red = Rgb([255, 0, 0]);
    // The red column is the first column only in a crop that begins at 1.
    let picture = RgbImage::from_fn(7, 4, |x, _| if x == 1 { red } else { Rgb([0; 3]) });
    for (crop, first) in [(Crop::CenterFloor, red), (Crop::Center, Rgb([0; 3]))] {
        let resize = Resize::ShortestEdge { size: 4 };
        let PreparedImage(prepared) = Preprocessor::new(&preprocessing(resize, crop, (4, 4))).prepare(&picture);
        assert_eq!(*prepared.get_pixel(0, 0), first, "{crop:?}");
    }
}

#[test]
fn padding_has_the_colour_that_is_asked_for() {
    let resize = Resize::LongestEdgePad { size: 8, fill: [1, 2, 3] };
    let preprocessor = Preprocessor::new(&preprocessing(resize, Crop::None, (8, 8)));
    let PreparedImage(prepared) = preprocessor.prepare(&two_halves(16, 8));
    assert_eq!((*prepared.get_pixel(0, 0), *prepared.get_pixel(7, 7)), (Rgb([1, 2, 3]), Rgb([1, 2, 3])));
}

#[test]
fn padding_is_white_and_the_picture_lies_in_between() {
    let preprocessor =
        Preprocessor::new(&preprocessing(Resize::LongestEdgePad { size: 8, fill: [255; 3] }, Crop::None, (8, 8)));
    let PreparedImage(prepared) = preprocessor.prepare(&two_halves(16, 8));
    let (white, red, blue) = (Rgb([255; 3]), Rgb([255, 0, 0]), Rgb([0, 0, 255]));
    for y in 0..8 {
        let inside = (2..6).contains(&y);
        assert_eq!(*prepared.get_pixel(0, y), if inside { red } else { white }, "{y}");
        assert_eq!(*prepared.get_pixel(7, y), if inside { blue } else { white }, "{y}");
    }
}

#[test]
fn the_tensor_is_channel_after_channel_and_normalised() {
    let preprocessor = Preprocessor::new(&preprocessing(Resize::Exact { size: 2 }, Crop::None, (2, 2)));
    let mut tensor = Vec::new();
    preprocessor.append_tensor(&preprocessor.prepare(&two_halves(2, 2)), &mut tensor);
    let (red, green, blue) = ([1.0, -1.0], [-1.0, -1.0], [0.0, 1.0]);
    assert_eq!(tensor, [red, red, green, green, blue, blue].concat());
}

#[test]
fn a_picture_without_pixels_counts_as_white() {
    let preprocessor = Preprocessor::new(&preprocessing(Resize::Exact { size: 2 }, Crop::None, (2, 2)));
    assert!(preprocessor.prepare(&RgbImage::new(0, 0)).as_bytes().iter().all(|&byte| byte == 255));
}

#[test]
fn a_picture_that_was_decoded_smaller_gives_nearly_the_same_pixels() {
    // Waves of many lengths stand for a photograph; the decoder averages squares, as a JPEG decoder does.
    let wave = |x: u32, y: u32, length: f64| ((f64::from(x) + 0.6 * f64::from(y)) / length).sin();
    let whole = RgbImage::from_fn(1_600, 1_200, |x, y| {
        Rgb([3.0, 17.0, 90.0].map(|length| (128.0 + 70.0 * wave(x, y, length) + 50.0 * wave(y, x, 7.0 * length)) as u8))
    });
    for (resize, divisor) in [
        (Resize::ShortestEdge { size: 224 }, 2),
        (Resize::ShortestEdge { size: 150 }, 4),
        (Resize::Exact { size: 150 }, 4),
        (Resize::LongestEdgePad { size: 200, fill: [0; 3] }, 4),
    ] {
        let size = resize.size();
        let settings = Preprocessing {
            interpolation: Interpolation::Bicubic,
            ..preprocessing(resize, Crop::Center, (size, size))
        };
        let preprocessor = Preprocessor::new(&settings);
        let smaller = imageops::thumbnail(&whole, whole.width() / divisor, whole.height() / divisor);
        assert!(preprocessor.enough().is_met_by(smaller.dimensions()));
        let halved = (smaller.width() / 2, smaller.height() / 2);
        assert!(!preprocessor.enough().is_met_by(halved), "{resize:?} at a divisor of {divisor} is the smallest");
        let prepared = preprocessor.prepare_reduced(&smaller, whole.dimensions());
        let expected = preprocessor.prepare(&whole);
        let pairs = prepared.as_bytes().iter().zip(expected.as_bytes());
        let mean = pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / prepared.as_bytes().len() as f64;
        assert!(mean < 1.5, "{resize:?}: {mean} of 255");
    }
}

#[test]
fn a_picture_that_was_decoded_smaller_is_laid_out_like_the_whole() {
    // 1,001 ÷ 4 is rounded up by a decoder; the crop must not follow that.
    let preprocessor = Preprocessor::new(&preprocessing(Resize::ShortestEdge { size: 50 }, Crop::Center, (50, 50)));
    let whole = RgbImage::from_fn(1_001, 400, |x, _| if x < 500 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) });
    let smaller = RgbImage::from_fn(251, 100, |x, _| if x < 125 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) });
    let prepared = preprocessor.prepare_reduced(&smaller, (1_001, 400));
    let edge = |PreparedImage(image): &PreparedImage| image.pixels().take(50).position(|pixel| pixel.0[2] > 127);
    let (found, expected) = (edge(&prepared).unwrap(), edge(&preprocessor.prepare(&whole)).unwrap());
    assert!(found.abs_diff(expected) <= 1, "{found} where {expected} was expected");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_picture_gives_the_asked_size(
        dimensions in (1_u32..300, 1_u32..300), size in 12_u32..40, mode in 0..3, crop in (1_u32..12, 1_u32..12),
    ) {
        let resize = match mode {
            0 => Resize::ShortestEdge { size },
            1 => Resize::Exact { size },
            _ => Resize::LongestEdgePad { size, fill: [0; 3] },
        };
        let preprocessor = Preprocessor::new(&preprocessing(resize, Crop::Center, crop));
        let prepared = preprocessor.prepare(&two_halves(dimensions.0, dimensions.1));
        prop_assert!(preprocessor.fits(&prepared));
        let mut tensor = Vec::new();
        preprocessor.append_tensor(&prepared, &mut tensor);
        prop_assert_eq!(tensor.len(), 3 * crop.0 as usize * crop.1 as usize);
    }
}
