//! The pixels of PNG files.
//!
//! The png crate decodes nothing but the chunks that hold pixels. Text, profiles and animations of any size or shape are
//! therefore no reason to refuse a picture.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use png::{BitDepth, ColorType, Decoder, DecodingError, InterlaceInfo, Limits, Reader, Transformations};

use crate::container::pieces::take;
use crate::container::png::Chunk;
use crate::decode::completeness;
use crate::decode::limits::DecodeLimits;
use crate::decode::raster::{Layout, Raster, from_big_endian};
use crate::decode::refusal::Refusal;
use crate::decode::request::DecodeRequest;

/// Decodes the default image; the animation of an APNG is ignored.
///
/// # Errors
/// [`Refusal`] when a limit would be exceeded, the pixels are damaged or too many of them are missing.
pub fn decode(bytes: &[u8], request: &DecodeRequest) -> Result<Raster, Refusal> {
    let limits = &request.limits;
    let chunks = PixelChunks::find(bytes)?;
    let fail = |error| explain(error, limits);
    let memory = usize::try_from(limits.max_memory).unwrap_or(usize::MAX);
    let mut decoder = Decoder::new_with_limits(chunks.as_file(), Limits { bytes: memory });
    // The checksums are looked at here.
    decoder.ignore_checksums(true);
    // Palettes and samples of 1, 2 and 4 bits become 8 bits, tRNS becomes alpha; samples of 16 bits stay.
    decoder.set_transformations(Transformations::EXPAND);

    let header = decoder.read_header_info().map_err(fail)?.size();
    // The memory is known after PLTE and tRNS, so the check comes here.
    limits.check(header, 0)?;
    let mut reader = decoder.read_info().map_err(fail)?;
    let size = reader.output_buffer_size().ok_or(DecodingError::LimitsExceeded).map_err(fail)?;
    limits.check(header, size as u64)?;

    let layout = match reader.output_color_type() {
        (ColorType::Grayscale, BitDepth::Sixteen) => Layout::Grey16,
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen) => Layout::GreyAlpha16,
        (ColorType::Rgb, BitDepth::Sixteen) => Layout::Rgb16,
        (ColorType::Rgba, BitDepth::Sixteen) => Layout::Rgba16,
        (ColorType::Grayscale, BitDepth::Eight) => Layout::Grey8,
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => Layout::GreyAlpha8,
        (ColorType::Rgb, BitDepth::Eight) => Layout::Rgb8,
        (ColorType::Rgba, BitDepth::Eight) => Layout::Rgba8,
        other => return Err(Refusal::corrupt(format!("samples {other:?}"))),
    };
    let mut buffer = vec![0xFF; size];
    let pixels = u64::from(header.0) * u64::from(header.1);
    let read = read_rows(&mut reader, &mut buffer, layout.pixel_bytes()).map_err(fail)?;
    completeness::check(pixels - read.min(pixels), pixels)?;
    // A damaged checksum of a chunk is that of a careless writer if the checksum inside the compressed data is right.
    if !chunks.data_is_intact && !chunks.inflates_as_its_own_checksum_says() {
        return Err(Refusal::corrupt("both checksums of the pixels are wrong"));
    }
    if matches!(layout, Layout::Grey16 | Layout::GreyAlpha16 | Layout::Rgb16 | Layout::Rgba16) {
        from_big_endian(&mut buffer);
    }
    Raster::new(header, layout, buffer)
}

/// Reads rows until all are read or the data ends, and returns the number of pixels read.
fn read_rows(reader: &mut Reader<Joined<'_>>, buffer: &mut [u8], pixel_bytes: usize) -> Result<u64, DecodingError> {
    let (width, height) = reader.info().size();
    let stride = width as usize * pixel_bytes;
    let mut read = 0;
    if !reader.info().interlaced {
        for row in buffer.chunks_exact_mut(stride) {
            match reader.read_row(row) {
                Ok(Some(_)) => read += u64::from(width),
                Ok(None) => break,
                Err(error) => return read_so_far(read, error),
            }
        }
        return Ok(read);
    }
    let mut row = vec![0; stride];
    for row_pixels in rows_of_passes(width, height) {
        match reader.read_row(&mut row) {
            Ok(Some(InterlaceInfo::Adam7(place))) => {
                png::expand_interlaced_row(buffer, stride, &row, &place, pixel_bytes as u8 * 8);
                read += u64::from(row_pixels);
            }
            Ok(_) => break,
            Err(error) => return read_so_far(read, error),
        }
    }
    Ok(read)
}

/// Returns the number of pixels of each row of each pass of an interlaced picture (PNG, section 8.2).
fn rows_of_passes(width: u32, height: u32) -> impl Iterator<Item = u32> {
    const PASSES: [(u32, u32, u32, u32); 7] =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
    PASSES.into_iter().flat_map(move |(left, top, right, down)| {
        let pixels = width.saturating_sub(left).div_ceil(right);
        let rows = if pixels == 0 { 0 } else { height.saturating_sub(top).div_ceil(down) };
        (0..rows).map(move |_| pixels)
    })
}

/// Takes the end of the data for the end of what can be read; other errors stay errors.
fn read_so_far(read: u64, error: DecodingError) -> Result<u64, DecodingError> {
    match error {
        DecodingError::LimitsExceeded => Err(error),
        _ => Ok(read),
    }
}

fn explain(error: DecodingError, limits: &DecodeLimits) -> Refusal {
    match error {
        DecodingError::LimitsExceeded => limits.too_much_memory(),
        DecodingError::IoError(_) | DecodingError::Format(_) | DecodingError::Parameter(_) => Refusal::corrupt(error),
    }
}

/// The chunks that hold the pixels of a file.
struct PixelChunks<'a> {
    header: &'a [u8],
    palette: Option<&'a [u8]>,
    transparency: Option<&'a [u8]>,
    /// The parts of the compressed pixels. The last one may be cut off.
    data: Vec<&'a [u8]>,
    /// Whether the checksums of all these parts are right, as far as the file has them.
    data_is_intact: bool,
}

impl<'a> PixelChunks<'a> {
    /// Finds the chunks. The first header, palette and transparency count.
    fn find(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let mut rest = bytes.get(8..).unwrap_or_default();
        let (mut header, mut palette, mut transparency) = (None, None, None);
        let (mut data, mut data_is_intact) = (Vec::new(), true);
        while let Some(length) = take(&mut rest, 4).and_then(|length| length.first_chunk()) {
            let Some(kind) = take(&mut rest, 4).and_then(|kind| kind.first_chunk().copied()) else { break };
            let length = u32::from_be_bytes(*length) as usize;
            let content = &rest[..length.min(rest.len())];
            rest = &rest[content.len()..];
            let crc = take(&mut rest, 4).and_then(|crc| crc.first_chunk()).map(|crc| u32::from_be_bytes(*crc));
            let chunk = Chunk { kind, data: content, crc: crc.unwrap_or(0) };
            match &kind {
                // Apple's variant for iOS, in which the pixels are stored another way.
                b"CgBI" => return Err(Refusal::unsupported_kind("CgBI")),
                b"IHDR" if header.is_none() => header = Some(trusted(&chunk)?),
                b"PLTE" if palette.is_none() && data.is_empty() => palette = Some(trusted(&chunk)?),
                b"tRNS" if transparency.is_none() && data.is_empty() => transparency = Some(trusted(&chunk)?),
                b"IDAT" => {
                    data_is_intact &= crc.is_none() || chunk.is_intact();
                    data.push(content);
                }
                b"IEND" => break,
                _ => {}
            }
        }
        let header = header.ok_or_else(|| Refusal::corrupt("no header"))?;
        Ok(Self { header, palette, transparency, data, data_is_intact })
    }

    /// Returns a file of nothing but these chunks.
    fn as_file(&self) -> Joined<'a> {
        let mut parts = Vec::with_capacity(3 * self.data.len() + 12);
        parts.push(Part::Borrowed(b"\x89PNG\r\n\x1A\n"));
        let mut add = |kind: &[u8; 4], data: &'a [u8]| {
            let [l0, l1, l2, l3] = (data.len() as u32).to_be_bytes();
            let [k0, k1, k2, k3] = *kind;
            parts.push(Part::Head([l0, l1, l2, l3, k0, k1, k2, k3]));
            parts.push(Part::Borrowed(data));
            parts.push(Part::Borrowed(&[0; 4]));
        };
        add(b"IHDR", self.header);
        self.palette.into_iter().for_each(|palette| add(b"PLTE", palette));
        self.transparency.into_iter().for_each(|transparency| add(b"tRNS", transparency));
        self.data.iter().for_each(|data| add(b"IDAT", data));
        add(b"IEND", &[]);
        Joined { parts, part: 0, read: 0 }
    }

    /// Decompresses the pixels once more and returns whether the checksum at their end is right.
    fn inflates_as_its_own_checksum_says(&self) -> bool {
        let parts = self.data.iter().map(|data| Part::Borrowed(data)).collect();
        let mut zlib = flate2::bufread::ZlibDecoder::new(Joined { parts, part: 0, read: 0 });
        io::copy(&mut zlib, &mut io::sink()).is_ok()
    }
}

/// Returns the content of a chunk that the pixels cannot be read right without. A checksum of 0 is that of a writer who
/// computes none.
fn trusted<'a>(chunk: &Chunk<'a>) -> Result<&'a [u8], Refusal> {
    if chunk.crc != 0 && !chunk.is_intact() {
        return Err(Refusal::corrupt(format!("the checksum of {} is wrong", chunk.kind.escape_ascii())));
    }
    Ok(chunk.data)
}

/// A part of a [`Joined`] file.
enum Part<'a> {
    Borrowed(&'a [u8]),
    /// The length and the type of a chunk.
    Head([u8; 8]),
}

impl Part<'_> {
    const fn bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Head(bytes) => bytes,
        }
    }
}

/// A file of several parts, read without joining them in memory.
struct Joined<'a> {
    parts: Vec<Part<'a>>,
    /// The part that is read, and the number of its bytes that are read.
    part: usize,
    read: usize,
}

impl BufRead for Joined<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.parts.get(self.part).is_some_and(|part| part.bytes().len() == self.read) {
            (self.part, self.read) = (self.part + 1, 0);
        }
        Ok(self.parts.get(self.part).map_or(&[], |part| &part.bytes()[self.read..]))
    }

    fn consume(&mut self, amount: usize) {
        self.read += amount;
    }
}

impl Read for Joined<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(out)?;
        self.consume(length);
        Ok(length)
    }
}

/// The png crate asks for this trait and does not use it.
impl Seek for Joined<'_> {
    fn seek(&mut self, _to: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use crate::decode::limits::DecodeLimits;
    use crate::error::ImageError;
    use crate::fixtures::{chunk, deflate, patchwork};
    use crate::picture::decode;

    const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1A\n";

    /// Returns the chunks of the header, the pixels and the end of a file that shows [`patchwork`].
    fn parts() -> [Vec<u8>; 3] {
        let header = chunk(b"IHDR", &[0, 0, 0, 6, 0, 0, 0, 4, 8, 2, 0, 0, 0]);
        [header, chunk(b"IDAT", &deflate(&rows())), chunk(b"IEND", &[])]
    }

    /// Returns the rows of [`patchwork`], each behind its filter.
    fn rows() -> Vec<u8> {
        patchwork().as_raw().chunks(18).flat_map(|row| [&[0], row].concat()).collect()
    }

    fn file(parts: &[&[u8]]) -> Vec<u8> {
        [&[SIGNATURE], parts].concat().concat()
    }

    fn decoded(bytes: &[u8]) -> Result<RgbImage, ImageError> {
        decode(bytes, &DecodeLimits::default()).map(|decoded| decoded.pixels)
    }

    /// Changes the last byte, which belongs to the checksum of the chunk.
    fn with_wrong_checksum(mut chunk: Vec<u8>) -> Vec<u8> {
        *chunk.last_mut().unwrap() ^= 1;
        chunk
    }

    fn without_checksum(mut chunk: Vec<u8>) -> Vec<u8> {
        let end = chunk.len() - 4;
        chunk[end..].fill(0);
        chunk
    }

    #[test]
    fn one_right_checksum_of_the_pixels_suffices() {
        let [header, pixels, end] = parts();
        assert_eq!(decoded(&file(&[&header, &with_wrong_checksum(pixels.clone()), &end])), Ok(patchwork()));

        let mut stream = deflate(&rows());
        *stream.last_mut().unwrap() ^= 1;
        let wrong_inside = chunk(b"IDAT", &stream);
        assert_eq!(decoded(&file(&[&header, &wrong_inside, &end])), Ok(patchwork()));
        let both_wrong = decoded(&file(&[&header, &with_wrong_checksum(wrong_inside), &end]));
        assert!(matches!(both_wrong, Err(ImageError::Corrupt { .. })), "{both_wrong:?}");
    }

    #[test]
    fn writers_that_compute_no_checksums_are_read() {
        let zeros = parts().map(without_checksum);
        assert_eq!(decoded(&file(&zeros.each_ref().map(Vec::as_slice))), Ok(patchwork()));
        let [header, pixels, end] = parts();
        let wrong_header = decoded(&file(&[&with_wrong_checksum(header), &pixels, &end]));
        assert!(matches!(wrong_header, Err(ImageError::Corrupt { .. })), "a header with another checksum than 0");
    }

    #[test]
    fn a_file_may_lack_its_end_and_have_more_than_its_end() {
        let [header, pixels, end] = parts();
        assert_eq!(decoded(&file(&[&header, &pixels])), Ok(patchwork()));
        for missing in [4, 6, 8] {
            let cut = file(&[&header, &pixels[..pixels.len() - missing]]);
            assert_eq!(decoded(&cut), Ok(patchwork()), "{missing} bytes of checksums are missing");
        }
        assert_eq!(decoded(&file(&[&header, &pixels, &end, b"trailing"])), Ok(patchwork()));
        let stream = deflate(&rows()[..3 * 19]);
        let a_row_missing = decoded(&file(&[&header, &chunk(b"IDAT", &stream), &end]));
        assert!(matches!(a_row_missing, Err(ImageError::Corrupt { .. })), "{a_row_missing:?}");
    }

    #[test]
    fn other_chunks_between_and_before_the_pixels_do_no_harm() {
        let [header, _, end] = parts();
        let stream = deflate(&rows());
        let (first, second) = stream.split_at(stream.len() / 2);
        let odd = [chunk(b"gAMA", &[]), chunk(b"fcTL", &[1]), chunk(b"acTL", &[]), chunk(b"IHDR", &[9; 13])].concat();
        let bytes =
            file(&[&header, &odd, &chunk(b"IDAT", first), &odd, &chunk(b"IDAT", &[]), &chunk(b"IDAT", second), &end]);
        assert_eq!(decoded(&bytes), Ok(patchwork()));
    }

    #[test]
    fn the_variant_of_ios_is_refused_as_a_kind() {
        let [header, pixels, end] = parts();
        let bytes = file(&[&chunk(b"CgBI", &[0x50, 0, 0x20, 2]), &header, &pixels, &end]);
        assert!(matches!(decoded(&bytes), Err(ImageError::UnsupportedKind { .. })));
    }

    #[test]
    fn passes_of_interlaced_pictures_have_as_many_pixels_as_the_picture() {
        for (width, height) in [(1, 1), (3, 2), (5, 9), (8, 8), (33, 17)] {
            assert_eq!(super::rows_of_passes(width, height).sum::<u32>(), width * height);
        }
    }
}
