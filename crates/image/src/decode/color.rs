//! Conversion of a raster from the colour space of its file to sRGB.
//!
//! An ICC profile is applied as LittleCMS does by default, with the perceptual intent and black point compensation. moxcms
//! reads profiles and converts between RGB spaces of curves and colorants. Inks, greys and RGB with tables go through a
//! [`Grid`], because moxcms has no black point compensation. A profile that is damaged, or
//! that does not describe samples of the raster's kind (an RGB profile in a grey picture), is ignored, as every viewer
//! does. A picture without a profile is taken for sRGB; `gAMA` and `cHRM` of PNG are not read, which is what Pillow
//! does, and thereby what the models were trained with.

mod black_point;
mod device;
mod grid;
mod interpolation;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use moxcms::{
    CicpColorPrimaries, CicpProfile, CmsError, ColorProfile, DataColorSpace, Layout as MoxLayout, MatrixCoefficients,
    RenderingIntent, ToneReprCurve, TransferCharacteristics, TransformExecutor, TransformOptions,
};

use black_point::{compensated, luminance};
use grid::Grid;

use super::raster::{ColorSpace, Layout, Raster};

/// Colours that differ by no more than this many steps of 255 from sRGB are left as they are.
const SAME: u8 = 1;

type Transform<T> = Arc<dyn TransformExecutor<T> + Send + Sync>;

/// Converts the samples to sRGB in their buffer. `icc` is the profile in the file's metadata; a colour space that the
/// decoder found goes before it. Inks become [`Layout::Rgb8`] when there is a profile for them.
pub fn to_srgb(raster: &mut Raster, icc: Option<&[u8]>) {
    // The profile comes from a stranger. A panic leaves rows that are not converted, and no other harm.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let profile = match &raster.color {
            Some(ColorSpace::Icc(icc)) => ColorProfile::new_from_slice(icc).ok(),
            Some(ColorSpace::Cicp { primaries, transfer }) => cicp(*primaries, *transfer),
            None => icc.and_then(|icc| ColorProfile::new_from_slice(icc).ok()),
        };
        profile.and_then(|profile| convert(raster, profile))
    }));
}

/// Returns the profile of code points of H.273.
fn cicp(primaries: u8, transfer: u8) -> Option<ColorProfile> {
    Some(ColorProfile::new_from_cicp(CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(transfer).ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    }))
}

fn convert(raster: &mut Raster, profile: ColorProfile) -> Option<()> {
    let space = match raster.layout {
        Layout::Grey8 | Layout::GreyAlpha8 | Layout::Grey16 | Layout::GreyAlpha16 => DataColorSpace::Gray,
        Layout::Rgb8 | Layout::Rgba8 | Layout::Rgb16 | Layout::Rgba16 => DataColorSpace::Rgb,
        Layout::Cmyk8 => DataColorSpace::Cmyk,
    };
    if profile.color_space != space {
        return None;
    }
    match raster.layout {
        Layout::Grey8 | Layout::GreyAlpha8 => {
            let levels = grey_levels::<u8>(&Grid::new(&profile, 1, false)?, (0..=u8::MAX).collect())?;
            let step = raster.layout.pixel_bytes();
            for grey in raster.samples.iter_mut().step_by(step) {
                *grey = levels[usize::from(*grey)];
            }
        }
        Layout::Grey16 | Layout::GreyAlpha16 => {
            let levels = grey_levels::<u16>(&Grid::new(&profile, 1, false)?, (0..=u16::MAX).collect())?;
            let step = raster.layout.pixel_bytes() / 2;
            for grey in raster.samples.as_chunks_mut::<2>().0.iter_mut().step_by(step) {
                *grey = levels[usize::from(u16::from_ne_bytes(*grey))].to_ne_bytes();
            }
        }
        Layout::Rgb8 | Layout::Rgba8 => {
            let transform = rgb(profile, raster.layout == Layout::Rgba8, ColorProfile::create_transform_8bit)?;
            rows(raster, &*transform, raster.layout)?;
        }
        Layout::Rgb16 | Layout::Rgba16 => {
            let transform = rgb(profile, raster.layout == Layout::Rgba16, ColorProfile::create_transform_16bit)?;
            wide_rows(raster, &*transform)?;
        }
        Layout::Cmyk8 => rows(raster, &Grid::new(&profile, 4, false)?, Layout::Rgb8)?,
    }
    Some(())
}

/// Returns the transform of an RGB profile; `None` when it is not usable or changes nothing.
fn rgb<T: Copy + Default>(
    mut profile: ColorProfile,
    has_alpha: bool,
    create: impl Fn(&ColorProfile, MoxLayout, &ColorProfile, MoxLayout, TransformOptions) -> Result<Transform<T>, CmsError>,
) -> Option<Transform<T>>
where
    Grid: TransformExecutor<T>,
{
    if profile.lut_a_to_b_perceptual.is_some() {
        return Some(Arc::new(Grid::new(&profile, 3, has_alpha)?));
    }
    compensate(&mut profile)?;
    let options = TransformOptions { rendering_intent: RenderingIntent::Perceptual, ..TransformOptions::default() };
    let srgb = ColorProfile::new_srgb();
    if is_srgb(&*profile.create_transform_8bit(MoxLayout::Rgb, &srgb, MoxLayout::Rgb, options).ok()?)? {
        return None;
    }
    let layout = if has_alpha { MoxLayout::Rgba } else { MoxLayout::Rgb };
    create(&profile, layout, &srgb, layout, options).ok()
}

/// Puts black point compensation into the curves of a profile, which the few of them need whose curves do not begin at 0.
/// Tables for other intents than the perceptual one are removed, so that the curves and colorants count.
fn compensate(profile: &mut ColorProfile) -> Option<()> {
    let black = luminance(profile);
    (profile.lut_a_to_b_colorimetric, profile.lut_a_to_b_saturation) = (None, None);
    profile.pcs = DataColorSpace::Xyz;
    if black > 0.0 {
        const LAST: u16 = 4095;
        for curve in [&mut profile.red_trc, &mut profile.green_trc, &mut profile.blue_trc] {
            let before = curve.as_ref()?.make_linear_evaluator().ok()?;
            let level = |i| compensated(before.evaluate_value(f32::from(i) / f32::from(LAST)), black);
            *curve = Some(ToneReprCurve::Lut((0..=LAST).map(|i| (level(i) * 65_535.0).round() as u16).collect()));
        }
        profile.cicp = None;
    }
    Some(())
}

/// Returns the level in sRGB of each of the grey levels `ramp`.
fn grey_levels<T: Copy + Default>(transform: &dyn TransformExecutor<T>, ramp: Vec<T>) -> Option<Vec<T>> {
    let mut colors = vec![T::default(); 3 * ramp.len()];
    transform.transform(&ramp, &mut colors).ok()?;
    Some(colors.into_iter().skip(1).step_by(3).collect())
}

/// Tells whether a transform leaves colours as they are, which most profiles in files do. A grid of colours stands for
/// all; it holds the greys as well, where the eye is most sensitive.
fn is_srgb(transform: &dyn TransformExecutor<u8>) -> Option<bool> {
    let levels = || (0..=255_u8).step_by(17);
    let grid: Vec<u8> =
        levels().flat_map(|r| levels().flat_map(move |g| levels().flat_map(move |b| [r, g, b]))).collect();
    let mut converted = vec![0; grid.len()];
    transform.transform(&grid, &mut converted).ok()?;
    Some(grid.iter().zip(&converted).all(|(before, after)| before.abs_diff(*after) <= SAME))
}

/// Converts rows of 8-bit samples to `layout`, whose pixels are not larger.
fn rows(raster: &mut Raster, transform: &dyn TransformExecutor<u8>, layout: Layout) -> Option<()> {
    let (width, height) = (raster.width as usize, raster.height as usize);
    let (from, to) = (width * raster.layout.pixel_bytes(), width * layout.pixel_bytes());
    let mut row = vec![0; from];
    for y in 0..height {
        row.copy_from_slice(&raster.samples[y * from..(y + 1) * from]);
        transform.transform(&row, &mut raster.samples[y * to..(y + 1) * to]).ok()?;
    }
    raster.samples.truncate(height * to);
    raster.layout = layout;
    Some(())
}

/// Converts rows of 16-bit samples.
fn wide_rows(raster: &mut Raster, transform: &dyn TransformExecutor<u16>) -> Option<()> {
    let row_bytes = raster.width as usize * raster.layout.pixel_bytes();
    let mut converted = vec![0; row_bytes / 2];
    for row in raster.samples.chunks_exact_mut(row_bytes) {
        let (samples, _) = row.as_chunks_mut::<2>();
        let before: Vec<u16> = samples.iter().map(|sample| u16::from_ne_bytes(*sample)).collect();
        transform.transform(&before, &mut converted).ok()?;
        for (sample, after) in samples.iter_mut().zip(&converted) {
            *sample = after.to_ne_bytes();
        }
    }
    Some(())
}
