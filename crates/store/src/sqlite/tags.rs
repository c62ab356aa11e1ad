//! Rows of IMAGE_TAGS and REMOVED_TAGS.

use rusqlite::{Connection, Transaction, params};

use crate::tags::{Origin, Tag, Tags};
use crate::{ImageId, StoreError};

/// Reads the tags of an image as they were written.
pub(super) fn texts(connection: &Connection, image_id: ImageId) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT tag FROM image_tags WHERE image_id = ? ORDER BY place")?;
    Ok(statement.query_map([image_id], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Reads the tags of an image, with those that callers have removed.
pub(super) fn read(connection: &Connection, image_id: ImageId) -> Result<Tags, StoreError> {
    let mut tags =
        connection.prepare_cached("SELECT tag, folded, is_set FROM image_tags WHERE image_id = ? ORDER BY place")?;
    let tags = tags
        .query_map([image_id], |row| {
            Ok(Tag { text: row.get(0)?, folded: row.get(1)?, origin: Origin::from_number(row.get(2)?) })
        })?
        .collect::<Result<_, _>>()?;
    let mut removed = connection.prepare_cached("SELECT folded FROM removed_tags WHERE image_id = ?")?;
    let removed = removed.query_map([image_id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(Tags { tags, removed })
}

/// Writes the tags of a new image.
pub(super) fn insert(transaction: &Transaction<'_>, image_id: ImageId, tags: &Tags) -> Result<(), StoreError> {
    let mut row = transaction
        .prepare_cached("INSERT INTO image_tags (image_id, folded, place, tag, is_set) VALUES (?, ?, ?, ?, ?)")?;
    for (place, tag) in (0_i64..).zip(&tags.tags) {
        row.execute(params![image_id, tag.folded, place, tag.text, tag.origin.number()])?;
    }
    let mut row = transaction.prepare_cached("INSERT INTO removed_tags (image_id, folded) VALUES (?, ?)")?;
    for folded in &tags.removed {
        row.execute(params![image_id, folded])?;
    }
    Ok(())
}

/// Writes the tags of an image in place of those before.
pub(super) fn replace(transaction: &Transaction<'_>, image_id: ImageId, tags: &Tags) -> Result<(), StoreError> {
    transaction.prepare_cached("DELETE FROM image_tags WHERE image_id = ?")?.execute([image_id])?;
    transaction.prepare_cached("DELETE FROM removed_tags WHERE image_id = ?")?.execute([image_id])?;
    insert(transaction, image_id, tags)
}
