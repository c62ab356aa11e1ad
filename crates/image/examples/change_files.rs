//! Decodes files as the service does, for the comparison with the reference decoders (`python -m mitsuke_bench.codecs`).
//!
//! Reads one path a line from the standard input. For each it writes one JSON object a line: `width`, `height` and
//! `milliseconds`, or `refused` with the error and its detail. The pixels go to the path with `.rgb` behind, three bytes
//! each. With a number as argument, each file is decoded that many times, changed at random each time, no pixels are
//! written, and the object counts the outcomes.

use std::io::{BufRead, Write, stdin, stdout};
use std::time::{Duration, Instant};
use std::{env, fs};

use mitsuke_image::{DecodeLimits, ImageError, TextLimits, decode, decode_with_texts};
use serde_json::{Value, json};

fn main() -> std::io::Result<()> {
    let changes: Option<u64> = env::args().nth(1).and_then(|n| n.parse().ok());
    for path in stdin().lock().lines() {
        let path = path?;
        let bytes = fs::read(&path)?;
        let mut answer = match changes {
            None => decoded(&path, &bytes)?,
            Some(changes) => changed(&bytes, changes),
        };
        answer["path"] = path.into();
        writeln!(stdout(), "{answer}")?;
    }
    Ok(())
}

fn refused(error: &ImageError) -> Value {
    json!({ "refused": error.to_string(), "detail": error.detail() })
}

fn decoded(path: &str, bytes: &[u8]) -> std::io::Result<Value> {
    let start = Instant::now();
    match decode(bytes, &DecodeLimits::default()) {
        Err(error) => Ok(refused(&error)),
        Ok(decoded) => {
            let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
            fs::write(format!("{path}.rgb"), decoded.pixels.as_raw())?;
            let (width, height) = decoded.pixels.dimensions();
            Ok(json!({ "width": width, "height": height, "milliseconds": milliseconds }))
        }
    }
}

/// Decodes `bytes` `changes` times, each time with other bytes changed: bits, numbers of four bytes, or the end.
fn changed(bytes: &[u8], changes: u64) -> Value {
    let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ bytes.len() as u64);
    let (mut read, mut refused, mut panicked) = (0, 0, Vec::new());
    let mut slowest = Duration::ZERO;
    for n in 0..changes {
        let mut copy = bytes.to_vec();
        for _ in 0..=random.below(4) {
            // Every second change is near the beginning, where the structure of the file stands.
            let end = if random.below(2) == 0 { copy.len() } else { copy.len().min(1024) };
            let at = random.below(end);
            match random.below(8) {
                0 => copy.truncate(at.max(16)),
                1 | 2 => {
                    let number = [0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFF_FFFF, u32::MAX][random.below(7)];
                    for (byte, new) in copy.iter_mut().skip(at).zip(number.to_be_bytes()) {
                        *byte = new;
                    }
                }
                3 => copy[at] = random.below(256) as u8,
                _ => copy[at] ^= 1 << random.below(8),
            }
        }
        let start = Instant::now();
        match decode_with_texts(&copy, &DecodeLimits::default(), &TextLimits::default()) {
            Ok(_) => read += 1,
            Err(error) if error.detail().is_some_and(|detail| detail.contains("panicked")) => panicked.push(n),
            Err(_) => refused += 1,
        }
        slowest = slowest.max(start.elapsed());
    }
    json!({ "read": read, "refused": refused, "panicked": panicked, "slowest": slowest.as_secs_f64() * 1000.0 })
}

/// A xorshift generator: the numbers need not be good, but the same on each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }
}
