//! Bytes → RGB pixels the right way up, within limits that are checked before any pixel is decoded.

mod jpeg;
mod other;
mod png;
mod rgb;
#[cfg(test)]
mod tests;
mod tiff_palette;

use std::panic::catch_unwind;

use image::{DynamicImage, RgbImage};

use super::error::ImageError;
use super::orientation::orientation;
use super::sniff::{FileType, sniff};

/// What one picture may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Most pixels (width × height).
    pub max_pixels: u64,
    /// Longest edge in pixels. A limit of its own because a resize to a shortest edge blows up a
    /// picture one pixel high.
    pub max_edge: u32,
    /// Most bytes of working memory: the decoded samples and what the decoder buffers beside them.
    pub max_memory: u64,
}

/// 50 million pixels, 32,768 along an edge, 512 MiB: every camera picture of today that is not a
/// stitched panorama.
impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_pixels: 50_000_000, max_edge: 32_768, max_memory: 512 * 1024 * 1024 }
    }
}

/// What is known of a picture besides its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// By content, never by name.
    pub file_type: FileType,
    /// Pixels across, orientation applied.
    pub width: u32,
    /// Pixels down, orientation applied.
    pub height: u32,
}

/// A decoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Rows from the top, three bytes (red, green, blue) a pixel, alpha composited over white.
    pub pixels: RgbImage,
    /// Type and size.
    pub facts: Facts,
}

/// Decodes a picture: its first frame, 8 bits a channel, alpha over white, the right way up.
///
/// The conversions are those of Pillow (`ImageOps.exif_transpose`, `Image.alpha_composite` over opaque
/// white, `convert("RGB")`), because the models were trained on its pixels: 16-bit samples are rounded
/// to 8 bits (v ÷ 257), CMYK JPEGs are read as Adobe writes them (inverted), colour profiles are ignored.
///
/// # Errors
/// [`ImageError::UnsupportedType`] or [`ImageError::UnsupportedKind`] for what is not read;
/// [`ImageError::TooManyPixels`], [`ImageError::EdgeTooLong`] or [`ImageError::TooMuchMemory`] from the
/// header alone when a limit would be exceeded; [`ImageError::Corrupt`] when the file is damaged, cut
/// off or contradicts itself.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Decoded, ImageError> {
    let file_type = sniff(bytes)?;
    // The decoders are other people's code fed with strangers' bytes, and not all of them promise not to
    // panic. A panic there is one bad file, not a reason to lose the worker thread; nothing is shared
    // with the closure but the input, so nothing can be left half-changed.
    let decoded = catch_unwind(|| match file_type {
        FileType::Png => png::decode(bytes, limits),
        FileType::Jpeg => {
            jpeg::check(bytes, limits)?;
            other::decode(bytes, file_type, limits)
        }
        FileType::Tiff => match tiff_palette::find(bytes) {
            Some(palette) => palette.decode(bytes, limits),
            None => other::decode(bytes, file_type, limits),
        },
        FileType::Gif | FileType::WebP | FileType::Bmp => other::decode(bytes, file_type, limits),
    })
    .unwrap_or_else(|_| Err(ImageError::corrupt(file_type, "the decoder panicked")))?;

    let mut picture = DynamicImage::ImageRgb8(decoded);
    picture.apply_orientation(orientation(bytes, file_type));
    let pixels = picture.into_rgb8();
    let facts = Facts { file_type, width: pixels.width(), height: pixels.height() };
    Ok(Decoded { pixels, facts })
}

/// Checks what a header announces. Called by every format before it allocates or decodes pixels.
fn check_size(
    file_type: FileType,
    (width, height): (u32, u32),
    memory: u64,
    limits: &DecodeLimits,
) -> Result<(), ImageError> {
    let &DecodeLimits { max_pixels, max_edge, max_memory } = limits;
    if width == 0 || height == 0 {
        return Err(ImageError::corrupt(file_type, format!("{width} × {height} pixels")));
    }
    if width > max_edge || height > max_edge {
        return Err(ImageError::EdgeTooLong { width, height, max_edge });
    }
    if u64::from(width) * u64::from(height) > max_pixels {
        return Err(ImageError::TooManyPixels { width, height, max_pixels });
    }
    if memory > max_memory {
        return Err(ImageError::TooMuchMemory { file_type, max_bytes: max_memory });
    }
    Ok(())
}

/// Puts converted samples into a picture; they cannot have another length, and if they did, it is the
/// decoder that broke its word.
fn picture(file_type: FileType, (width, height): (u32, u32), rgb: Vec<u8>) -> Result<RgbImage, ImageError> {
    RgbImage::from_raw(width, height, rgb).ok_or_else(|| ImageError::corrupt(file_type, "fewer samples than announced"))
}
