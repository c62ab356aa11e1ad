//! Small versions of pictures, for galleries.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeError, ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use crate::decode::request::Enough;
use crate::error::ImageError;

/// The lowest quality at which the loss cannot be seen on photographs of this size.
const JPEG_QUALITY: u8 = 85;

/// Encodes `pixels` as a JPEG whose longer edge is scaled down to `max_edge` pixels (at least 1). The aspect ratio is
/// kept, and a picture that is smaller already keeps its size.
///
/// The filter is Catmull-Rom, which keeps edges crisp; it is stretched when shrinking, so that nothing flickers.
///
/// # Errors
/// [`ImageError::Encode`] when the encoder fails.
pub fn thumbnail(pixels: &RgbImage, max_edge: u32) -> Result<Vec<u8>, ImageError> {
    let size = fit(pixels.dimensions(), max_edge);
    if size == pixels.dimensions() {
        return encode(pixels.as_raw(), size);
    }
    let scaled = shrink(pixels, size).map_err(|error| ImageError::Encode { detail: error.to_string() })?;
    encode(scaled.buffer(), size)
}

/// Returns the size of a picture that suffices for a thumbnail of `max_edge` pixels.
#[must_use]
pub fn enough_for_thumbnail(max_edge: u32) -> Enough {
    // Half as much again, because the decoder's own scaling blurs.
    Enough { shorter: 0, longer: max_edge.saturating_add(max_edge / 2) }
}

fn shrink(pixels: &RgbImage, (width, height): (u32, u32)) -> Result<Image<'static>, ResizeError> {
    let mut scaled = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
    // A picture has as many bytes as its size needs, so there always is a view of them.
    if let Ok(source) = ImageRef::new(pixels.width(), pixels.height(), pixels.as_raw(), PixelType::U8x3) {
        Resizer::new().resize(&source, &mut scaled, &options)?;
    }
    Ok(scaled)
}

/// Returns the size that fits `max_edge` and has the same aspect ratio. The size is rounded and never zero.
fn fit((width, height): (u32, u32), max_edge: u32) -> (u32, u32) {
    let longer = width.max(height);
    let max_edge = max_edge.max(1);
    if longer <= max_edge {
        return (width, height);
    }
    let scale = |edge: u32| {
        let scaled = (u64::from(edge) * u64::from(max_edge) + u64::from(longer) / 2) / u64::from(longer);
        u32::try_from(scaled).unwrap_or(max_edge).max(1)
    };
    (scale(width), scale(height))
}

fn encode(pixels: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .write_image(pixels, width, height, ExtendedColorType::Rgb8)
        .map_err(|error| ImageError::Encode { detail: error.to_string() })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::limits::DecodeLimits;
    use crate::formats::FileType;
    use crate::picture::decode;
    use image::Rgb;

    fn gradient(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, 128]))
    }

    #[test]
    fn the_longer_edge_is_at_most_the_limit_and_the_aspect_ratio_stays() {
        assert_eq!(fit((4000, 3000), 256), (256, 192));
        assert_eq!(fit((3000, 4000), 256), (192, 256));
        assert_eq!(fit((100, 50), 256), (100, 50), "small pictures are not enlarged");
        assert_eq!(fit((30_000, 10), 256), (256, 1), "never zero");
        assert_eq!(fit((u32::MAX, u32::MAX), u32::MAX), (u32::MAX, u32::MAX));
        assert_eq!(fit((10, 20), 0), (1, 1));
    }

    #[test]
    fn a_thumbnail_looks_like_its_picture() {
        let bytes = thumbnail(&gradient(900, 600), 90).unwrap();
        let small = decode(&bytes, &DecodeLimits::default()).unwrap();
        assert_eq!(small.facts.file_type, FileType::Jpeg);
        assert_eq!(small.pixels.dimensions(), (90, 60));
        let expected = gradient(90, 60);
        for (a, b) in small.pixels.iter().zip(expected.iter()) {
            assert!(a.abs_diff(*b) <= 6, "{a} where {b} was expected");
        }
    }

    #[test]
    fn a_picture_one_pixel_thin_has_a_thumbnail() {
        for (width, height) in [(3000, 1), (1, 3000), (513, 2), (1, 1)] {
            assert!(thumbnail(&gradient(width, height), 64).is_ok());
        }
    }
}
