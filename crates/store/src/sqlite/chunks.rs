//! Hashes of the chunks of originals, so that a part of an original can be verified without reading all of it.
//!
//! The hash of the whole original decides. The hashes of chunks are made of an original that has been verified, and one that
//! disagrees sends the reader to the whole original, so that a damaged hash damages nothing else.

use std::ops::Range;

use rusqlite::{Connection, MAIN_DB, Transaction, params};
use sha2::{Digest as _, Sha256 as Sha};

use super::originals::{LOCATED, Located};
use crate::integrity::CHUNK_BYTES;
use crate::{ContentPart, ImageId, Sha256, StoreError};

const HASH_BYTES: usize = 32;

/// The result of reading a part of an original by its chunks.
pub(super) enum Reading {
    /// There is no such image.
    Unknown,
    /// The part, which has the hashes of its chunks.
    Part(ContentPart),
    /// A part of a file outside of the database, which is still to be read.
    File(FilePart),
    /// The chunks cannot tell: their hashes are missing or disagree.
    Untold,
}

/// A part of a file outside of the database, and the hashes of its chunks.
pub(super) struct FilePart {
    pub(super) located: Located,
    hashes: Vec<u8>,
    bounds: Bounds,
    first: u64,
}

impl FilePart {
    /// Returns the range of the chunks around the part.
    pub(super) fn range(&self) -> Range<u64> {
        self.bounds.begin as u64..self.bounds.end as u64
    }

    /// Cuts the part out of the bytes of its chunks; `None` when a chunk has another hash.
    pub(super) fn part(self, chunks: Vec<u8>) -> Option<ContentPart> {
        let bytes = self.bounds.verified(chunks, &self.hashes)?;
        let Located { file_type, file_name, sha256, bytes: total, .. } = self.located;
        Some(ContentPart { bytes, first: self.first, total, file_type, file_name, sha256 })
    }
}

/// The place of a part in its original, and of the chunks around it.
#[derive(Clone, Copy)]
struct Bounds {
    /// The first byte of the part.
    from: usize,
    /// The place behind the last byte of the part.
    to: usize,
    /// The first byte of the chunks.
    begin: usize,
    /// The place behind the last byte of the chunks.
    end: usize,
}

impl Bounds {
    /// Returns the bounds of the bytes from `first` to `last`, both included, of an original of `length` bytes.
    fn new(first: u64, last: u64, length: usize) -> Self {
        let place = |position: u64| usize::try_from(position).map_or(length, |position| position.min(length));
        let (from, to) = (place(first), place(last.saturating_add(1)));
        let begin = from / CHUNK_BYTES * CHUNK_BYTES;
        Self { from, to, begin, end: to.div_ceil(CHUNK_BYTES).saturating_mul(CHUNK_BYTES).min(length).max(begin) }
    }

    fn is_empty(self) -> bool {
        self.from >= self.to
    }

    /// Compares the chunks with their hashes, and cuts the part out of them; `None` when a chunk has another hash.
    fn verified(self, mut chunks: Vec<u8>, hashes: &[u8]) -> Option<Vec<u8>> {
        if chunks.len() != self.end - self.begin {
            return None;
        }
        let expected = hashes.as_chunks::<HASH_BYTES>().0.iter().skip(self.begin / CHUNK_BYTES);
        if !chunks.chunks(CHUNK_BYTES).zip(expected).all(|(chunk, hash)| Sha::digest(chunk)[..] == hash[..]) {
            return None;
        }
        chunks.truncate(self.to - self.begin);
        chunks.drain(..self.from - self.begin);
        Some(chunks)
    }
}

/// Computes the hashes of the chunks of an original, joined.
pub(super) fn hashes_of(bytes: &[u8]) -> Vec<u8> {
    bytes.chunks(CHUNK_BYTES).flat_map(|chunk| <[u8; HASH_BYTES]>::from(Sha::digest(chunk))).collect()
}

/// Keeps the hashes of an original, unless the image is gone.
pub(super) fn put(transaction: &Transaction<'_>, image_id: ImageId, hashes: &[u8]) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO image_chunks (image_id, hashes)
             SELECT image_id, ?2 FROM images WHERE image_id = ?1",
        )?
        .execute(params![image_id, hashes])?;
    Ok(())
}

/// Returns whether these are the hashes that are kept of an image.
pub(super) fn are_kept(connection: &Connection, image_id: ImageId, hashes: &[u8]) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM image_chunks WHERE image_id = ? AND hashes = ?")?
        .exists(params![image_id, hashes])?)
}

/// Reads the bytes of an original from `first` to `last`, both included, and the chunks around them.
pub(super) fn read(connection: &Connection, image_id: ImageId, first: u64, last: u64) -> Result<Reading, StoreError> {
    let sql = format!(
        "SELECT i.file_type, i.file_name, i.sha256, length(c.image_data), k.hashes, {LOCATED} FROM images i
         LEFT JOIN image_contents c ON c.image_id = i.image_id
         LEFT JOIN image_files f ON f.image_id = i.image_id
         LEFT JOIN image_chunks k ON k.image_id = i.image_id WHERE i.image_id = ?"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([image_id])?;
    let Some(row) = rows.next()? else { return Ok(Reading::Unknown) };
    let located = Located::of_row(row, 5)?;
    let stored: Option<u64> = row.get::<_, Option<i64>>(3)?.map(i64::unsigned_abs);
    let Some(total) = located.as_ref().map(|located| located.bytes).or(stored) else { return Ok(Reading::Unknown) };
    let hashes: Option<Vec<u8>> = row.get(4)?;
    let (Some(hashes), Ok(length)) = (hashes, usize::try_from(total)) else { return Ok(Reading::Untold) };
    if hashes.len() != length.div_ceil(CHUNK_BYTES) * HASH_BYTES {
        return Ok(Reading::Untold);
    }
    let bounds = Bounds::new(first, last, length);
    let bytes = match located {
        _ if bounds.is_empty() => Some(Vec::new()),
        Some(located) => return Ok(Reading::File(FilePart { located, hashes, bounds, first })),
        None => stored_chunks(connection, image_id, bounds)?.and_then(|chunks| bounds.verified(chunks, &hashes)),
    };
    let (file_type, file_name, sha256) = (row.get(0)?, row.get(1)?, Sha256(row.get(2)?));
    Ok(bytes.map_or(Reading::Untold, |bytes| {
        Reading::Part(ContentPart { bytes, first, total, file_type, file_name, sha256 })
    }))
}

/// Reads chunks out of the database; `None` when they cannot be read.
fn stored_chunks(connection: &Connection, image_id: ImageId, bounds: Bounds) -> Result<Option<Vec<u8>>, StoreError> {
    let mut bytes = vec![0; bounds.end - bounds.begin];
    let blob = connection.blob_open(MAIN_DB, "image_contents", "image_data", image_id, true)?;
    Ok(blob.read_at_exact(&mut bytes, bounds.begin).is_ok().then_some(bytes))
}
