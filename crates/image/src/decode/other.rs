//! JPEG, GIF, WebP, BMP and TIFF, through the image crate.

use std::io::Cursor;

use image::error::{ImageError as CrateError, LimitErrorKind};
use image::{ColorType, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use super::rgb::{Layout, to_rgb8};
use super::{DecodeLimits, check_size, picture};
use crate::{FileType, ImageError};

/// Decodes the first frame or page.
pub(super) fn decode(bytes: &[u8], file_type: FileType, limits: &DecodeLimits) -> Result<RgbImage, ImageError> {
    let fail = |error| explain(error, file_type, limits);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format(file_type));
    // The crate's own limits would answer before the ones below can name the size.
    reader.no_limits();
    let mut decoder = reader.into_decoder().map_err(fail)?;

    let size = decoder.dimensions();
    let memory = decoder.total_bytes();
    check_size(file_type, size, memory, limits)?;
    let mut crate_limits = Limits::no_limits();
    crate_limits.max_alloc = Some(limits.max_memory - memory);
    decoder.set_limits(crate_limits).map_err(fail)?;

    let color = decoder.color_type();
    let layout = layout(color).ok_or_else(|| ImageError::unsupported_kind(file_type, format!("samples {color:?}")))?;
    let too_much = || ImageError::TooMuchMemory { file_type, max_bytes: limits.max_memory };
    let mut buffer = vec![0; usize::try_from(memory).map_err(|_| too_much())?];
    decoder.read_image(&mut buffer).map_err(fail)?;

    let pixels = size.0 as usize * size.1 as usize;
    picture(file_type, size, to_rgb8(buffer, pixels, layout, u16::from_ne_bytes))
}

const fn format(file_type: FileType) -> ImageFormat {
    match file_type {
        FileType::Jpeg => ImageFormat::Jpeg,
        FileType::Png => ImageFormat::Png,
        FileType::Gif => ImageFormat::Gif,
        FileType::WebP => ImageFormat::WebP,
        FileType::Bmp => ImageFormat::Bmp,
        FileType::Tiff => ImageFormat::Tiff,
    }
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

fn explain(error: CrateError, file_type: FileType, limits: &DecodeLimits) -> ImageError {
    match error {
        CrateError::Unsupported(error) => ImageError::unsupported_kind(file_type, error),
        CrateError::Limits(error) if error.kind() == LimitErrorKind::InsufficientMemory => {
            ImageError::TooMuchMemory { file_type, max_bytes: limits.max_memory }
        }
        error => ImageError::corrupt(file_type, error),
    }
}
