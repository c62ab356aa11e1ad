//! Tone mapping: HDR pictures as they look on an ordinary screen.
//!
//! A picture with the transfer function PQ or HLG (ITU-R BT.2100) states how bright each pixel is, up to far brighter
//! than white paper. Models and thumbnails know nothing above white. Everything up to [`KNEE`] stays as it is, and what is
//! brighter is compressed into the rest.

use super::raster::{ColorSpace, Layout, Raster};

/// The brightness in cd/m² of white paper (ITU-R BT.2408).
const WHITE: f32 = 203.0;
/// The brightness in cd/m² that becomes 255. Brighter pixels become 255 too.
const PEAK: f32 = 1000.0;
/// The brightness from which on pixels are compressed, as a part of white.
const KNEE: f32 = 0.7;

/// The transfer functions of HDR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transfer {
    Pq,
    Hlg,
}

/// Brings an HDR raster to sRGB; every other raster stays as it is.
pub fn tone_mapped(mut raster: Raster) -> Raster {
    let Some(ColorSpace::Cicp { primaries, transfer }) = raster.color else { return raster };
    let transfer = match transfer {
        16 => Transfer::Pq,
        18 => Transfer::Hlg,
        _ => return raster,
    };
    let channels = match raster.layout {
        Layout::Rgb8 => 3,
        Layout::Rgba8 => 4,
        _ => return raster,
    };
    let linear: [f32; 256] = std::array::from_fn(|sample| transfer.linear(sample as f32 / 255.0));
    let matrix = to_bt709(primaries);
    for pixel in raster.samples.chunks_exact_mut(channels) {
        let Some(rgb) = pixel.first_chunk_mut::<3>() else { continue };
        let light = transfer.displayed(rgb.map(|sample| linear[usize::from(sample)]));
        let light = matrix.map(|row| (row[0] * light[0] + row[1] * light[1] + row[2] * light[2]).max(0.0));
        let brightest = light[0].max(light[1]).max(light[2]);
        let factor = if brightest > KNEE { compressed(brightest) / brightest } else { 1.0 };
        *rgb = light.map(|light| (encoded(light * factor) * 255.0).round() as u8);
    }
    raster.color = Some(ColorSpace::Cicp { primaries: 1, transfer: 13 });
    raster
}

impl Transfer {
    /// Turns a sample from 0 to 1 into light: displayed light for PQ, with white as 1, and light of the scene for HLG.
    fn linear(self, sample: f32) -> f32 {
        match self {
            Self::Pq => {
                let root = sample.powf(1.0 / 78.84375);
                let light = (root - 0.835_937_5).max(0.0) / (18.851_563 - 18.6875 * root);
                light.powf(1.0 / 0.159_301_76) * 10_000.0 / WHITE
            }
            Self::Hlg if sample <= 0.5 => sample * sample / 3.0,
            Self::Hlg => (((sample - 0.559_910_7) / 0.178_832_77).exp() + 0.284_668_92) / 12.0,
        }
    }

    /// Turns light of the scene into light of a screen of 1000 cd/m².
    fn displayed(self, light: [f32; 3]) -> [f32; 3] {
        match self {
            Self::Pq => light,
            Self::Hlg => {
                let luminance = 0.2627 * light[0] + 0.6780 * light[1] + 0.0593 * light[2];
                let factor = luminance.max(f32::MIN_POSITIVE).powf(0.2) * PEAK / WHITE;
                light.map(|light| light * factor)
            }
        }
    }
}

/// Returns the matrix from linear RGB of these primaries to that of BT.709.
fn to_bt709(primaries: u8) -> [[f32; 3]; 3] {
    match primaries {
        9 => [[1.660_5, -0.587_6, -0.072_8], [-0.124_6, 1.132_9, -0.008_3], [-0.018_2, -0.100_6, 1.118_7]],
        11 | 12 => [[1.224_9, -0.224_7, 0.0], [-0.042_1, 1.042_0, 0.0], [-0.019_6, -0.078_6, 1.097_9]],
        _ => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    }
}

/// Compresses light from the knee to the peak into the range up to 1. The curve continues the line below the knee without
/// a bend.
fn compressed(light: f32) -> f32 {
    let peak = PEAK / WHITE;
    let place = ((light - KNEE) / (peak - KNEE)).min(1.0);
    let steepness = (peak - KNEE) / (1.0 - KNEE);
    KNEE + (1.0 - KNEE) * (1.0 - (1.0 - place).powf(steepness))
}

/// Encodes linear light from 0 to 1 as sRGB.
pub fn encoded(light: f32) -> f32 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.min(1.0).powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(rgb: [u8; 3], primaries: u8, transfer: u8) -> [u8; 3] {
        let raster = Raster::new((1, 1), Layout::Rgb8, rgb.to_vec()).unwrap();
        let raster = tone_mapped(raster.with_color(Some(ColorSpace::Cicp { primaries, transfer })));
        [raster.samples[0], raster.samples[1], raster.samples[2]]
    }

    #[test]
    fn greys_below_white_keep_their_brightness() {
        // PQ writes 100 cd/m², half of white, as 0.5081, and black as 0.
        let half = (encoded(100.0 / WHITE) * 255.0).round() as u8;
        assert!(mapped([130; 3], 9, 16).iter().all(|&sample| sample.abs_diff(half) <= 3));
        assert_eq!(mapped([0; 3], 9, 16), [0; 3]);
        assert_eq!(mapped([0; 3], 9, 18), [0; 3]);
    }

    #[test]
    fn brighter_pixels_stay_brighter_and_never_overflow() {
        for transfer in [16, 18] {
            let greys: Vec<_> = (0..=255).map(|sample| mapped([sample; 3], 9, transfer)[1]).collect();
            assert!(greys.is_sorted(), "{transfer}: {greys:?}");
            assert_eq!(greys[255], 255);
        }
    }

    #[test]
    fn colours_keep_their_hue() {
        let [red, green, blue] = mapped([200, 100, 100], 12, 16);
        assert!(red > 200 && green.abs_diff(blue) < 30 && red > green.max(blue), "{red} {green} {blue}");
    }

    #[test]
    fn other_rasters_stay_as_they_are() {
        assert_eq!(mapped([9, 99, 199], 12, 13), [9, 99, 199]);
    }
}
