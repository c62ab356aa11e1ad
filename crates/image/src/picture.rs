//! Decoding bytes to RGB pixels in the orientation in which they are meant to be shown.

use std::panic::catch_unwind;

use image::{DynamicImage, RgbImage};

use crate::decode::limits::DecodeLimits;
use crate::decode::refusal::Refusal;
use crate::error::ImageError;
use crate::formats::FileType;
use crate::metadata::Metadata;
use crate::orientation::orientation;
use crate::sniff::sniff;
use crate::text::{TextLimits, extract};
use crate::text_chunks::TextChunks;

/// Facts about a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The type that the content proves, whatever the file's name.
    pub file_type: FileType,
    /// Width in pixels, after the orientation is applied.
    pub width: u32,
    /// Height in pixels, after the orientation is applied.
    pub height: u32,
}

/// A decoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Rows from the top, three bytes (red, green, blue) for each pixel, alpha composited over white.
    pub pixels: RgbImage,
    /// Type and size.
    pub facts: Facts,
}

/// Decodes the first frame of a picture: 8 bits a channel, alpha composited over white, upright. The text in the file
/// is not read.
///
/// The conversions are those of Pillow (`ImageOps.exif_transpose`, `Image.alpha_composite` over opaque white,
/// `convert("RGB")`), because the models were trained on pixels that Pillow decoded: 16-bit samples are rounded to 8
/// bits (v ÷ 257), CMYK JPEGs are read as Adobe writes them (inverted), colour profiles are ignored.
///
/// # Errors
/// [`ImageError::UnsupportedType`] or [`ImageError::UnsupportedKind`] for a type or kind that is not read;
/// [`ImageError::TooManyPixels`], [`ImageError::EdgeTooLong`] or [`ImageError::TooMuchMemory`], from the header alone,
/// when a limit would be exceeded; [`ImageError::Corrupt`] when the file is damaged, cut off or contradicts itself.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Decoded, ImageError> {
    let (decoded, _) = decode_with_metadata(bytes, limits, 0)?;
    Ok(decoded)
}

/// Decodes a picture as [`decode`] does, and extracts the text of the file as
/// [`text_chunks`](crate::text::text_chunks) does, in one pass over its metadata.
///
/// # Errors
/// The errors of [`decode`]. Text is never a reason to refuse a picture.
pub fn decode_with_texts(
    bytes: &[u8],
    limits: &DecodeLimits,
    text_limits: &TextLimits,
) -> Result<(Decoded, TextChunks), ImageError> {
    let (decoded, metadata) = decode_with_metadata(bytes, limits, text_limits.max_chunks)?;
    Ok((decoded, extract(&metadata, text_limits)))
}

fn decode_with_metadata<'a>(
    bytes: &'a [u8],
    limits: &DecodeLimits,
    max_texts: usize,
) -> Result<(Decoded, Metadata<'a>), ImageError> {
    let file_type = sniff(bytes)?;
    // The decoders come from other crates, and not all of them promise not to panic on hostile bytes. A panic there
    // refuses one file and must not end the worker thread. The closure shares nothing but its input, so it cannot leave
    // anything half-changed.
    let pixels = catch_unwind(|| file_type.decode(bytes, limits))
        .unwrap_or_else(|_| Err(Refusal::corrupt("the decoder panicked")))
        .map_err(|refusal| ImageError::refused(file_type, refusal))?;

    let metadata = file_type.metadata(bytes, max_texts);
    let mut picture = DynamicImage::ImageRgb8(pixels);
    picture.apply_orientation(orientation(&metadata));
    let pixels = picture.into_rgb8();
    let facts = Facts { file_type, width: pixels.width(), height: pixels.height() };
    Ok((Decoded { pixels, facts }, metadata))
}
