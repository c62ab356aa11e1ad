//! Decompression of black and white rows as fax machines compress them.
//!
//! Source of the method: ITU-T Recommendations T.4 (Group 3) and T.6 (Group 4). The tables of codes come from the fax
//! crate.

use fax::BitReader as _;
use fax::maps::{Mode, black, mode, white};

use super::page::Compression;
use crate::decode::refusal::Refusal;

/// The bits that begin an end-of-line code: no code of a run and no mode begins with as many zeros.
const END_OF_LINE_ZEROS: u8 = 11;

/// Decompresses rows of `width` pixels, one bit each (0 is white), into `rows`, until it is full or the data ends.
/// Returns the number of bytes that were filled.
///
/// # Errors
/// [`Refusal`] for a code that does not exist and for the uncompressed mode, which is not read.
pub fn decompress(data: &[u8], compression: Compression, width: u32, rows: &mut [u8]) -> Result<usize, Refusal> {
    let row_bytes = width.div_ceil(8) as usize;
    let mut bits = Bits { data, position: 0 };
    let (mut reference, mut current) = (Vec::new(), Vec::new());
    for (i, row) in rows.chunks_exact_mut(row_bytes).enumerate() {
        current.clear();
        let is_read = match compression {
            Compression::Fax4 => bits.row_after(&reference, width, &mut current)?,
            Compression::Fax3 { two_dimensional } => {
                bits.group_3_row(two_dimensional, &reference, width, &mut current)?
            }
            Compression::FaxRows { alignment } => {
                bits.align(alignment);
                bits.row(width, &mut current)?
            }
            _ => false,
        };
        if !is_read {
            return Ok(i * row_bytes);
        }
        paint(&current, row);
        std::mem::swap(&mut reference, &mut current);
    }
    Ok(rows.len())
}

/// Sets the black pixels of a row to 1. `changes` holds the positions at which the color changes, white first.
fn paint(changes: &[u32], row: &mut [u8]) {
    row.fill(0);
    let end = row.len() as u32 * 8;
    for run in changes.chunks(2) {
        let black = run[0]..run.get(1).copied().unwrap_or(end);
        for x in black.clone() {
            let is_byte = x % 8 == 0 && x + 8 <= black.end;
            row[(x / 8) as usize] |= if is_byte { 0xFF } else { 0x80 >> (x % 8) };
        }
    }
}

/// The bits of the data, highest bit of a byte first. Zeros follow the end.
struct Bits<'a> {
    data: &'a [u8],
    position: usize,
}

impl fax::BitReader for Bits<'_> {
    type Error = std::convert::Infallible;

    fn peek(&self, bits: u8) -> Option<u16> {
        let byte = |i| u32::from(self.data.get(self.position / 8 + i).copied().unwrap_or(0));
        let window = byte(0) << 16 | byte(1) << 8 | byte(2);
        let skipped = (self.position % 8) as u32;
        let shift = 24_u32.checked_sub(skipped + u32::from(bits))?;
        Some((window >> shift & ((1 << bits) - 1)) as u16)
    }

    fn consume(&mut self, bits: u8) -> Result<(), Self::Error> {
        self.position += usize::from(bits);
        Ok(())
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        ((8 - self.position % 8) % 8) as u8
    }
}

impl Bits<'_> {
    fn at_end(&self) -> bool {
        self.position >= self.data.len() * 8
    }

    fn skip(&mut self, bits: usize) {
        self.position += bits;
    }

    /// Skips to a multiple of this many bytes.
    fn align(&mut self, bytes: u32) {
        self.position = self.position.next_multiple_of(8 * bytes as usize);
    }

    /// Reads a row that does not refer to another one; `false` when the data ends in it.
    fn row(&mut self, width: u32, changes: &mut Vec<u32>) -> Result<bool, Refusal> {
        let mut x = 0;
        while x < width {
            let Some(run) = self.run(changes.len() % 2 == 1)? else {
                return Ok(false);
            };
            x = (x + run).min(width);
            changes.push(x);
        }
        Ok(true)
    }

    /// Reads a row of Group 3, before which an end-of-line code stands in most files.
    fn group_3_row(
        &mut self,
        two_dimensional: bool,
        reference: &[u32],
        width: u32,
        changes: &mut Vec<u32>,
    ) -> Result<bool, Refusal> {
        let mut ends_of_lines = 0;
        let mut refers = false;
        while !self.at_end() && self.peek(END_OF_LINE_ZEROS) == Some(0) {
            while !self.at_end() && self.peek(1) == Some(0) {
                self.skip(1);
            }
            self.skip(1);
            if two_dimensional {
                refers = self.peek(1) == Some(0);
                self.skip(1);
            }
            ends_of_lines += 1;
        }
        match ends_of_lines {
            _ if self.at_end() => Ok(false),
            // Two in a row begin the code that ends the page.
            2.. => Ok(false),
            0 if two_dimensional => Err(Refusal::corrupt("no end-of-line code before a row")),
            _ if refers => self.row_after(reference, width, changes),
            _ => self.row(width, changes),
        }
    }

    /// Reads a row that refers to the row above; `false` when the data ends in it.
    fn row_after(&mut self, reference: &[u32], width: u32, changes: &mut Vec<u32>) -> Result<bool, Refusal> {
        // The position from which the row is not described yet; -1 before the first pixel, as T.6 has it.
        let mut x = -1_i64;
        let edge = i64::from(width);
        let above = |i: usize| reference.get(i).map_or(edge, |position| i64::from(*position));
        let mut next = 0_usize;
        while x < edge {
            let is_black = changes.len() % 2 == 1;
            // The first change above, right of `x`, to the color that the row does not have at `x`.
            while next > 0 && above(next - 1) > x {
                next -= 1;
            }
            while next < reference.len() && (above(next) <= x || (next % 2 == 1) != is_black) {
                next += 1;
            }
            if self.at_end() {
                return Ok(false);
            }
            match mode::decode(self) {
                Some(Mode::Pass) => x = above(next + 1),
                Some(Mode::Vertical(delta)) => {
                    let to = above(next) + i64::from(delta);
                    if to < x.max(0) || to > edge {
                        return Err(Refusal::corrupt("a change of color outside its row"));
                    }
                    x = to;
                    changes.push(x as u32);
                }
                Some(Mode::Horizontal) => {
                    x = x.max(0);
                    for is_black in [is_black, !is_black] {
                        let Some(run) = self.run(is_black)? else {
                            return Ok(false);
                        };
                        x = (x + i64::from(run)).min(edge);
                        changes.push(x as u32);
                    }
                }
                Some(Mode::EOF) => return Ok(false),
                Some(Mode::Extension) => return Err(Refusal::unsupported_kind("fax data in uncompressed mode")),
                None if self.at_end() => return Ok(false),
                None => return Err(Refusal::corrupt("a fax code that does not exist")),
            }
        }
        Ok(true)
    }

    /// Reads the length of a run; `None` when the data ends in it.
    fn run(&mut self, is_black: bool) -> Result<Option<u32>, Refusal> {
        let mut length = 0_u32;
        loop {
            if self.at_end() {
                return Ok(None);
            }
            match if is_black { black::decode(self) } else { white::decode(self) } {
                Some(part) => {
                    length = length.saturating_add(u32::from(part));
                    // Codes of 64 and more are followed by the code of the rest.
                    if part < 64 {
                        return Ok(Some(length));
                    }
                }
                None if self.at_end() => return Ok(None),
                None => return Err(Refusal::corrupt("a fax code that does not exist")),
            }
        }
    }
}
