//! Bounded zlib decompression.

use std::io::Read as _;

/// What came out of a zlib stream.
pub(super) struct Inflated {
    /// At most the cap.
    pub bytes: Vec<u8>,
    /// Whether there was more than the cap.
    pub truncated: bool,
    /// Whether the stream was damaged or cut off; `bytes` is what came before that.
    pub damaged: bool,
}

/// Decompresses at most `cap` bytes: a bomb costs no more than that.
pub(super) fn inflate(zlib: &[u8], cap: usize) -> Inflated {
    let mut bytes = Vec::new();
    let mut reader = flate2::read::ZlibDecoder::new(zlib);
    let damaged = reader.by_ref().take(cap as u64).read_to_end(&mut bytes).is_err();
    let truncated = !damaged && bytes.len() == cap && matches!(reader.read(&mut [0]), Ok(1));
    Inflated { bytes, truncated, damaged }
}
