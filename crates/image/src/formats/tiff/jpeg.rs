//! Strips and tiles that are JPEG pictures of their own, whose tables stand in the directory of the page.
//!
//! Source of the format: Adobe Photoshop TIFF Technical Note 2 (2002). The older form of compression 6 is not read.

use super::page::{Colors, Compression, Page};
use crate::container::jpeg::marker;
use crate::decode::limits::DecodeLimits;
use crate::decode::raster::{Layout, Raster};
use crate::decode::refusal::Refusal;
use crate::decode::request::DecodeRequest;
use crate::formats::jpeg;

/// Decodes a strip or tile into `out`, rows of `row_bytes` bytes, and returns the number of bytes that were filled.
/// YCbCr becomes RGB.
///
/// # Errors
/// [`Refusal`] when the picture is damaged or of a kind that is not read.
pub fn decompress(
    page: &Page<'_>,
    data: &[u8],
    row_bytes: usize,
    out: &mut [u8],
    limits: &DecodeLimits,
) -> Result<usize, Refusal> {
    let raster = (jpeg::FORMAT.decode)(&whole_file(page, data), &DecodeRequest::whole(limits))?;
    let channels = page.samples_in_chunk() as usize;
    if !matches!(raster.layout, Layout::Grey8 | Layout::Rgb8 | Layout::Cmyk8) || raster.layout.pixel_bytes() != channels
    {
        return Err(Refusal::unsupported_kind(format!("JPEG data of layout {:?}", raster.layout)));
    }
    if raster.width < page.chunk_size.0 {
        return Err(Refusal::corrupt("JPEG data narrower than its strip or tile"));
    }
    Ok(copy(raster, row_bytes, out))
}

fn copy(mut raster: Raster, row_bytes: usize, out: &mut [u8]) -> usize {
    // The decoder turns inks around, because Adobe's JPEG files hold them so; those of TIFF hold them as they are.
    if raster.layout == Layout::Cmyk8 {
        raster.samples.iter_mut().for_each(|ink| *ink = !*ink);
    }
    let width = raster.width as usize * raster.layout.pixel_bytes();
    let rows = raster.samples.chunks_exact(width).zip(out.chunks_exact_mut(row_bytes));
    rows.map(|(from, to)| to.copy_from_slice(&from[..row_bytes])).count() * row_bytes
}

/// Joins the shared tables and the data of a strip or tile to a JPEG file that says which colors it holds.
fn whole_file(page: &Page<'_>, data: &[u8]) -> Vec<u8> {
    let transform = match (page.compression, page.colors) {
        (Compression::Jpeg { is_ycbcr: true }, _) => 1,
        _ => 0,
    };
    let mut file = b"\xFF\xD8".to_vec();
    if !matches!(page.colors, Colors::Grey { .. }) && !page.is_planar {
        file.extend(b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0");
        file.push(transform);
    }
    for part in [page.jpeg_tables.unwrap_or_default(), data] {
        add_without_application_data(part, &mut file);
    }
    file
}

/// Adds a part without its start marker, its segments for applications, which might contradict the directory, and the
/// end marker of tables.
fn add_without_application_data(part: &[u8], file: &mut Vec<u8>) {
    let mut rest = part.strip_prefix(b"\xFF\xD8").unwrap_or(part);
    while let [0xFF, code, high, low, ..] = *rest {
        if code == marker::EOI {
            return;
        }
        let length = 2 + usize::from(u16::from_be_bytes([high, low]));
        if code == marker::SOS || length > rest.len() {
            break;
        }
        let (segment, after) = rest.split_at(length);
        if !matches!(code, 0xE0..=0xEF) {
            file.extend(segment);
        }
        rest = after;
    }
    if rest != b"\xFF\xD9" {
        file.extend(rest);
    }
}
