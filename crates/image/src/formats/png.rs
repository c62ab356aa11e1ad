//! PNG and APNG.
//!
//! PNG is decoded by the png crate itself: the crate can be told to ignore text and colour profiles, so that megabytes
//! of workflow in a text chunk do not count against the picture's limits.

use std::borrow::Cow;
use std::io::Cursor;

use image::RgbImage;
use png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Transformations};

use super::format::Format;
use super::{png_profile, png_text};
use crate::container::png::chunks;
use crate::decode::limits::DecodeLimits;
use crate::decode::refusal::Refusal;
use crate::decode::rgb::{Layout, picture, to_rgb8};
use crate::metadata::Metadata;

/// Describes PNG.
pub const FORMAT: Format = Format {
    media_type: "image/png",
    name: "PNG",
    extensions: &["png"],
    matches: |bytes| bytes.starts_with(b"\x89PNG\r\n\x1A\n"),
    decode,
    metadata,
};

/// Decodes the default image; the animation of an APNG is ignored.
fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<RgbImage, Refusal> {
    let fail = |error| explain(error, limits);
    let memory = usize::try_from(limits.max_memory).unwrap_or(usize::MAX);
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: memory });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    // Palettes and samples of 1, 2 and 4 bits become 8 bits, tRNS becomes alpha; samples of 16 bits are rounded below.
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
    let mut buffer = vec![0; size];
    reader.next_frame(&mut buffer).map_err(fail)?;

    // The product fits usize, because `size` is at least as large and fits usize.
    let pixels = header.0 as usize * header.1 as usize;
    picture(header, to_rgb8(buffer, pixels, layout, u16::from_be_bytes))
}

fn explain(error: DecodingError, limits: &DecodeLimits) -> Refusal {
    match error {
        DecodingError::LimitsExceeded => limits.too_much_memory(),
        DecodingError::IoError(_) | DecodingError::Format(_) | DecodingError::Parameter(_) => Refusal::corrupt(error),
    }
}

/// The largest number of profiles as text that are decoded.
const MAX_PROFILES: usize = 8;

/// Reads EXIF, XMP, IPTC, the colour profile and text chunks, before and after the pixels. The chunks that PNG has for
/// metadata come before profiles as text, which older programs wrote.
fn metadata(bytes: &[u8], max_texts: usize) -> Metadata<'_> {
    let mut found = Metadata::default();
    let mut profiles = Vec::new();
    for chunk in chunks(bytes) {
        match &chunk.kind {
            b"eXIf" => found.add_exif(chunk.data),
            b"iCCP" if found.icc.is_none() => found.icc = png_text::icc_profile(&chunk).map(Cow::Owned),
            b"tEXt" | b"zTXt" | b"iTXt" => match png_text::read(&chunk) {
                Some(text) if png_text::is_xmp(&text) => found.add_xmp_with(|| png_text::xmp(text)),
                Some(text) if png_profile::is_profile(&text) => profiles.push(text),
                text => found.add_text(max_texts, || text),
            },
            _ => {}
        }
    }
    for profile in profiles.iter().take(MAX_PROFILES) {
        png_profile::add(profile, &mut found);
    }
    found
}
