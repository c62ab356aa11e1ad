//! Rows of IMAGE_EMBEDDINGS and EMBEDDING_FAILURES.

use rusqlite::{Connection, Row, Transaction, params};
use time::OffsetDateTime;

use super::filter::{count, date, micros};
use super::images::{exists, ids};
use crate::{EmbeddingFailure, ImageId, ModelId, StoreError};
use mitsuke_index::UnitVector;

/// The new row's change number.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    model_id: ModelId,
    image_id: ImageId,
    vector: &UnitVector,
) -> Result<i64, StoreError> {
    transaction
        .prepare_cached("INSERT INTO image_embeddings (model_id, image_id, embedding) VALUES (?, ?, ?)")?
        .execute(params![model_id, image_id, vector.to_le_bytes()])?;
    Ok(transaction.last_insert_rowid())
}

/// The new row's change number; `None` when there is no such image.
pub(super) fn put(
    transaction: &Transaction<'_>,
    model_id: ModelId,
    image_id: ImageId,
    vector: &UnitVector,
) -> Result<Option<i64>, StoreError> {
    if !exists(transaction, image_id)? {
        return Ok(None);
    }
    // Never an UPDATE: a new row has a new, higher change number.
    for table in ["image_embeddings", "embedding_failures"] {
        transaction
            .prepare_cached(&format!("DELETE FROM {table} WHERE model_id = ? AND image_id = ?"))?
            .execute([model_id, image_id])?;
    }
    insert(transaction, model_id, image_id, vector).map(Some)
}

/// Whether there is such an image.
pub(super) fn put_failure(
    transaction: &Transaction<'_>,
    model_id: ModelId,
    image_id: ImageId,
    reason: &str,
) -> Result<bool, StoreError> {
    if !exists(transaction, image_id)? {
        return Ok(false);
    }
    transaction
        .prepare_cached(
            "INSERT INTO embedding_failures (model_id, image_id, reason, failed_at)
             SELECT ?1, ?2, ?3, ?4
             WHERE NOT EXISTS (SELECT 1 FROM image_embeddings WHERE model_id = ?1 AND image_id = ?2)
             ON CONFLICT (model_id, image_id) DO UPDATE SET reason = excluded.reason, failed_at = excluded.failed_at",
        )?
        .execute(params![model_id, image_id, reason, micros(OffsetDateTime::now_utc())])?;
    Ok(true)
}

pub(super) fn failures(
    connection: &Connection,
    model_id: ModelId,
    after: Option<ImageId>,
    limit: usize,
) -> Result<Vec<EmbeddingFailure>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT image_id, reason, failed_at FROM embedding_failures
         WHERE model_id = ? AND image_id > ? ORDER BY image_id LIMIT ?",
    )?;
    let mut rows = statement.query(params![model_id, after.unwrap_or(0), count(limit)])?;
    let mut failures = Vec::new();
    while let Some(row) = rows.next()? {
        failures.push(EmbeddingFailure { image_id: row.get(0)?, reason: row.get(1)?, failed_at: date(row.get(2)?)? });
    }
    Ok(failures)
}

pub(super) fn one(
    connection: &Connection,
    model_id: ModelId,
    image_id: ImageId,
) -> Result<Option<UnitVector>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT embedding FROM image_embeddings WHERE model_id = ? AND image_id = ?")?;
    let mut rows = statement.query([model_id, image_id])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    vector(row, 0).map(Some)
}

/// Ascending by image id. A damaged one is logged and left out, and another takes its place.
pub(super) fn some(
    connection: &Connection,
    model_id: ModelId,
    after: Option<ImageId>,
    limit: usize,
) -> Result<Vec<(ImageId, UnitVector)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT image_id, embedding FROM image_embeddings WHERE model_id = ? AND image_id > ? ORDER BY image_id",
    )?;
    let mut rows = statement.query([model_id, after.unwrap_or(0)])?;
    let mut embeddings = Vec::new();
    while embeddings.len() < limit
        && let Some(row) = rows.next()?
    {
        let image_id = row.get(0)?;
        match vector(row, 1) {
            Ok(vector) => embeddings.push((image_id, vector)),
            Err(error) => leave_out_damaged(image_id, error)?,
        }
    }
    Ok(embeddings)
}

/// An embedding in a column.
pub(super) fn vector(row: &Row<'_>, column: usize) -> Result<UnitVector, StoreError> {
    let bytes = row.get_ref(column)?.as_blob().map_err(|error| StoreError::Damaged(error.to_string()))?;
    UnitVector::from_le_bytes(bytes).map_err(|error| StoreError::Damaged(format!("an embedding: {error}")))
}

/// One damaged embedding must not make every search near it fail: it is logged and left out. Other errors remain.
pub(super) fn leave_out_damaged(image_id: ImageId, error: StoreError) -> Result<(), StoreError> {
    match error {
        StoreError::Damaged(text) => {
            log::error!("the embedding of image {image_id} is damaged and was left out: {text}");
            Ok(())
        }
        other => Err(other),
    }
}

/// Images that lack an embedding, ascending.
pub(super) fn missing(
    connection: &Connection,
    model_id: ModelId,
    after: Option<ImageId>,
    skip_failed: bool,
    limit: usize,
) -> Result<Vec<ImageId>, StoreError> {
    let sql = "SELECT i.image_id FROM images i WHERE i.image_id > ?2
               AND NOT EXISTS (SELECT 1 FROM image_embeddings e WHERE e.model_id = ?1 AND e.image_id = i.image_id)
               AND (NOT ?3 OR NOT EXISTS
                   (SELECT 1 FROM embedding_failures f WHERE f.model_id = ?1 AND f.image_id = i.image_id))
               ORDER BY i.image_id LIMIT ?4";
    ids(connection, sql, params![model_id, after.unwrap_or(0), skip_failed, count(limit)])
}
