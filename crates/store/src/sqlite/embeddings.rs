//! Rows of IMAGE_EMBEDDINGS and EMBEDDING_FAILURES.

use mitsuke_index::UnitVector;
use rusqlite::{Connection, Row, Transaction, params};
use time::OffsetDateTime;

use super::models;
use super::statements::{ids, image_exists};
use super::values::{count, date, micros};
use crate::{EmbeddingFailure, ImageId, ModelId, StoreError};

/// Inserts an embedding, and returns the change number of the new row.
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

/// Adds or replaces an embedding, and removes a recorded failure. Returns the change number of the new row; `None` when
/// there is no such image.
pub(super) fn put(
    transaction: &Transaction<'_>,
    model_id: ModelId,
    image_id: ImageId,
    vector: &UnitVector,
) -> Result<Option<i64>, StoreError> {
    if !image_exists(transaction, image_id)? {
        return Ok(None);
    }
    // The row is deleted and inserted, because an UPDATE would keep the change number and a new row gets a higher one.
    for table in ["image_embeddings", "embedding_failures"] {
        transaction
            .prepare_cached(&format!("DELETE FROM {table} WHERE model_id = ? AND image_id = ?"))?
            .execute([model_id, image_id])?;
    }
    insert(transaction, model_id, image_id, vector).map(Some)
}

/// Records a failure, unless there is an embedding. Returns false when there is no such image.
pub(super) fn put_failure(
    transaction: &Transaction<'_>,
    model_id: ModelId,
    image_id: ImageId,
    reason: &str,
) -> Result<bool, StoreError> {
    if !image_exists(transaction, image_id)? {
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

/// Lists recorded failures, ascending by image id.
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

/// Reads one embedding; `None` when there is none.
pub(super) fn embedding(
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

/// Lists embeddings, ascending by image id. A damaged embedding is logged and skipped, and does not count towards
/// `limit`.
pub(super) fn embeddings(
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
            Err(error) => skip_damaged(image_id, error)?,
        }
    }
    Ok(embeddings)
}

/// Reads the embeddings of images, in the order of `image_ids`. A damaged embedding is logged and skipped.
pub(super) fn embeddings_of(
    connection: &Connection,
    model_id: ModelId,
    image_ids: &[ImageId],
) -> Result<Vec<(ImageId, UnitVector)>, StoreError> {
    let mut embeddings = Vec::with_capacity(image_ids.len());
    for image_id in image_ids {
        match embedding(connection, model_id, *image_id) {
            Ok(vector) => embeddings.extend(vector.map(|vector| (*image_id, vector))),
            Err(error) => skip_damaged(*image_id, error)?,
        }
    }
    Ok(embeddings)
}

/// Reads the embedding in a column.
pub(super) fn vector(row: &Row<'_>, column: usize) -> Result<UnitVector, StoreError> {
    let bytes = row.get_ref(column)?.as_blob().map_err(|error| StoreError::Damaged(error.to_string()))?;
    UnitVector::from_le_bytes(bytes).map_err(|error| StoreError::Damaged(format!("an embedding: {error}")))
}

/// Logs that an embedding is damaged and was skipped, so that one damaged row makes no search fail. Other errors
/// remain.
pub(super) fn skip_damaged(image_id: ImageId, error: StoreError) -> Result<(), StoreError> {
    match error {
        StoreError::Damaged(text) => {
            log::error!("the embedding of image {image_id} is damaged and was skipped: {text}");
            Ok(())
        }
        other => Err(other),
    }
}

/// Lists the ids of images that lack an embedding, ascending.
pub(super) fn images_without(
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

/// Removes up to `max` embeddings of a model that is not current, and its failures together with the last embedding.
/// Returns the number of removed embeddings.
pub(super) fn delete_batch(transaction: &Transaction<'_>, model_id: ModelId, max: usize) -> Result<usize, StoreError> {
    models::set_maintained(transaction, model_id, false)?;
    let removed = transaction
        .prepare_cached(
            "DELETE FROM image_embeddings WHERE embedding_id IN
             (SELECT embedding_id FROM image_embeddings WHERE model_id = ? LIMIT ?)",
        )?
        .execute(params![model_id, count(max)])?;
    if removed < max {
        transaction.execute("DELETE FROM embedding_failures WHERE model_id = ?", [model_id])?;
    }
    Ok(removed)
}
