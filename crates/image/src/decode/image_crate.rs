//! Decoding through the image crate, for every format but PNG.

use std::io::Cursor;

use image::error::{ImageError as CrateError, LimitErrorKind};
use image::{ColorType, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use super::limits::DecodeLimits;
use super::refusal::Refusal;
use super::rgb::{Layout, picture, to_rgb8};

/// Decodes the first frame or page.
///
/// # Errors
/// [`Refusal`] when a limit would be exceeded or the decoder fails.
pub fn decode(bytes: &[u8], format: ImageFormat, limits: &DecodeLimits) -> Result<RgbImage, Refusal> {
    let fail = |error| explain(error, limits);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    // The image crate's own limits are off, because they would refuse a picture before the check below can name its
    // size.
    reader.no_limits();
    let mut decoder = reader.into_decoder().map_err(fail)?;

    let size = decoder.dimensions();
    let memory = decoder.total_bytes();
    limits.check(size, memory)?;
    let mut crate_limits = Limits::no_limits();
    crate_limits.max_alloc = Some(limits.max_memory - memory);
    decoder.set_limits(crate_limits).map_err(fail)?;

    let color = decoder.color_type();
    let layout = layout(color).ok_or_else(|| Refusal::unsupported_kind(format!("samples {color:?}")))?;
    let mut buffer = vec![0; usize::try_from(memory).map_err(|_| limits.too_much_memory())?];
    decoder.read_image(&mut buffer).map_err(fail)?;

    let pixels = size.0 as usize * size.1 as usize;
    picture(size, to_rgb8(buffer, pixels, layout, u16::from_ne_bytes))
}

const fn layout(color: ColorType) -> Option<Layout> {
    Some(match color {
        ColorType::L8 => Layout::Grey8,
        ColorType::La8 => Layout::GreyAlpha8,
        ColorType::Rgb8 => Layout::Rgb8,
        ColorType::Rgba8 => Layout::Rgba8,
        ColorType::L16 => Layout::Grey16,
        ColorType::La16 => Layout::GreyAlpha16,
        ColorType::Rgb16 => Layout::Rgb16,
        ColorType::Rgba16 => Layout::Rgba16,
        ColorType::Rgb32F => Layout::RgbFloat,
        ColorType::Rgba32F => Layout::RgbaFloat,
        _ => return None,
    })
}

fn explain(error: CrateError, limits: &DecodeLimits) -> Refusal {
    match error {
        CrateError::Unsupported(error) => Refusal::unsupported_kind(error),
        CrateError::Limits(error) if error.kind() == LimitErrorKind::InsufficientMemory => limits.too_much_memory(),
        error => Refusal::corrupt(error),
    }
}
