//! Black point compensation: the darkest colour of a device becomes black, and white stays white.
//!
//! LittleCMS applies it to every conversion with the perceptual intent into its sRGB, because that is a profile of
//! version 4 (`_cmsLinkProfiles` in `cmscnvrt.c`). Its black points are greys (versions 2.18 and 2.19 lack the line that
//! makes them so, by error, as its authors say), and so is the white of sRGB. The linear
//! map of XYZ (`ComputeBlackPointCompensation`) is then the same linear map of each channel of linear sRGB.

use moxcms::{ColorProfile, DataColorSpace, ProfileClass, ProfileVersion};

use super::device::Device;

/// The luminance of the black that version 4 of ICC fixes for perceptual tables.
const PERCEPTUAL_BLACK: f32 = 0.003_473_1;
/// The luminance of L\* = 50, the lightest black point.
const LIGHTEST: f32 = 0.184_186_5;
/// The luminance of L\* = 95. A profile whose black is lighter than that is a negative.
const NEGATIVE: f32 = 0.875_588;
/// LittleCMS leaves out a map that changes nothing by more than this luminance (`IsEmptyLayer`).
const NONE: f32 = 0.000_455;

/// Returns the luminance of the black point of a profile with the perceptual intent (`cmsDetectBlackPoint` in
/// `cmssamp.c`); 0 when there is nothing to compensate.
pub fn luminance(profile: &ColorProfile) -> f32 {
    let table = profile.lut_a_to_b_perceptual.as_ref();
    let has_curves = match profile.color_space {
        DataColorSpace::Gray => profile.gray_trc.is_some(),
        _ => profile.is_matrix_shaper(),
    };
    let table = match profile.profile_class {
        ProfileClass::DeviceLink | ProfileClass::Abstract | ProfileClass::Named => return 0.0,
        _ if profile.version() < ProfileVersion::V4_0 => table,
        _ if has_curves => profile.lut_a_to_b_colorimetric.as_ref().or(table),
        _ => return PERCEPTUAL_BLACK,
    };
    let Some(device) = Device::new(profile, table) else { return 0.0 };
    let darkest = if profile.color_space == DataColorSpace::Cmyk { [1.0; 4] } else { [0.0; 4] };
    let [_, y, _] = device.xyz(darkest);
    if y > NEGATIVE || !(NONE..).contains(&y) { 0.0 } else { y.min(LIGHTEST) }
}

/// Moves a channel of linear light for a black point of this luminance.
pub fn compensated(light: f32, black: f32) -> f32 {
    (light - black) / (1.0 - black)
}
