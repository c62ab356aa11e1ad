//! The pixels of GIF files: the first frame.
//!
//! Source of the format: Graphics Interchange Format, version 89a (CompuServe, 1990).

use weezl::{BitOrder, LzwStatus, decode::Decoder};

use crate::container::pieces::take;
use crate::decode::completeness;
use crate::decode::raster::{Layout, Raster};
use crate::decode::refusal::Refusal;
use crate::decode::request::DecodeRequest;

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
///
/// # Errors
/// [`Refusal`] when a limit would be exceeded or too many pixels are missing.
pub fn decode(bytes: &[u8], request: &DecodeRequest) -> Result<Raster, Refusal> {
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
    use crate::decode::limits::DecodeLimits;
    use crate::error::ImageError;
    use crate::fixtures::gif;

    /// The size of a picture and its pixels.
    type Shown = ((u32, u32), Vec<[u8; 3]>);

    fn shown(bytes: &[u8]) -> Result<Shown, ImageError> {
        let decoded = crate::picture::decode(bytes, &DecodeLimits::default())?;
        Ok((decoded.pixels.dimensions(), decoded.pixels.pixels().map(|pixel| pixel.0).collect()))
    }

    const RED: [u8; 3] = [255, 0, 0];
    const BLACK: [u8; 3] = [0; 3];

    #[test]
    fn a_screen_smaller_than_the_frame_is_enlarged() {
        let frame = (0, 0, 2, 1, [1, 0].as_slice());
        for screen in [(0, 0), (1, 1), (2, 0)] {
            assert_eq!(shown(&gif(screen, &[frame])), Ok(((2, 1), vec![RED, BLACK])), "{screen:?}");
        }
        let beside = (1, 0, 1, 1, [1].as_slice());
        assert_eq!(shown(&gif((1, 1), &[beside])), Ok(((2, 1), vec![[255; 3], RED])));
    }

    #[test]
    fn a_file_may_lack_its_end() {
        let whole = gif((2, 1), &[(0, 0, 2, 1, &[1, 0])]);
        for missing in 1..=2 {
            assert_eq!(shown(&whole[..whole.len() - missing]), Ok(((2, 1), vec![RED, BLACK])), "{missing} bytes");
        }
        assert_eq!(shown(&[&whole, [0; 9].as_slice()].concat()), Ok(((2, 1), vec![RED, BLACK])), "bytes too many");
        let second_cut = gif((2, 1), &[(0, 0, 2, 1, &[1, 0]), (0, 0, 2, 1, &[0, 0])]);
        assert_eq!(shown(&second_cut[..second_cut.len() - 6]), Ok(((2, 1), vec![RED, BLACK])), "a later frame");
    }

    #[test]
    fn missing_pixels_refuse_the_picture() {
        let bytes = gif((3, 2), &[(0, 0, 3, 2, &[1, 1, 1])]);
        assert!(matches!(shown(&bytes), Err(ImageError::Corrupt { .. })));
    }

    #[test]
    fn clear_codes_may_follow_one_another() {
        // Codes of three bits: 4, 4, 4, 1, 4, 4, 0, 5 (clear is 4, the end is 5), the first in the lowest bits.
        let codes = [4_u32, 4, 4, 1, 4, 4, 0, 5].iter().rev().fold(0, |all, code| all << 3 | code).to_le_bytes();
        let plain = gif((2, 1), &[(0, 0, 2, 1, &[1, 0])]);
        let start = plain.iter().position(|byte| *byte == 0x2C).unwrap() + 10;
        let bytes = [&plain[..start], &[2, 3], &codes[..3], &[0, 0x3B]].concat();
        assert_eq!(shown(&bytes), Ok(((2, 1), vec![RED, BLACK])));
    }

    #[test]
    fn a_frame_without_colors_is_grey() {
        let mut bytes = gif((2, 1), &[(0, 0, 2, 1, &[1, 3])]);
        bytes[10] = 0;
        bytes.drain(13..25);
        assert_eq!(shown(&bytes), Ok(((2, 1), vec![[1; 3], [255; 3]])), "index 3 is transparent");
    }

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
