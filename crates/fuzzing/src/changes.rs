//! Changes of an input: what a fuzzer without knowledge of the code does, a fixed number of times.

use crate::random::Random;

/// The largest number of bytes that a change inserts or repeats.
const MAX_PIECE: usize = 64;

/// Numbers at the edges of their types, which sizes and counts in headers break at.
const EDGES: [u32; 8] = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, u32::MAX];

/// Returns a changed copy of a seed: one to four bits flipped, numbers put in, pieces left out, repeated, inserted or
/// taken from `other`, or the end cut off. The same number always makes the same copy.
#[must_use]
pub fn changed(seed: &[u8], other: &[u8], number: u64) -> Vec<u8> {
    let mut random = Random::new(number);
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        change(&mut bytes, other, &mut random);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    // Headers do the most harm, so every second change is near the beginning.
    let reach = if random.below(2) == 0 { bytes.len() } else { bytes.len().min(128) };
    let at = random.below(reach);
    let end = at + random.below((bytes.len() - at).min(MAX_PIECE) + 1);
    match random.below(10) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
        3 => {
            let piece: Vec<u8> = (0..=random.below(8)).map(|_| random.next() as u8).collect();
            drop(bytes.splice(at..at, piece));
        }
        4 => {
            let from = random.below(other.len());
            let to = from + random.below((other.len() - from).min(MAX_PIECE) + 1);
            drop(bytes.splice(at..end, other[from..to].iter().copied()));
        }
        5 | 6 => {
            let number = EDGES[random.below(EDGES.len())];
            let number = if random.below(2) == 0 { number.to_be_bytes() } else { number.to_le_bytes() };
            for (byte, new) in bytes[at..].iter_mut().zip(number) {
                *byte = new;
            }
        }
        7 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.next() as u8;
            }
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}
