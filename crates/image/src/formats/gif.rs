//! GIF: the first frame.
//!
//! Source of the format: Graphics Interchange Format, version 89a (CompuServe, 1990).

use weezl::{BitOrder, LzwStatus, decode::Decoder};

use super::format::{Format, no_metadata};
use crate::container::pieces::take;
use crate::decode::completeness;
use crate::decode::raster::{Layout, Raster};
use crate::decode::refusal::Refusal;
use crate::decode::request::DecodeRequest;

/// Describes GIF.
pub const FORMAT: Format = Format {
    media_type: "image/gif",
    name: "GIF",
    extensions: &["gif"],
    matches: |bytes| matches!(bytes, [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..]),
    decode,
    metadata: no_metadata,
};

/// The first frame of a file.
struct Frame<'a> {
    /// Width and height of the picture.
    canvas: (u32, u32),
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    is_interlaced: bool,
    /// The colors, three bytes each; empty when the file has none.
    colors: &'a [u8],
    transparent: Option<u8>,
    /// The bits of an index before codes are added.
    code_size: u8,
    /// The sub-blocks of the compressed indices.
    blocks: &'a [u8],
}

/// Decodes the first frame on the canvas, which is transparent beside it. A canvas that is too small for the frame, as
/// old writers have it (0 × 0 among them), is enlarged, as browsers and Pillow do.
fn decode(bytes: &[u8], request: &DecodeRequest) -> Result<Raster, Refusal> {
    let frame = Frame::find(bytes).ok_or_else(|| Refusal::corrupt("no frame"))?;
    let (width, height) = frame.canvas;
    let limits = &request.limits;
    let pixels = u64::from(width) * u64::from(height);
    let in_frame = u64::from(frame.width) * u64::from(frame.height);
    limits.check(frame.canvas, 0)?;
    limits.check(frame.canvas, pixels.saturating_mul(4).saturating_add(in_frame))?;

    let mut indices = vec![0; in_frame as usize];
    let filled = frame.decompress(&mut indices)?;
    completeness::check((indices.len() - filled) as u64, in_frame)?;

    let mut rgba = vec![0; pixels as usize * 4];
    let row_length = frame.width as usize;
    for (i, row) in indices.chunks(row_length.max(1)).enumerate() {
        let y = if frame.is_interlaced { interlaced_row(i as u32, frame.height) } else { i as u32 };
        let start = ((frame.top + y) as usize * width as usize + frame.left as usize) * 4;
        let present = filled.saturating_sub(i * row_length).min(row_length);
        for (pixel, index) in rgba[start..].as_chunks_mut::<4>().0.iter_mut().zip(&row[..present]) {
            *pixel = frame.color(*index);
        }
    }
    Raster::new(frame.canvas, Layout::Rgba8, rgba)
}

impl<'a> Frame<'a> {
    /// Finds the first frame; `None` when the file ends before it.
    fn find(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes.get(6..)?;
        let screen = take(&mut rest, 7)?;
        let (screen_width, screen_height) = (u32::from(short(screen, 0)), u32::from(short(screen, 2)));
        let shared_colors = color_table(&mut rest, screen[4])?;
        let mut transparent = None;
        loop {
            match take(&mut rest, 1)?[0] {
                EXTENSION => {
                    let label = take(&mut rest, 1)?[0];
                    if let (GRAPHIC_CONTROL, [_, flags, _, _, index, ..]) = (label, rest) {
                        transparent = (flags & 1 == 1).then_some(*index);
                    }
                    rest = &rest[sub_blocks(rest)..];
                }
                IMAGE => break,
                // Some writers pad the space between blocks.
                0 => {}
                _ => return None,
            }
        }
        let place = take(&mut rest, 9)?;
        let [left, top, width, height] = [0, 2, 4, 6].map(|at| u32::from(short(place, at)));
        let own_colors = color_table(&mut rest, place[8])?;
        let code_size = take(&mut rest, 1)?[0];
        Some(Self {
            canvas: (screen_width.max(left + width), screen_height.max(top + height)),
            left,
            top,
            width,
            height,
            is_interlaced: place[8] & 0x40 != 0,
            colors: if own_colors.is_empty() { shared_colors } else { own_colors },
            transparent,
            code_size,
            blocks: rest,
        })
    }

    /// Decompresses the indices and returns how many there are. Data after them is not read.
    fn decompress(&self, indices: &mut [u8]) -> Result<usize, Refusal> {
        if !(1..=11).contains(&self.code_size) {
            return Err(Refusal::corrupt(format!("codes of {} bits", self.code_size)));
        }
        let mut decoder = Decoder::new(BitOrder::Lsb, self.code_size);
        let mut rest = self.blocks;
        let mut filled = 0;
        while let [length, data @ ..] = rest {
            if *length == 0 {
                break;
            }
            let (mut data, after) = data.split_at(usize::from(*length).min(data.len()));
            while filled < indices.len() {
                let result = decoder.decode_bytes(data, &mut indices[filled..]);
                data = &data[result.consumed_in..];
                filled += result.consumed_out;
                match result.status {
                    Ok(LzwStatus::Done) => return Ok(filled),
                    // A code that does not exist ends the pixels; whether too many are missing is decided by the rule
                    // for all formats.
                    Err(_) => return Ok(filled),
                    Ok(LzwStatus::NoProgress) => break,
                    Ok(LzwStatus::Ok) => {}
                }
            }
            rest = after;
        }
        Ok(filled)
    }

    /// Returns red, green, blue and alpha of an index. An index beyond the table is black; without a table an index is a
    /// grey level, as in Pillow.
    fn color(&self, index: u8) -> [u8; 4] {
        if self.transparent == Some(index) {
            return [0; 4];
        }
        let at = usize::from(index) * 3;
        match self.colors.get(at..at + 3) {
            Some(&[red, green, blue]) => [red, green, blue, 255],
            _ if self.colors.is_empty() => [index, index, index, 255],
            _ => [0, 0, 0, 255],
        }
    }
}

/// The bytes that begin an extension and a frame.
const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2C;

/// The label of the extension that names the transparent index.
const GRAPHIC_CONTROL: u8 = 0xF9;

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// Splits off the color table that these flags announce: 2 to 256 colors, or none.
fn color_table<'a>(rest: &mut &'a [u8], flags: u8) -> Option<&'a [u8]> {
    if flags & 0x80 == 0 { Some(&[]) } else { take(rest, 3 << ((flags & 7) + 1)) }
}

/// Returns the length of the sub-blocks at the start of `rest`, with the empty one that ends them.
fn sub_blocks(rest: &[u8]) -> usize {
    let mut at = 0;
    while let Some(length) = rest.get(at) {
        at += 1 + usize::from(*length);
        if *length == 0 {
            break;
        }
    }
    at.min(rest.len())
}

/// Returns the row of the picture that the `i`th row of an interlaced frame is: every eighth, then those between, then
/// those between these.
fn interlaced_row(i: u32, height: u32) -> u32 {
    let mut passed = 0;
    for (start, step) in [(0, 8), (4, 8), (2, 4), (1, 2)] {
        let rows = (height.saturating_sub(start)).div_ceil(step);
        if i < passed + rows {
            return start + (i - passed) * step;
        }
        passed += rows;
    }
    i
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_an_interlaced_frame_has_its_place() {
        for height in 1..40 {
            let mut rows: Vec<u32> = (0..height).map(|i| interlaced_row(i, height)).collect();
            if height == 10 {
                assert_eq!(rows, [0, 8, 4, 2, 6, 1, 3, 5, 7, 9]);
            }
            rows.sort_unstable();
            assert_eq!(rows, (0..height).collect::<Vec<_>>());
        }
    }
}
