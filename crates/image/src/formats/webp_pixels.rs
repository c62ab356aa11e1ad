//! The pixels of WebP files.

use std::borrow::Cow;

use image::ImageFormat;

use crate::container::pieces::take;
use crate::decode::raster::{Layout, Raster};
use crate::decode::refusal::Refusal;
use crate::decode::request::DecodeRequest;
use crate::decode::{completeness, image_crate};

/// Decodes the picture or, of an animation, its first frame on a transparent canvas.
///
/// The decoder gets a file of nothing but the chunks that hold the pixels: it refuses files whose header announces chunks
/// that are not there, and files with other errors that no other program minds.
pub fn decode(bytes: &[u8], request: &DecodeRequest) -> Result<Raster, Refusal> {
    let mut still = Still::default();
    let mut canvas = None;
    for (kind, data, length) in pixel_chunks(bytes.get(12..).unwrap_or_default()) {
        match (&kind, data) {
            (b"VP8X", [_, _, _, _, w0, w1, w2, h0, h1, h2, ..]) => {
                canvas = Some((1 + three(*w0, *w1, *w2), 1 + three(*h0, *h1, *h2)));
            }
            (b"ANMF", [x0, x1, x2, y0, y1, y2, _, _, _, _, _, _, _, _, _, _, frame @ ..]) => {
                let mut still = Still::default();
                for (kind, data, length) in pixel_chunks(frame) {
                    still.add(kind, data, length)?;
                }
                let origin = (2 * three(*x0, *x1, *x2), 2 * three(*y0, *y1, *y2));
                return on_canvas(still.decode(request)?, origin, canvas, request);
            }
            _ => still.add(kind, data, length)?,
        }
        if still.pixels.is_some() {
            break;
        }
    }
    still.decode(request)
}

/// Returns the number of three bytes.
const fn three(b0: u8, b1: u8, b2: u8) -> u32 {
    u32::from_le_bytes([b0, b1, b2, 0])
}

/// Returns the type, the content and the stated length of each chunk. The content of the last one may be shorter.
fn pixel_chunks(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8], usize)> {
    std::iter::from_fn(move || {
        let kind = *take(&mut rest, 4)?.first_chunk()?;
        let length = u32::from_le_bytes(*take(&mut rest, 4)?.first_chunk()?) as usize;
        let present = length.min(rest.len());
        let data = take(&mut rest, present)?;
        // Chunks are padded to an even length with a zero, which some writers leave out.
        if length % 2 == 1 && rest.first() == Some(&0) {
            rest = &rest[1..];
        }
        Some((kind, data, length))
    })
}

/// The chunks of a picture that is not animated.
#[derive(Default)]
struct Still<'a> {
    alpha: Option<&'a [u8]>,
    /// The type and the content of the chunk that holds the colors.
    pixels: Option<([u8; 4], Cow<'a, [u8]>)>,
}

impl<'a> Still<'a> {
    /// Adds a chunk, if it holds pixels.
    fn add(&mut self, kind: [u8; 4], data: &'a [u8], length: usize) -> Result<(), Refusal> {
        match &kind {
            b"ALPH" if self.alpha.is_none() => self.alpha = Some(data),
            b"VP8 " | b"VP8L" if self.pixels.is_none() => {
                completeness::check((length - data.len()) as u64, length as u64)?;
                let mut data = Cow::Borrowed(data);
                // The format defines that zeros follow the end of lossy data (RFC 6386, section 7.3).
                if data.len() < length && kind == *b"VP8 " {
                    data.to_mut().resize(length, 0);
                }
                self.pixels = Some((kind, data));
            }
            _ => {}
        }
        Ok(())
    }

    fn decode(&self, request: &DecodeRequest) -> Result<Raster, Refusal> {
        let (kind, data) = self.pixels.as_ref().ok_or_else(|| Refusal::corrupt("no chunk with pixels"))?;
        let size = match (kind, data.as_ref()) {
            (b"VP8 ", [_, _, _, 0x9D, 0x01, 0x2A, w0, w1, h0, h1, ..]) => {
                (three(*w0, w1 & 0x3F, 0), three(*h0, h1 & 0x3F, 0))
            }
            (b"VP8L", [0x2F, b0, b1, b2, b3, ..]) => {
                let bits = u32::from_le_bytes([*b0, *b1, *b2, *b3]);
                ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
            }
            _ => return Err(Refusal::corrupt("the chunk with pixels has no header")),
        };
        request.limits.check(size, 0)?;
        let mut file = b"RIFF\0\0\0\0WEBP".to_vec();
        if let (Some(alpha), b"VP8 ") = (self.alpha, kind) {
            let [[w0, w1, w2, _], [h0, h1, h2, _]] = [size.0 - 1, size.1 - 1].map(u32::to_le_bytes);
            add_chunk(&mut file, b"VP8X", &[0x10, 0, 0, 0, w0, w1, w2, h0, h1, h2]);
            add_chunk(&mut file, b"ALPH", alpha);
        }
        add_chunk(&mut file, kind, data);
        let length = (file.len() - 8) as u32;
        file[4..8].copy_from_slice(&length.to_le_bytes());
        image_crate::decode(&file, ImageFormat::WebP, request)
    }
}

fn add_chunk(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    file.extend(kind);
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file.extend(&[0][..data.len() % 2]);
}

/// Places a frame on the canvas of its animation.
fn on_canvas(
    frame: Raster,
    origin: (u32, u32),
    canvas: Option<(u32, u32)>,
    request: &DecodeRequest,
) -> Result<Raster, Refusal> {
    let canvas = canvas.unwrap_or((frame.width, frame.height));
    if canvas == (frame.width, frame.height) && origin == (0, 0) {
        return Ok(frame);
    }
    let fits = origin.0.saturating_add(frame.width) <= canvas.0 && origin.1.saturating_add(frame.height) <= canvas.1;
    if !fits {
        return Err(Refusal::corrupt("a frame outside its canvas"));
    }
    let pixels = u64::from(canvas.0) * u64::from(canvas.1);
    request.limits.check(canvas, (pixels * 4).saturating_add(frame.samples.len() as u64))?;
    let mut rgba = vec![0; pixels as usize * 4];
    let channels = frame.layout.pixel_bytes();
    for (y, row) in frame.samples.chunks_exact(frame.width as usize * channels).enumerate() {
        let start = ((origin.1 as usize + y) * canvas.0 as usize + origin.0 as usize) * 4;
        for (to, pixel) in rgba[start..].as_chunks_mut::<4>().0.iter_mut().zip(row.chunks_exact(channels)) {
            *to = [0xFF; 4];
            to[..channels].copy_from_slice(pixel);
        }
    }
    Raster::new(canvas, Layout::Rgba8, rgba)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::add_chunk;
    use crate::decode::limits::DecodeLimits;
    use crate::error::ImageError;
    use crate::fixtures::{HALVES, file, patchwork};
    use crate::formats::FileType;
    use crate::picture::decode;

    fn shown(bytes: &[u8]) -> Result<RgbImage, ImageError> {
        decode(bytes, &DecodeLimits::default()).map(|decoded| decoded.pixels)
    }

    /// Returns a file of chunks whose header states a length of 0.
    fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WEBP".to_vec();
        chunks.iter().for_each(|(kind, data)| add_chunk(&mut bytes, kind, data));
        bytes
    }

    /// Returns the content of the one chunk of a simple lossless file that shows [`patchwork`].
    fn lossless() -> Vec<u8> {
        let bytes = file(FileType::WebP);
        let length = u32::from_le_bytes(bytes[16..20].try_into().unwrap()) as usize;
        bytes[20..20 + length].to_vec()
    }

    /// The flags of a header that announces a profile, EXIF and XMP.
    const ANNOUNCES_ALL: u8 = 0x2C;

    #[test]
    fn the_chunks_around_the_pixels_do_no_harm() {
        let pixels = lossless();
        let header = [ANNOUNCES_ALL, 0, 0, 0, 5, 0, 0, 3, 0, 0];
        for (what, bytes) in [
            ("announced chunks are missing", riff(&[(b"VP8X", &header), (b"VP8L", &pixels)])),
            ("names in lower case", riff(&[(b"VP8X", &header), (b"VP8L", &pixels), (b"Exif", b"abc")])),
            ("loose chunks", riff(&[(b"VP8L", &pixels), (b"EXIF", b"abc"), (b"XMP ", b"x")])),
            ("an unknown chunk in front", riff(&[(b"ABCD", b"abc"), (b"VP8L", &pixels)])),
            ("bytes after the end", [riff(&[(b"VP8L", &pixels)]).as_slice(), b"trailing"].concat()),
        ] {
            assert_eq!(shown(&bytes), Ok(patchwork()), "{what}");
        }
    }

    #[test]
    fn a_frame_stands_on_its_canvas() {
        // A canvas of 10 × 6 pixels, the frame two pixels from the left and from the top.
        let mut frame = [1, 0, 0, 1, 0, 0, 5, 0, 0, 3, 0, 0, 100, 0, 0, 0].to_vec();
        add_chunk(&mut frame, b"VP8L", &lossless());
        let header = [0x02, 0, 0, 0, 9, 0, 0, 5, 0, 0];
        let bytes = riff(&[(b"VP8X", &header), (b"ANIM", &[0; 6]), (b"ANMF", &frame), (b"ANMF", &frame)]);
        let mut want = RgbImage::from_pixel(10, 6, Rgb([255; 3]));
        image::imageops::replace(&mut want, &patchwork(), 2, 2);
        assert_eq!(shown(&bytes), Ok(want));
        let outside = [0x02, 0, 0, 0, 5, 0, 0, 3, 0, 0];
        let bytes = riff(&[(b"VP8X", &outside), (b"ANMF", &frame)]);
        assert!(matches!(shown(&bytes), Err(ImageError::Corrupt { .. })));
    }

    #[test]
    fn a_few_last_bytes_of_lossy_pixels_may_be_missing() {
        let (_, whole) = HALVES.into_iter().find(|(name, _)| *name == "lossy WebP").unwrap();
        let pixels = shown(whole).unwrap();
        assert_eq!(shown(&whole[..whole.len() - 1]).unwrap().dimensions(), pixels.dimensions());
        assert!(matches!(shown(&whole[..whole.len() * 3 / 4]), Err(ImageError::Corrupt { .. })));
    }
}
