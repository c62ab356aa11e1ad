//! Hashes of the chunks of originals, so that a part of an original can be verified without reading all of it.
//!
//! The hash of the whole original decides. The hashes of chunks are made of an original that has been verified, and one that
//! disagrees sends the reader to the whole original, so that a damaged hash damages nothing else.

use rusqlite::{Connection, MAIN_DB, OptionalExtension as _, Transaction, params};
use sha2::{Digest as _, Sha256 as Sha};

use crate::integrity::CHUNK_BYTES;
use crate::{ContentPart, ImageId, Sha256, StoreError};

const HASH_BYTES: usize = 32;

/// The result of reading a part of an original by its chunks.
pub(super) enum Reading {
    /// There is no such image.
    Unknown,
    /// The part, which has the hashes of its chunks.
    Part(ContentPart),
    /// The chunks cannot tell: their hashes are missing or disagree.
    Untold,
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
    let facts = connection
        .prepare_cached(
            "SELECT i.file_type, i.file_name, i.sha256, length(c.image_data), k.hashes
             FROM images i JOIN image_contents c ON c.image_id = i.image_id
             LEFT JOIN image_chunks k ON k.image_id = i.image_id WHERE i.image_id = ?",
        )?
        .query_row([image_id], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                Sha256(row.get(2)?),
                row.get::<_, i64>(3)?,
                row.get::<_, Option<Vec<u8>>>(4)?,
            ))
        })
        .optional()?;
    let Some((file_type, file_name, sha256, total, hashes)) = facts else { return Ok(Reading::Unknown) };
    let (Some(hashes), Ok(length)) = (hashes, usize::try_from(total)) else { return Ok(Reading::Untold) };
    if hashes.len() != length.div_ceil(CHUNK_BYTES) * HASH_BYTES {
        return Ok(Reading::Untold);
    }
    let place = |position: u64| usize::try_from(position).map_or(length, |position| position.min(length));
    let (from, to) = (place(first), place(last.saturating_add(1)));
    let bytes = if from < to { verified(connection, image_id, &hashes, (from, to), length)? } else { Some(Vec::new()) };
    Ok(bytes.map_or(Reading::Untold, |bytes| {
        Reading::Part(ContentPart { bytes, first, total: length as u64, file_type, file_name, sha256 })
    }))
}

/// Reads the chunks around the bytes from `from` to before `to`, and cuts these bytes out of them; `None` when a chunk has
/// another hash or cannot be read.
fn verified(
    connection: &Connection,
    image_id: ImageId,
    hashes: &[u8],
    (from, to): (usize, usize),
    length: usize,
) -> Result<Option<Vec<u8>>, StoreError> {
    let (first_chunk, last_chunk) = (from / CHUNK_BYTES, (to - 1) / CHUNK_BYTES);
    let begin = first_chunk * CHUNK_BYTES;
    let end = ((last_chunk + 1) * CHUNK_BYTES).min(length);
    let mut bytes = vec![0; end - begin];
    let blob = connection.blob_open(MAIN_DB, "image_contents", "image_data", image_id, true)?;
    if blob.read_at_exact(&mut bytes, begin).is_err() {
        return Ok(None);
    }
    let expected = hashes.as_chunks::<HASH_BYTES>().0.iter().skip(first_chunk);
    if !bytes.chunks(CHUNK_BYTES).zip(expected).all(|(chunk, hash)| Sha::digest(chunk)[..] == hash[..]) {
        return Ok(None);
    }
    bytes.truncate(to - begin);
    bytes.drain(..from - begin);
    Ok(Some(bytes))
}
