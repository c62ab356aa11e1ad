//! The SHA-256 of files.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

/// The number of bytes that are read at a time.
pub const CHUNK_BYTES: usize = 256 << 10;

/// Returns the hexadecimal SHA-256 and the number of the bytes of `beginning`, which were read already, and all that
/// follow in `rest`.
///
/// # Errors
/// When the rest cannot be read.
pub fn hash(beginning: &[u8], rest: &mut impl Read) -> io::Result<(String, u64)> {
    let (mut hash, mut bytes) = (Sha256::new_with_prefix(beginning), beginning.len() as u64);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let filled = fill(rest, &mut chunk)?;
        if filled == 0 {
            return Ok((hex(&hash.finalize()), bytes));
        }
        hash.update(&chunk[..filled]);
        bytes += filled as u64;
    }
}

/// Reads until the buffer is full or the file ends. Returns the number of bytes read.
///
/// # Errors
/// When the file cannot be read.
pub fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Writes bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_covers_beginning_and_rest_however_long_they_are() {
        let bytes = vec![7; CHUNK_BYTES * 2 + 5];
        let expected = hex(&Sha256::digest(&bytes));
        for end in [0, 3, CHUNK_BYTES, bytes.len()] {
            let (beginning, mut rest) = bytes.split_at(end);
            assert_eq!(hash(beginning, &mut rest).unwrap(), (expected.clone(), bytes.len() as u64), "{end}");
        }
    }
}
