//! Decodes changed files as the service decodes uploads (`python -m mitsuke_decoding.codecs`).
//!
//! Reads one path a line from the standard input. Each file is decoded as often as the argument says, each time with
//! other bytes changed. For each file the standard output gets a JSON object with the numbers of files that were read and
//! refused and whose decoder panicked, the milliseconds of the slowest, and the peak of memory of the process so far.

use std::io::{BufRead, Write, stdin, stdout};
use std::time::{Duration, Instant};
use std::{env, fs};

use mitsuke_image::{DecodeLimits, TextLimits, decode_with_texts};
use serde_json::{Value, json};

fn main() -> std::io::Result<()> {
    let changes = env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(20);
    // The messages of panics are counted, not shown.
    std::panic::set_hook(Box::new(|_| ()));
    for path in stdin().lock().lines() {
        let bytes = fs::read(path?)?;
        writeln!(stdout(), "{}", outcomes(&bytes, changes))?;
    }
    Ok(())
}

/// Decodes changed copies of a file and counts the outcomes.
fn outcomes(bytes: &[u8], changes: u64) -> Value {
    let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ bytes.len() as u64);
    let (mut read, mut refused, mut panicked) = (0, 0, 0);
    let mut slowest = Duration::ZERO;
    for _ in 0..changes {
        let mut copy = bytes.to_vec();
        for _ in 0..=random.below(4) {
            change(&mut copy, &mut random);
        }
        let start = Instant::now();
        match decode_with_texts(&copy, &DecodeLimits::default(), &TextLimits::default()) {
            Ok(_) => read += 1,
            Err(error) if error.detail().is_some_and(|detail| detail.contains("panicked")) => panicked += 1,
            Err(_) => refused += 1,
        }
        slowest = slowest.max(start.elapsed());
    }
    json!({
        "read": read,
        "refused": refused,
        "panicked": panicked,
        "slowest": slowest.as_secs_f64() * 1000.0,
        "peak_bytes": peak_bytes(),
    })
}

/// Changes a bit, a byte, a number of four bytes, or cuts the file off.
fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    // Every second change is near the beginning, where the structure of the file stands.
    let end = if random.below(2) == 0 { bytes.len() } else { bytes.len().min(1024) };
    let at = random.below(end);
    match random.below(8) {
        0 => bytes.truncate(at.max(16)),
        1 | 2 => {
            let number = [0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFF_FFFF, u32::MAX][random.below(7)];
            for (byte, new) in bytes.iter_mut().skip(at).zip(number.to_be_bytes()) {
                *byte = new;
            }
        }
        3 => bytes[at] = random.below(256) as u8,
        _ => bytes[at] ^= 1 << random.below(8),
    }
}

/// Returns the largest resident memory of this process so far, as Linux tells it.
fn peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().map_or(0, |kib: u64| kib * 1024)
}

/// A xorshift generator. Each run makes the same changes.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }
}
