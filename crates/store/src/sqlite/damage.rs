//! Images whose original is damaged.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use time::OffsetDateTime;

use super::chunks;
use super::originals::{self, Place};
use super::statements::image_exists;
use super::values::{count, date, micros, unsigned};
use crate::originals::{Homes, OriginalHome as _};
use crate::{DamageReason, DamagedImage, Home, ImageId, Sha256, StoreError};

/// Remembers what is wrong with an image. Returns whether that is new.
pub(super) fn note(transaction: &Transaction<'_>, image_id: ImageId, reason: DamageReason) -> Result<bool, StoreError> {
    if !image_exists(transaction, image_id)? {
        return Ok(false);
    }
    let noted = transaction
        .prepare_cached(
            "INSERT INTO image_damage (image_id, found_at, reason) VALUES (?, ?, ?)
             ON CONFLICT (image_id) DO UPDATE SET reason = excluded.reason WHERE reason <> excluded.reason",
        )?
        .execute(params![image_id, micros(OffsetDateTime::now_utc()), reason.number()])?;
    Ok(noted > 0)
}

/// Returns whether an image is known to be damaged.
pub(super) fn is_noted(connection: &Connection, image_id: ImageId) -> Result<bool, StoreError> {
    Ok(connection.prepare_cached("SELECT 1 FROM image_damage WHERE image_id = ?")?.exists([image_id])?)
}

/// Returns what is wrong with an image, if that is known.
pub(super) fn reason(connection: &Connection, image_id: ImageId) -> Result<Option<DamageReason>, StoreError> {
    let number = connection
        .prepare_cached("SELECT reason FROM image_damage WHERE image_id = ?")?
        .query_row([image_id], |row| row.get(0))
        .optional()?;
    Ok(number.map(DamageReason::of_number))
}

/// Forgets that an image was damaged. Returns whether it was.
pub(super) fn clear(transaction: &Transaction<'_>, image_id: ImageId) -> Result<bool, StoreError> {
    Ok(transaction.prepare_cached("DELETE FROM image_damage WHERE image_id = ?")?.execute([image_id])? > 0)
}

/// Lists the images that are known to be damaged, ascending by id.
pub(super) fn list(
    connection: &Connection,
    after: Option<ImageId>,
    limit: usize,
) -> Result<Vec<DamagedImage>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT image_id, found_at, reason FROM image_damage WHERE image_id > ? ORDER BY image_id LIMIT ?",
    )?;
    let mut rows = statement.query(params![after.unwrap_or(0), count(limit)])?;
    let mut damaged = Vec::new();
    while let Some(row) = rows.next()? {
        damaged.push(DamagedImage {
            image_id: row.get(0)?,
            found_at: date(row.get(1)?)?,
            reason: DamageReason::of_number(row.get(2)?),
        });
    }
    Ok(damaged)
}

/// Counts the images that are known to be damaged.
pub(super) fn count_all(connection: &Connection) -> Result<u64, StoreError> {
    Ok(connection.query_row("SELECT count(*) FROM image_damage", [], |row| unsigned(row, 0))?)
}

/// Writes an original anew, and with it everything that may have been made of damaged bytes or lacks for them. Returns
/// false when the bytes have another hash than the image. The original stays in its home, and one that lay in place goes to
/// the home of new originals.
pub(super) fn repair(
    transaction: &Transaction<'_>,
    image_id: ImageId,
    sha256: &Sha256,
    bytes: &[u8],
    homes: &Homes,
) -> Result<bool, StoreError> {
    let expected: Option<[u8; 32]> = transaction
        .prepare_cached("SELECT sha256 FROM images WHERE image_id = ?")?
        .query_row([image_id], |row| row.get(0))
        .optional()?;
    if expected != Some(sha256.0) {
        return Ok(false);
    }
    let place = match originals::home(transaction, image_id)? {
        Home::Database => Place::Database,
        Home::Folder => Place::Folder(homes.folder()?),
        Home::InPlace => originals::place_of_new(homes)?,
    };
    if let Place::Folder(folder) = &place {
        folder.put(sha256, bytes)?;
    }
    place.store(transaction, image_id, sha256, bytes)?;
    chunks::put(transaction, image_id, &chunks::hashes_of(bytes))?;
    for table in ["image_thumbnails", "embedding_failures", "image_damage"] {
        transaction.prepare_cached(&format!("DELETE FROM {table} WHERE image_id = ?"))?.execute([image_id])?;
    }
    Ok(true)
}
