//! Rows of `image_thumbnails`.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::statements::image_exists;
use crate::{ImageId, StoreError};

/// Reads a thumbnail.
pub(super) fn thumbnail(db: &Connection, image_id: ImageId, size: u32) -> Result<Option<Vec<u8>>, StoreError> {
    let jpeg = db
        .prepare_cached("SELECT jpeg FROM image_thumbnails WHERE image_id = ? AND size = ?")?
        .query_row(params![image_id, size], |row| row.get(0))
        .optional()?;
    Ok(jpeg)
}

/// Keeps a thumbnail; returns false when there is no such image.
pub(super) fn put(db: &Transaction<'_>, image_id: ImageId, size: u32, jpeg: &[u8]) -> Result<bool, StoreError> {
    if !image_exists(db, image_id)? {
        return Ok(false);
    }
    db.prepare_cached("INSERT OR REPLACE INTO image_thumbnails (image_id, size, jpeg) VALUES (?, ?, ?)")?
        .execute(params![image_id, size, jpeg])?;
    Ok(true)
}
