//! Walks over the pieces of a file (JPEG segments, PNG and RIFF chunks) without copying or decoding.
//!
//! The iterators stop at the first thing that cannot be right; whether that makes the picture corrupt
//! is for the pixel decoder to say, what was found before it is still good text and metadata.

mod jpeg;
mod png;
mod riff;

pub(super) use jpeg::{marker, segments};
pub(super) use png::{Chunk, chunks};
pub(super) use riff::riff_chunks;

/// Splits `n` bytes off the front of `rest`; `None` when there are fewer.
fn take<'a>(rest: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(n)?;
    *rest = tail;
    Some(head)
}
