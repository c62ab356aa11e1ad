//! Statements that several files of this folder run.

use rusqlite::Connection;

use super::values::unsigned;
use crate::{ImageId, StoreError};

/// Runs a query, and returns the first column of all rows.
pub(super) fn ids(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let ids = statement.query_map(parameters, |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(ids)
}

/// Returns whether there is an image with this id.
pub(super) fn image_exists(connection: &Connection, image_id: ImageId) -> Result<bool, StoreError> {
    Ok(connection.prepare_cached("SELECT 1 FROM images WHERE image_id = ?")?.exists([image_id])?)
}

/// Counts the images anew.
pub(super) fn recount_images(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute("UPDATE store_facts SET value = (SELECT count(*) FROM images) WHERE name = 'image_count'", [])?;
    Ok(())
}

/// Returns the number of images.
pub(super) fn count_images(connection: &Connection) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM store_facts WHERE name = 'image_count'")?;
    Ok(statement.query_row([], |row| unsigned(row, 0))?)
}
