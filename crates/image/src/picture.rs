//! Decoding bytes to RGB pixels in the orientation in which they are meant to be shown.

use std::panic::catch_unwind;

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};

use crate::decode::color::to_srgb;
use crate::decode::raster::Raster;
use crate::decode::refusal::Refusal;
use crate::decode::request::DecodeRequest;
use crate::decode::rgb::to_rgb8;
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
    /// Width of the whole picture in pixels, after the orientation is applied.
    pub width: u32,
    /// Height of the whole picture in pixels, after the orientation is applied.
    pub height: u32,
}

/// A decoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Rows from the top, three bytes (red, green, blue) for each pixel, alpha composited over white. The pixels are
    /// fewer than those of the whole picture when the request said that fewer suffice.
    pub pixels: RgbImage,
    /// Type and size of the whole picture.
    pub facts: Facts,
}

/// Decodes the first frame of a picture: 8 bits a channel, alpha composited over white, upright. The text in the file
/// is not read.
///
/// The conversions are those of Pillow (`ImageOps.exif_transpose`, `Image.alpha_composite` over opaque white,
/// `convert("RGB")`), because the models were trained on pixels that Pillow decoded: 16-bit samples are rounded to 8
/// bits (v ÷ 257), CMYK JPEGs are read as Adobe writes them (inverted). Colours become sRGB where a profile
/// says otherwise, as LittleCMS, Pillow's library for colours, converts them.
///
/// # Errors
/// [`ImageError::UnsupportedType`] or [`ImageError::UnsupportedKind`] for a type or kind that is not read;
/// [`ImageError::TooManyPixels`], [`ImageError::EdgeTooLong`] or [`ImageError::TooMuchMemory`], from the header alone,
/// when a limit would be exceeded; [`ImageError::Corrupt`] when the file is damaged, cut off or contradicts itself.
pub fn decode(bytes: &[u8], request: impl Into<DecodeRequest>) -> Result<Decoded, ImageError> {
    let (decoded, _) = decode_with_metadata(bytes, &request.into(), 0)?;
    Ok(decoded)
}

/// Decodes a picture as [`decode`] does, and extracts the text of the file as
/// [`text_chunks`](crate::text::text_chunks) does, in one pass over its metadata.
///
/// # Errors
/// The errors of [`decode`]. Text is never a reason to refuse a picture.
pub fn decode_with_texts(
    bytes: &[u8],
    request: impl Into<DecodeRequest>,
    text_limits: &TextLimits,
) -> Result<(Decoded, TextChunks), ImageError> {
    let (decoded, metadata) = decode_with_metadata(bytes, &request.into(), text_limits.max_chunks)?;
    Ok((decoded, extract(&metadata, text_limits)))
}

fn decode_with_metadata<'a>(
    bytes: &'a [u8],
    request: &DecodeRequest,
    max_texts: usize,
) -> Result<(Decoded, Metadata<'a>), ImageError> {
    let file_type = sniff(bytes)?;
    // The decoders come from other crates, and not all of them promise not to panic on hostile bytes. A panic there
    // refuses one file and must not end the worker thread. The closure shares nothing but its input, so it cannot leave
    // anything half-changed.
    let raster = catch_unwind(|| file_type.decode(bytes, request))
        .unwrap_or_else(|_| Err(Refusal::corrupt("the decoder panicked")))
        .map_err(|refusal| ImageError::refused(file_type, refusal))?;

    let metadata = file_type.metadata(bytes, max_texts);
    let orientation = orientation(&metadata);
    let (width, height) =
        if is_on_its_side(orientation) { (raster.full_size.1, raster.full_size.0) } else { raster.full_size };
    let pixels = upright(raster, metadata.icc.as_deref(), orientation);
    Ok((Decoded { pixels, facts: Facts { file_type, width, height } }, metadata))
}

/// Takes a raster through the steps that all formats share.
fn upright(mut raster: Raster, icc: Option<&[u8]>, orientation: Orientation) -> RgbImage {
    to_srgb(&mut raster, icc);
    let mut picture = DynamicImage::ImageRgb8(to_rgb8(raster));
    picture.apply_orientation(orientation);
    picture.into_rgb8()
}

/// Tells whether width and height of the file change places when the picture is shown.
fn is_on_its_side(orientation: Orientation) -> bool {
    use Orientation::{
        FlipHorizontal, FlipVertical, NoTransforms, Rotate90, Rotate90FlipH, Rotate180, Rotate270, Rotate270FlipH,
    };
    match orientation {
        NoTransforms | FlipHorizontal | FlipVertical | Rotate180 => false,
        Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH => true,
    }
}
