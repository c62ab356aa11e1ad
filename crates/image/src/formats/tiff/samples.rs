//! Collecting the samples of a page from its strips or tiles.

use super::decompress::decompress;
use super::page::{Colors, Compression, Page, Predictor};
use super::{jpeg, predict, unpack};
use crate::decode::completeness;
use crate::decode::limits::DecodeLimits;
use crate::decode::refusal::Refusal;

/// The samples of a page that matter: colors, then alpha.
pub struct Samples {
    /// The samples, interleaved. Those of 16 bits are in the machine's byte order.
    pub bytes: Vec<u8>,
    /// Whether a sample has 16 bits; otherwise it has 8.
    pub are_wide: bool,
}

/// A file's strips or tiles may hold this many times its length in sum. More is a file in which thousands of tiles
/// refer to the same bytes.
const MAX_OVERLAP: u64 = 8;

/// The part of float samples, one in this many, that may lie outside the range from 0 to 1.
const OUTSIDE_AT_MOST: u64 = 100;

/// Reads the samples of a page.
///
/// # Errors
/// [`Refusal`] when a limit would be exceeded, data is damaged, or too much of it is missing.
pub fn read(bytes: &[u8], page: &Page<'_>, limits: &DecodeLimits) -> Result<Samples, Refusal> {
    limits.check(page.size, 0)?;
    let positions: Vec<u32> = (0..page.colors.samples()).chain(page.alpha.map(|alpha| alpha.position)).collect();
    let are_wide = page.has_wide_samples();
    let pixels = u64::from(page.size.0) * u64::from(page.size.1);
    let size = pixels * positions.len() as u64 * if are_wide { 2 } else { 1 };
    let chunk_size = page.chunk_bytes(page.chunk_size.1);
    limits.check(page.size, size.saturating_add(chunk_size))?;
    let (Ok(size), Ok(chunk_size)) = (usize::try_from(size), usize::try_from(chunk_size)) else {
        return Err(limits.too_much_memory());
    };
    let chunks = Chunks::new(bytes, page);
    chunks.check_overlap()?;

    // Missing samples are white, or black in floats.
    let is_zero = page.is_float || matches!(page.colors, Colors::Grey { inverted: true } | Colors::Cmyk);
    let blank = if is_zero { 0 } else { 0xFF };
    let mut samples = Collected { page, positions: &positions, are_wide, bytes: vec![0; size], outside: 0 };
    let mut buffer = vec![0; chunk_size];
    let mut missing = 0;
    let planes = if page.is_planar { positions.clone() } else { vec![0] };
    for (kept, plane) in planes.iter().enumerate() {
        for (index, origin) in chunks.of_plane(*plane) {
            let rows = if page.is_tiled { page.chunk_size.1 } else { page.chunk_size.1.min(page.size.1 - origin.1) };
            let out = &mut buffer[..usize::try_from(page.chunk_bytes(rows)).unwrap_or(chunk_size).min(chunk_size)];
            let filled = match chunks.data(index, out.len()) {
                Some(data) => fill(page, data, out, limits)?,
                None => 0,
            };
            out[filled..].fill(blank);
            let seen = samples.place(out, origin, rows, kept);
            missing += seen * (out.len() - filled) as u64 / out.len() as u64;
        }
    }
    completeness::check(missing, pixels * planes.len() as u64)?;
    if samples.outside > pixels * positions.len() as u64 / OUTSIDE_AT_MOST {
        return Err(Refusal::unsupported_kind("floats outside the range from 0 to 1"));
    }
    Ok(Samples { bytes: samples.bytes, are_wide })
}

/// Decompresses a strip or tile and undoes the predictor. Returns the number of bytes filled, whole rows where rows
/// stand for themselves.
fn fill(page: &Page<'_>, data: &[u8], out: &mut [u8], limits: &DecodeLimits) -> Result<usize, Refusal> {
    let row_bytes = usize::try_from(page.row_bytes()).unwrap_or(usize::MAX);
    if matches!(page.compression, Compression::Jpeg { .. }) {
        return jpeg::decompress(page, data, row_bytes, out, limits);
    }
    let filled = decompress(page, data, out)?;
    if page.predictor == Predictor::None {
        return Ok(filled);
    }
    let rows = out[..filled].chunks_exact_mut(row_bytes);
    Ok(rows.map(|row| predict::restore(page, row)).count() * row_bytes)
}

/// The strips or tiles of a page.
struct Chunks<'a> {
    bytes: &'a [u8],
    page: &'a Page<'a>,
    across: u32,
    down: u32,
}

impl<'a> Chunks<'a> {
    fn new(bytes: &'a [u8], page: &'a Page<'a>) -> Self {
        let across = page.size.0.div_ceil(page.chunk_size.0);
        let down = page.size.1.div_ceil(page.chunk_size.1);
        Self { bytes, page, across, down }
    }

    /// Returns the index of each strip or tile of a plane and the position of its first pixel.
    fn of_plane(&self, plane: u32) -> impl Iterator<Item = (usize, (u32, u32))> {
        let (across, down, (width, height)) = (self.across, self.down, self.page.chunk_size);
        let first = plane as usize * across as usize * down as usize;
        (0..down).flat_map(move |y| {
            (0..across).map(move |x| (first + y as usize * across as usize + x as usize, (x * width, y * height)))
        })
    }

    /// Returns the bytes of a strip or tile, those of them that the file has; `None` when the directory or the file
    /// lacks it. `size` is the number of bytes that it has uncompressed, which is right where a writer has given
    /// uncompressed data another length.
    fn data(&self, index: usize, size: usize) -> Option<&'a [u8]> {
        let start = usize::try_from(self.page.offsets.get(index)?).ok().filter(|start| *start != 0)?;
        let rest = self.bytes.get(start..)?;
        let stated = self.page.byte_counts.and_then(|counts| counts.get(index)).unwrap_or(0);
        let length = match self.page.compression {
            Compression::None => size,
            _ if stated == 0 => rest.len(),
            _ => usize::try_from(stated).unwrap_or(usize::MAX),
        };
        Some(&rest[..length.min(rest.len())])
    }

    /// Refuses a file of a few bytes to which so many strips or tiles refer that decompressing them takes hours.
    fn check_overlap(&self) -> Result<(), Refusal> {
        let shared = self.page.jpeg_tables.map_or(0, <[u8]>::len) as u64;
        let count = self.page.offsets.len().min(u64::from(self.across).saturating_mul(u64::from(self.down)) as usize);
        let planes = if self.page.is_planar { self.page.samples as usize } else { 1 };
        let lengths = (0..count * planes).map(|index| match self.page.compression {
            Compression::None => 0,
            _ => self.data(index, 0).map_or(0, |data| data.len() as u64 + shared),
        });
        let most = MAX_OVERLAP * self.bytes.len() as u64 + (1 << 24);
        if lengths.sum::<u64>() > most {
            return Err(Refusal::unsupported_kind("many strips or tiles of the same bytes"));
        }
        Ok(())
    }
}

/// The samples collected so far.
struct Collected<'a> {
    page: &'a Page<'a>,
    /// The positions, within a pixel of the file, of the samples that are kept.
    positions: &'a [u32],
    are_wide: bool,
    bytes: Vec<u8>,
    /// The number of float samples outside the range from 0 to 1.
    outside: u64,
}

impl Collected<'_> {
    /// Places a chunk of `rows` rows whose first pixel is at `origin`; `kept` is the plane among the kept samples.
    /// Returns the number of its pixels that lie in the picture.
    fn place(&mut self, chunk: &[u8], origin: (u32, u32), rows: u32, kept: usize) -> u64 {
        let page = self.page;
        let width = page.chunk_size.0.min(page.size.0 - origin.0) as usize;
        let rows = rows.min(page.size.1 - origin.1) as usize;
        let subsampled = (page.subsampling() != (1, 1)).then(|| page.subsampling());
        let row_bytes = usize::try_from(page.row_bytes()).unwrap_or(usize::MAX);
        let pixel_bytes = self.positions.len() * if self.are_wide { 2 } else { 1 };
        for y in 0..rows {
            let start = (origin.1 as usize + y) * page.size.0 as usize + origin.0 as usize;
            let out = &mut self.bytes[start * pixel_bytes..(start + width) * pixel_bytes];
            if let Some(subsampling) = subsampled {
                unpack::subsampled(chunk, page.chunk_size.0 as usize, subsampling, y, out);
                continue;
            }
            let row = &chunk[y * row_bytes..(y + 1) * row_bytes];
            self.outside += if page.is_planar {
                unpack::row(page, row, &[0], out, kept, self.positions.len())
            } else {
                unpack::row(page, row, self.positions, out, 0, self.positions.len())
            };
        }
        width as u64 * rows as u64
    }
}
