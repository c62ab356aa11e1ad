//! Decoding through the image crate, for every format but PNG.

use std::io::Cursor;

use image::error::{ImageError as CrateError, LimitErrorKind};
use image::{ColorType, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::limits::DecodeLimits;
use super::raster::{Layout, Raster};
use super::refusal::Refusal;
use super::request::DecodeRequest;

/// Decodes the first frame or page.
///
/// # Errors
/// [`Refusal`] when a limit would be exceeded or the decoder fails.
pub fn decode(bytes: &[u8], format: ImageFormat, request: &DecodeRequest) -> Result<Raster, Refusal> {
    let limits = &request.limits;
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
    if matches!(color, ColorType::Rgb32F | ColorType::Rgba32F) {
        floats_to_16_bits(&mut buffer);
    }
    Raster::new(size, layout, buffer)
}

/// Returns the layout of samples of this type. Floats become 16 bits.
const fn layout(color: ColorType) -> Option<Layout> {
    Some(match color {
        ColorType::L8 => Layout::Grey8,
        ColorType::La8 => Layout::GreyAlpha8,
        ColorType::Rgb8 => Layout::Rgb8,
        ColorType::Rgba8 => Layout::Rgba8,
        ColorType::L16 => Layout::Grey16,
        ColorType::La16 => Layout::GreyAlpha16,
        ColorType::Rgb16 | ColorType::Rgb32F => Layout::Rgb16,
        ColorType::Rgba16 | ColorType::Rgba32F => Layout::Rgba16,
        _ => return None,
    })
}

/// Turns floats from 0 to 1, in the machine's byte order, into samples of 16 bits within their buffer. A value out of
/// range is clamped; NaN becomes 0.
fn floats_to_16_bits(buffer: &mut Vec<u8>) {
    for i in 0..buffer.len() / 4 {
        let mut float = [0; 4];
        float.copy_from_slice(&buffer[4 * i..4 * i + 4]);
        let sample = (f32::from_ne_bytes(float) * 65_535.0).round() as u16;
        buffer[2 * i..2 * i + 2].copy_from_slice(&sample.to_ne_bytes());
    }
    buffer.truncate(buffer.len() / 2);
}

fn explain(error: CrateError, limits: &DecodeLimits) -> Refusal {
    match error {
        CrateError::Unsupported(error) => Refusal::unsupported_kind(error),
        CrateError::Limits(error) if error.kind() == LimitErrorKind::InsufficientMemory => limits.too_much_memory(),
        error => Refusal::corrupt(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_clamped_to_the_range_of_the_samples() {
        let mut buffer: Vec<u8> =
            [0.0_f32, 1.0, 0.5, 7.5, -1.0, f32::NAN].iter().flat_map(|x| x.to_ne_bytes()).collect();
        floats_to_16_bits(&mut buffer);
        let samples: Vec<u16> = buffer.as_chunks().0.iter().map(|sample| u16::from_ne_bytes(*sample)).collect();
        assert_eq!(samples, [0, 65_535, 32_768, 65_535, 0, 0]);
    }
}
