//! BMP, of Windows and of OS/2.
//!
//! The rows are read here, because the image crate's decoder takes the headers at the start of a file by their word.

mod header;
mod masks;
mod rle;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::format::Format;
use crate::decode::completeness;
use crate::decode::limits::DecodeLimits;
use crate::decode::raster::{Layout, Raster};
use crate::decode::refusal::Refusal;
use crate::decode::request::DecodeRequest;
use crate::metadata::Metadata;
use header::{Encoding, Header};
use masks::Masks;

/// Describes BMP.
pub const FORMAT: Format =
    Format { media_type: "image/bmp", name: "BMP", extensions: &["bmp"], matches, decode, metadata };

/// Returns whether the file is a BMP. Ordinary text may begin with `BM` too, so the size of the second header must be
/// one that exists.
fn matches(bytes: &[u8]) -> bool {
    let Some(([b'B', b'M', ..], [size, 0, 0, 0, ..])) = bytes.split_at_checked(14) else {
        return false;
    };
    matches!(size, 12 | 16..=64 | 108 | 124)
}

/// Reads the colour profile, the only metadata of BMP. Version 5 of the header, of 124 bytes, may say that a profile is
/// embedded, and states its offset from the header and its size.
fn metadata(bytes: &[u8], _max_texts: usize) -> Metadata<'_> {
    let profile = || {
        let header = bytes.get(14..14 + 124)?;
        let number = |at: usize| usize::try_from(u32::from_le_bytes(*header.get(at..)?.first_chunk()?)).ok();
        if header[0] != 124 || header.get(56..60)? != b"DEBM" {
            return None;
        }
        bytes.get(14..)?.get(number(112)?..)?.get(..number(116)?)
    };
    Metadata { icc: profile().map(Cow::Borrowed), ..Metadata::default() }
}

fn decode(bytes: &[u8], request: &DecodeRequest) -> Result<Raster, Refusal> {
    let header = Header::read(bytes)?;
    let limits = &request.limits;
    match header.encoding {
        Encoding::Indexed => indexed(&header, &rows(&header, limits)?, limits),
        Encoding::Runs => {
            limits.check(header.size, header.pixels().saturating_mul(4 + 3))?;
            let samples = rle::decompress(&header)?;
            if header.bits == 24 {
                let rgb = samples.as_chunks().0.iter().flat_map(|[b, g, r]| [*r, *g, *b]).collect();
                return Raster::new(header.size, Layout::Rgb8, turned(&header, rgb, 3));
            }
            let rgb = samples.iter().flat_map(|index| header.color(*index)).collect();
            Raster::new(header.size, Layout::Rgb8, turned(&header, rgb, 3))
        }
        Encoding::Masked(masks) => masked(&header, &rows(&header, limits)?, &masks, limits),
    }
}

/// Returns the rows of an uncompressed picture in file order: those that are there.
fn rows<'a>(header: &Header<'a>, limits: &DecodeLimits) -> Result<Vec<&'a [u8]>, Refusal> {
    limits.check(header.size, 0)?;
    let (width, height) = header.size;
    let bits = u64::from(width) * u64::from(header.bits);
    let (used, stride) = (bits.div_ceil(8) as usize, bits.div_ceil(32) as usize * 4);
    // The padding of the last row may be missing.
    let rows: Vec<_> = header.data.chunks(stride).take(height as usize).map_while(|row| row.get(..used)).collect();
    completeness::check(u64::from(height) - rows.len() as u64, u64::from(height))?;
    Ok(rows)
}

fn indexed(header: &Header<'_>, rows: &[&[u8]], limits: &DecodeLimits) -> Result<Raster, Refusal> {
    limits.check(header.size, header.pixels().saturating_mul(3))?;
    let bits = header.bits as usize;
    let width = header.size.0 as usize;
    let mut rgb = Vec::with_capacity(header.pixels() as usize * 3);
    for row in rows {
        for x in 0..width {
            let at = x * bits;
            let index = row[at / 8] >> (8 - bits - at % 8) & (0xFF >> (8 - bits));
            rgb.extend(header.color(index));
        }
    }
    Raster::new(header.size, Layout::Rgb8, turned(header, rgb, 3))
}

fn masked(header: &Header<'_>, rows: &[&[u8]], masks: &Masks, limits: &DecodeLimits) -> Result<Raster, Refusal> {
    limits.check(header.size, header.pixels().saturating_mul(4))?;
    let size = header.bits as usize / 8;
    let channels = masks.channels();
    let mut samples = Vec::with_capacity(header.pixels() as usize * channels);
    for row in rows {
        // Most files are of this kind, for which there is nothing to compute.
        if *masks == Masks::EIGHT_BITS_EACH {
            samples.extend(row.chunks_exact(size).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]));
            continue;
        }
        for pixel in row.chunks_exact(size) {
            let value = pixel.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
            samples.extend(&masks.samples(value)[..channels]);
        }
    }
    // Alpha that is 0 everywhere is a byte that the writer left unused: Windows and browsers show such a picture.
    if channels == 4 && samples.iter().skip(3).step_by(4).all(|alpha| *alpha == 0) {
        samples.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = 255);
    }
    let layout = if channels == 4 { Layout::Rgba8 } else { Layout::Rgb8 };
    Raster::new(header.size, layout, turned(header, samples, channels))
}

/// Brings rows into the order from the top, and makes missing rows white.
fn turned(header: &Header<'_>, mut samples: Vec<u8>, channels: usize) -> Vec<u8> {
    let row_bytes = header.size.0 as usize * channels;
    samples.resize(row_bytes * header.size.1 as usize, 0xFF);
    if !header.is_top_down {
        let mut rest = samples.as_mut_slice();
        while rest.len() >= 2 * row_bytes {
            let (first, after) = rest.split_at_mut(row_bytes);
            let (between, last) = after.split_at_mut(after.len() - row_bytes);
            first.swap_with_slice(last);
            rest = between;
        }
    }
    samples
}
