//! Rows of `image_thumbnails`.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::statements::image_exists;
use crate::{ImageId, Sha256, StoreError};

/// Reads a thumbnail; `None` when there is none, or one that is not known to be as it was written.
pub(super) fn thumbnail(db: &Connection, image_id: ImageId, size: u32) -> Result<Option<Vec<u8>>, StoreError> {
    let jpeg = db
        .prepare_cached("SELECT jpeg, sha256 FROM image_thumbnails WHERE image_id = ? AND size = ?")?
        .query_row(params![image_id, size], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Option<Vec<u8>>>(1)?)))
        .optional()?;
    Ok(jpeg.filter(|(jpeg, sha256)| sha256.as_deref() == Some(&Sha256::of(jpeg).0[..])).map(|(jpeg, _)| jpeg))
}

/// Keeps a thumbnail; returns false when there is no such image.
pub(super) fn put(db: &Transaction<'_>, image_id: ImageId, size: u32, jpeg: &[u8]) -> Result<bool, StoreError> {
    if !image_exists(db, image_id)? {
        return Ok(false);
    }
    db.prepare_cached("INSERT OR REPLACE INTO image_thumbnails (image_id, size, jpeg, sha256) VALUES (?, ?, ?, ?)")?
        .execute(params![image_id, size, jpeg, Sha256::of(jpeg).0])?;
    Ok(true)
}
