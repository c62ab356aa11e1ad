//! Decompression of run lengths.

use super::header::Header;
use crate::decode::completeness;
use crate::decode::refusal::Refusal;

/// Decompresses the picture to one byte a pixel (an index), or to three bytes for pixels of 24 bits, rows in file
/// order. Pixels that the file jumps over have index 0, as in Pillow.
///
/// # Errors
/// [`Refusal::Corrupt`] when the data ends early without saying so.
pub fn decompress(header: &Header<'_>) -> Result<Vec<u8>, Refusal> {
    let mut canvas = Canvas::new(header);
    let mut rest = header.data;
    while let [count, value, ..] = *rest {
        rest = &rest[2..];
        match (count, value) {
            (0, 0) => canvas.start_row(),
            (0, 1) => return Ok(canvas.samples),
            (0, 2) => {
                let [right, down, ..] = *rest else { break };
                rest = &rest[2..];
                canvas.jump(right, down);
            }
            (0, pixels) => {
                // Pixels that are not compressed, padded to an even number of bytes.
                let length = match header.bits {
                    4 => usize::from(pixels).div_ceil(2),
                    8 => usize::from(pixels),
                    _ => usize::from(pixels) * 3,
                };
                let data = &rest[..length.min(rest.len())];
                canvas.copy(pixels, data, header.bits);
                rest = rest.get(length.next_multiple_of(2)..).unwrap_or_default();
            }
            (pixels, _) if header.bits == 24 => {
                let [green, red, ..] = *rest else { break };
                rest = &rest[2..];
                (0..pixels).for_each(|_| canvas.put(&[value, green, red]));
            }
            (pixels, _) if header.bits == 4 => {
                (0..pixels).for_each(|i| canvas.put(&[if i % 2 == 0 { value >> 4 } else { value & 15 }]));
            }
            (pixels, _) => (0..pixels).for_each(|_| canvas.put(&[value])),
        }
    }
    completeness::check(canvas.missing(), header.pixels())?;
    Ok(canvas.samples)
}

/// The pixels written so far.
struct Canvas {
    width: u64,
    height: u64,
    channels: usize,
    samples: Vec<u8>,
    x: u64,
    y: u64,
}

impl Canvas {
    fn new(header: &Header<'_>) -> Self {
        let channels = if header.bits == 24 { 3 } else { 1 };
        Self {
            width: u64::from(header.size.0),
            height: u64::from(header.size.1),
            channels,
            samples: vec![0; header.pixels() as usize * channels],
            x: 0,
            y: 0,
        }
    }

    /// Writes a pixel. A pixel right of its row or below the picture is dropped.
    fn put(&mut self, pixel: &[u8]) {
        if self.x < self.width && self.y < self.height {
            let at = (self.y * self.width + self.x) as usize * self.channels;
            self.samples[at..at + self.channels].copy_from_slice(pixel);
        }
        self.x += 1;
    }

    fn copy(&mut self, pixels: u8, data: &[u8], bits: u32) {
        match bits {
            4 => {
                let halves = data.iter().flat_map(|byte| [byte >> 4, byte & 15]);
                halves.take(usize::from(pixels)).for_each(|index| self.put(&[index]));
            }
            8 => data.iter().for_each(|index| self.put(&[*index])),
            _ => data.chunks_exact(3).for_each(|pixel| self.put(pixel)),
        }
    }

    fn start_row(&mut self) {
        self.x = 0;
        self.y += 1;
    }

    fn jump(&mut self, right: u8, down: u8) {
        self.x += u64::from(right);
        self.y += u64::from(down);
    }

    /// Returns the number of pixels that the data has not come to.
    fn missing(&self) -> u64 {
        (self.width * self.height).saturating_sub(self.y * self.width + self.x.min(self.width))
    }
}
