//! Bounded zlib decompression.

use std::io::Read as _;

/// The result of decompressing a zlib stream.
pub struct Inflated {
    /// The decompressed bytes, at most as many as the cap.
    pub bytes: Vec<u8>,
    /// Whether the stream holds more than the cap.
    pub truncated: bool,
    /// Whether the stream is damaged or cut off; `bytes` then holds the bytes decompressed before that point.
    pub damaged: bool,
}

/// Decompresses at most `cap` bytes, so that a decompression bomb costs no more memory than `cap`.
pub fn inflate(zlib: &[u8], cap: usize) -> Inflated {
    let mut bytes = Vec::new();
    let mut reader = flate2::read::ZlibDecoder::new(zlib);
    let damaged = reader.by_ref().take(cap as u64).read_to_end(&mut bytes).is_err();
    let truncated = !damaged && bytes.len() == cap && matches!(reader.read(&mut [0]), Ok(1));
    Inflated { bytes, truncated, damaged }
}
