//! PNG, through the png crate itself: it can be told to leave text and colour profiles alone, so that
//! megabytes of workflow in a text chunk cannot cost the picture.

use std::io::Cursor;

use image::RgbImage;
use png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Transformations};

use super::rgb::{Layout, to_rgb8};
use super::{DecodeLimits, check_size, picture};
use crate::{FileType, ImageError};

/// Decodes the default image (an APNG's animation is ignored).
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<RgbImage, ImageError> {
    let fail = |error| explain(error, limits);
    let memory = usize::try_from(limits.max_memory).unwrap_or(usize::MAX);
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: memory });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    // Palettes and 1, 2, 4 bits become 8 bits, tRNS becomes alpha; 16 bits stay, to be rounded here.
    decoder.set_transformations(Transformations::EXPAND);

    let header = decoder.read_header_info().map_err(fail)?.size();
    // Eight bytes a pixel is the most PNG can have; the exact size is known after PLTE and tRNS only.
    check_size(FileType::Png, header, 0, limits)?;
    let mut reader = decoder.read_info().map_err(fail)?;
    let size = reader.output_buffer_size().ok_or(DecodingError::LimitsExceeded).map_err(fail)?;
    check_size(FileType::Png, header, size as u64, limits)?;

    let layout = match reader.output_color_type() {
        (ColorType::Grayscale, BitDepth::Sixteen) => Layout::Grey16,
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen) => Layout::GreyAlpha16,
        (ColorType::Rgb, BitDepth::Sixteen) => Layout::Rgb16,
        (ColorType::Rgba, BitDepth::Sixteen) => Layout::Rgba16,
        (ColorType::Grayscale, BitDepth::Eight) => Layout::Grey8,
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => Layout::GreyAlpha8,
        (ColorType::Rgb, BitDepth::Eight) => Layout::Rgb8,
        (ColorType::Rgba, BitDepth::Eight) => Layout::Rgba8,
        other => return Err(ImageError::corrupt(FileType::Png, format!("samples {other:?}"))),
    };
    let mut buffer = vec![0; size];
    reader.next_frame(&mut buffer).map_err(fail)?;

    // Within max_edge² the product of two u32 fits usize, as `size` above did.
    let pixels = header.0 as usize * header.1 as usize;
    picture(FileType::Png, header, to_rgb8(buffer, pixels, layout, u16::from_be_bytes))
}

fn explain(error: DecodingError, limits: &DecodeLimits) -> ImageError {
    match error {
        DecodingError::LimitsExceeded => {
            ImageError::TooMuchMemory { file_type: FileType::Png, max_bytes: limits.max_memory }
        }
        DecodingError::IoError(_) | DecodingError::Format(_) | DecodingError::Parameter(_) => {
            ImageError::corrupt(FileType::Png, error)
        }
    }
}
