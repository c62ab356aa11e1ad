//! JPEG XL (ISO/IEC 18181), bare or in its container.

use std::borrow::Cow;
use std::io::{self, IoSliceMut, Read};
use std::time::{Duration, Instant};

use brotli_decompressor::Decompressor;
use jxl::api::{
    AlphaMode, Event, ExtraChannel, JxlBitstreamInput, JxlColorEncoding, JxlColorProfile, JxlColorType, JxlDataFormat,
    JxlDecoder, JxlDecoderOptions, JxlOutputBuffer, JxlPixelFormat, JxlPrimaries, JxlTransferFunction, JxlWhitePoint,
    ProfileLevel,
};
use jxl::error::Error;

use super::format::Format;
use super::heif::exif;
use crate::container::isobmff::boxes;
use crate::decode::hdr::tone_mapped;
use crate::decode::raster::{ColorSpace, Layout, Raster};
use crate::decode::refusal::Refusal;
use crate::decode::request::DecodeRequest;
use crate::metadata::Metadata;

/// Describes JPEG XL.
pub const FORMAT: Format = Format {
    media_type: "image/jxl",
    name: "JPEG XL",
    extensions: &["jxl"],
    matches: |bytes| bytes.starts_with(&BARE) || bytes.starts_with(&CONTAINER),
    decode,
    metadata,
};

/// The first bytes of a bare codestream.
const BARE: [u8; 2] = [0xFF, 0x0A];
/// The first box of a container.
const CONTAINER: [u8; 12] = *b"\0\0\0\x0CJXL \r\n\x87\n";
/// The longest EXIF structure or XMP packet in bytes that is decompressed.
const MAX_METADATA: u64 = 4 * 1024 * 1024;
/// The most compressed boxes of metadata that are read.
const MAX_COMPRESSED: u32 = 4;
/// The time after which a file is given up, and the time for each megapixel beyond. An honest picture takes a tenth.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_FOR_MEGAPIXEL: Duration = Duration::from_secs(1);
/// The bytes of working memory for each sample of the picture: the decoder keeps numbers of 32 bits.
const SAMPLE_BYTES: u64 = 4;

/// Decodes the first frame, upright: JPEG XL states the orientation in its header, and that in EXIF does not count.
fn decode(bytes: &[u8], request: &DecodeRequest) -> Result<Raster, Refusal> {
    let limits = &request.limits;
    let mut options = JxlDecoderOptions::default();
    options.alpha_mode = AlphaMode::Unpremultiplied;
    options.max_profile_level = ProfileLevel::Main10;
    options.sample_limit = Some(usize::try_from(limits.max_memory / SAMPLE_BYTES).unwrap_or(usize::MAX));
    let mut decoder = JxlDecoder::new(options);
    let mut input = Input { rest: bytes, deadline: Instant::now() + PATIENCE };
    let fail = |error| explain(error, limits.too_much_memory());

    let Event::BasicInfo = decoder.process(&mut input, None, None).map_err(fail)? else { return Err(cut_off()) };
    let info = decoder.basic_info().ok_or_else(cut_off)?;
    let (width, height) = info.size;
    let size = (u32::try_from(width).unwrap_or(u32::MAX), u32::try_from(height).unwrap_or(u32::MAX));
    let extra = info.extra_channels.len();
    let has_alpha = info.extra_channels.iter().any(|channel| channel.ec_type == ExtraChannel::Alpha);
    if info.extra_channels.iter().any(|channel| channel.ec_type == ExtraChannel::Black) {
        return Err(Refusal::unsupported_kind("CMYK"));
    }
    let pixels = u64::from(size.0) * u64::from(size.1);
    let samples = pixels.saturating_mul(3 + extra as u64);
    limits.check(size, samples.saturating_mul(1 + SAMPLE_BYTES))?;

    let is_grey = decoder.output_color_profile().is_some_and(|profile| profile.channels() == 1);
    let (color_type, layout) = match (is_grey, has_alpha) {
        (true, false) => (JxlColorType::Grayscale, Layout::Grey8),
        (true, true) => (JxlColorType::GrayscaleAlpha, Layout::GreyAlpha8),
        (false, false) => (JxlColorType::Rgb, Layout::Rgb8),
        (false, true) => (JxlColorType::Rgba, Layout::Rgba8),
    };
    let format = JxlPixelFormat {
        color_type,
        color_data_format: Some(JxlDataFormat::U8 { bit_depth: 8 }),
        extra_channel_format: vec![None; extra],
    };
    decoder.set_pixel_format(format).map_err(fail)?;
    input.deadline += PATIENCE_FOR_MEGAPIXEL * (pixels / 1_000_000) as u32;
    let color = decoder.output_color_profile().and_then(color_space);

    let row = width * layout.pixel_bytes();
    let mut pixels = vec![0; row * height];
    loop {
        let mut buffers = [JxlOutputBuffer::new_with_stride(&mut pixels, height, row, row)];
        match decoder.process(&mut input, Some(&mut buffers), None).map_err(fail)? {
            Event::FrameComplete { .. } | Event::Complete => break,
            Event::NeedMoreInput { .. } => return Err(cut_off()),
            Event::BasicInfo | Event::FrameHeader => {}
        }
    }
    Ok(tone_mapped(Raster::new(size, layout, pixels)?.with_color(color)).upright())
}

/// The bytes of a file, until a deadline. A file of some kilobytes can hold thousands of hidden frames, each of which
/// costs as much as the picture, and the decoder has no limit on them.
struct Input<'a> {
    rest: &'a [u8],
    deadline: Instant,
}

impl JxlBitstreamInput for Input<'_> {
    fn available_bytes(&mut self) -> io::Result<usize> {
        Ok(self.rest.len())
    }

    fn read(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        if Instant::now() > self.deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.rest.read_vectored(buffers)
    }
}

fn cut_off() -> Refusal {
    Refusal::corrupt("the file ends before its first frame does")
}

fn explain(error: Error, too_much_memory: Refusal) -> Refusal {
    match error {
        Error::ImageSizeTooLarge(..) | Error::OutOfMemory(_) => too_much_memory,
        // The decoder holds files to the limits of the level that they claim.
        error @ Error::LevelLimitExceeded { .. } => Refusal::unsupported_kind(error),
        Error::IOError(_) => Refusal::unsupported_kind("frames that take too long"),
        error => Refusal::corrupt(error),
    }
}

/// Returns the colour space of the decoded pixels.
fn color_space(profile: &JxlColorProfile) -> Option<ColorSpace> {
    if let JxlColorProfile::Simple(JxlColorEncoding::RgbColorSpace {
        white_point: JxlWhitePoint::D65,
        primaries,
        transfer_function,
        ..
    }) = profile
    {
        let primaries = match primaries {
            JxlPrimaries::SRGB => Some(1),
            JxlPrimaries::BT2100 => Some(9),
            JxlPrimaries::P3 => Some(12),
            JxlPrimaries::Chromaticities { .. } => None,
        };
        let transfer = match transfer_function {
            JxlTransferFunction::BT709 => Some(1),
            JxlTransferFunction::Linear => Some(8),
            JxlTransferFunction::SRGB => Some(13),
            JxlTransferFunction::PQ => Some(16),
            JxlTransferFunction::HLG => Some(18),
            JxlTransferFunction::DCI | JxlTransferFunction::Gamma(_) => None,
        };
        if let (Some(primaries), Some(transfer)) = (primaries, transfer) {
            return Some(ColorSpace::Cicp { primaries, transfer });
        }
    }
    if let JxlColorProfile::Simple(JxlColorEncoding::GrayscaleColorSpace {
        white_point: JxlWhitePoint::D65,
        transfer_function: JxlTransferFunction::SRGB,
        ..
    }) = profile
    {
        return Some(ColorSpace::Cicp { primaries: 1, transfer: 13 });
    }
    profile.try_as_icc().map(|icc| ColorSpace::Icc(icc.into_owned()))
}

/// Reads EXIF and XMP, which may be compressed. The colours are left to the decoder.
fn metadata(bytes: &[u8], _max_texts: usize) -> Metadata<'_> {
    let mut found = Metadata::default();
    let mut compressed_boxes = 0;
    if !bytes.starts_with(&CONTAINER) {
        return found;
    }
    for (kind, content) in boxes(bytes) {
        let (kind, content) = match (&kind, content.split_first_chunk::<4>()) {
            (b"brob", Some((inner, compressed))) if [*b"Exif", *b"xml "].contains(inner) => {
                compressed_boxes += 1;
                if compressed_boxes > MAX_COMPRESSED {
                    continue;
                }
                let Some(content) = decompress(compressed) else { continue };
                (*inner, Cow::Owned(content))
            }
            _ => (kind, Cow::Borrowed(content)),
        };
        match &kind {
            b"Exif" => exif(content).into_iter().for_each(|blob| found.add_exif(blob)),
            b"xml " => found.add_xmp(content),
            _ => {}
        }
    }
    found
}

/// Decompresses a box of metadata.
fn decompress(compressed: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    Decompressor::new(compressed, 4096).take(MAX_METADATA).read_to_end(&mut content).ok()?;
    Some(content)
}
