//! The rows of the embedding tables and of EMBEDDING_FAILURES.

use std::collections::HashMap;

use oracle::sql_type::Timestamp;

use super::facts;
use super::models::VectorTable;
use crate::oracle::connection::codes::Class;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::{MAX_LOB_ROWS, Session};
use crate::oracle::connection::value::{self, Binds, MAX_IN_LIST, Value, in_list, to_vector};
use crate::{EmbeddingFailure, ImageId};
use mitsuke_index::UnitVector;

/// The longest reason that is kept, in characters.
const REASON_CHARS: usize = 1_000;

/// Adds an embedding of an image that has none, with the facts of the image; false when the image is gone.
pub(crate) fn insert(
    session: &Session<'_>,
    table: &VectorTable,
    image_id: ImageId,
    vector: &UnitVector,
) -> Result<bool, OracleError> {
    let sql = format!(
        "INSERT INTO {} (image_id, embedding, {}) SELECT i.image_id, {}, {} FROM images i WHERE i.image_id = :image_id",
        table.name,
        facts::columns(),
        to_vector("embedding", table.dimension),
        facts::values()
    );
    Ok(session.execute(&sql, &embedding_binds(image_id, vector))? > 0)
}

fn embedding_binds(image_id: ImageId, vector: &UnitVector) -> Binds<'static> {
    Binds::none().with("image_id", image_id).with_vector("embedding", vector)
}

/// Adds or replaces an embedding; false when the image is gone.
///
/// A backfill adds, so the INSERT comes first. The lock makes a change of the image's facts either wait for the new row
/// or be seen by the INSERT, since a statement sees what is committed when it starts (Database Concepts, "Statement-Level
/// Read Consistency").
pub(crate) fn put(
    session: &Session<'_>,
    table: &VectorTable,
    image_id: ImageId,
    vector: &UnitVector,
) -> Result<bool, OracleError> {
    let this = || Binds::none().with("image_id", image_id);
    if !session.lock("SELECT i.image_id FROM images i WHERE i.image_id = :image_id FOR UPDATE", &this())? {
        return Ok(false);
    }
    match insert(session, table, image_id, vector) {
        Ok(true) => {}
        Ok(false) => return Ok(false),
        Err(error) if error.class() == Some(Class::Unique) => {
            let sql = format!(
                "UPDATE {} SET embedding = {} WHERE image_id = :image_id",
                table.name,
                to_vector("embedding", table.dimension)
            );
            session.execute(&sql, &embedding_binds(image_id, vector))?;
        }
        Err(error) => return Err(error),
    }
    session.execute(
        "DELETE FROM embedding_failures WHERE model_id = :model_id AND image_id = :image_id",
        &this().with("model_id", table.model_id),
    )?;
    Ok(true)
}

/// Records a failure, unless the image has an embedding; false when the image is gone.
pub(crate) fn put_failure(
    session: &Session<'_>,
    table: &VectorTable,
    image_id: ImageId,
    reason: &str,
) -> Result<bool, OracleError> {
    let embedded = format!("SELECT e.image_id FROM {} e WHERE e.image_id = :image_id", table.name);
    if session.row(&embedded, &Binds::none().with("image_id", image_id), |_| Ok(()))?.is_some() {
        return Ok(true);
    }
    let reason: String = reason.chars().take(REASON_CHARS).collect();
    let row = Binds::none()
        .with("model_id", table.model_id)
        .with("image_id", image_id)
        .with("failed_at", value::timestamp(time::OffsetDateTime::now_utc()))
        .with("reason", Value::Text(Some(reason.into())));
    let update = "UPDATE embedding_failures SET reason = :reason, failed_at = :failed_at \
                  WHERE model_id = :model_id AND image_id = :image_id";
    if session.execute(update, &row)? > 0 {
        return Ok(true);
    }
    let inserted = session.execute(
        "INSERT INTO embedding_failures (model_id, image_id, reason, failed_at) \
         VALUES (:model_id, :image_id, :reason, :failed_at)",
        &row,
    );
    match inserted {
        Err(error) if error.class() == Some(Class::NoParent) => Ok(false),
        Err(error) if error.class() == Some(Class::Unique) => {
            session.execute(update, &row)?;
            Ok(true)
        }
        other => Ok(other.map(|_| true)?),
    }
}

/// Returns failures after the image `after`, ascending by image id.
pub(crate) fn failures(
    session: &Session<'_>,
    table: &VectorTable,
    after: Option<ImageId>,
    limit: usize,
) -> Result<Vec<EmbeddingFailure>, OracleError> {
    session.rows(
        "SELECT f.image_id, f.reason, f.failed_at FROM embedding_failures f \
         WHERE f.model_id = :model_id AND f.image_id > :after ORDER BY f.image_id FETCH FIRST :take ROWS ONLY",
        &page_binds(after, limit).with("model_id", table.model_id),
        limit,
        |row| {
            Ok(EmbeddingFailure {
                image_id: row.get(0)?,
                reason: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                failed_at: value::to_date(&row.get::<_, Timestamp>(2)?)?,
            })
        },
    )
}

pub(crate) fn embedding(
    session: &Session<'_>,
    table: &VectorTable,
    image_id: ImageId,
) -> Result<Option<UnitVector>, OracleError> {
    let sql =
        format!("SELECT FROM_VECTOR(e.embedding RETURNING CLOB) FROM {} e WHERE e.image_id = :image_id", table.name);
    session.row(&sql, &Binds::none().with("image_id", image_id), |row| vector(&row.get::<_, String>(0)?))
}

/// Returns embeddings after the image `after`, ascending by image id.
pub(crate) fn embeddings(
    session: &Session<'_>,
    table: &VectorTable,
    after: Option<ImageId>,
    limit: usize,
) -> Result<Vec<(ImageId, UnitVector)>, OracleError> {
    let sql = format!(
        "SELECT e.image_id, FROM_VECTOR(e.embedding RETURNING CLOB) FROM {} e \
         WHERE e.image_id > :after ORDER BY e.image_id FETCH FIRST :take ROWS ONLY",
        table.name
    );
    let most = limit.min(MAX_LOB_ROWS);
    session.rows(&sql, &page_binds(after, limit), most, |row| Ok((row.get(0)?, vector(&row.get::<_, String>(1)?)?)))
}

/// Returns the embeddings of images, in the order of `image_ids`.
pub(crate) fn embeddings_of(
    session: &Session<'_>,
    table: &VectorTable,
    image_ids: &[ImageId],
) -> Result<Vec<(ImageId, UnitVector)>, OracleError> {
    let mut found: HashMap<ImageId, UnitVector> = HashMap::with_capacity(image_ids.len());
    for ids in image_ids.chunks(MAX_IN_LIST) {
        let mut binds = Binds::none();
        let list = in_list("id", ids, &mut binds);
        let sql = format!(
            "SELECT e.image_id, FROM_VECTOR(e.embedding RETURNING CLOB) FROM {} e WHERE e.image_id IN ({list})",
            table.name
        );
        let most = ids.len().min(MAX_LOB_ROWS);
        found.extend(session.rows(&sql, &binds, most, |row| Ok((row.get(0)?, vector(&row.get::<_, String>(1)?)?)))?);
    }
    Ok(image_ids.iter().filter_map(|id| Some((*id, found.get(id)?.clone()))).collect())
}

/// The smallest and the largest number of image ids that one statement of [`missing`] walks over.
const MIN_RANGE: usize = 1_024;
const MAX_RANGE: usize = 262_144;

/// The factor by which a range grows when the range before held too few missing embeddings.
const RANGE_GROWTH: usize = 4;

/// Returns the images after `after` that lack an embedding, ascending by id.
///
/// The ids are walked in ranges that bound every table of a statement, so a join of any kind reads the range only. A
/// range starts small, because a new model lacks all embeddings, and grows while few are missing. All calls of a
/// pass together therefore read a small multiple of the collection, and no single statement reads much of it.
pub(crate) fn missing(
    session: &Session<'_>,
    table: &VectorTable,
    after: Option<ImageId>,
    skip_failed: bool,
    limit: usize,
) -> Result<Vec<ImageId>, OracleError> {
    let mut found = Vec::new();
    let mut after = after.unwrap_or_default();
    let mut range = limit.saturating_mul(RANGE_GROWTH).clamp(MIN_RANGE, MAX_RANGE);
    while found.len() < limit {
        // Deletions may have left a gap, so a range starts at an image.
        let next = "SELECT MIN(i.image_id) FROM images i WHERE i.image_id > :after";
        let first: Option<Option<ImageId>> =
            session.row(next, &Binds::none().with("after", after), |row| Ok(row.get(0)?))?;
        let Some(first) = first.flatten() else { break };
        let upto = (first - 1).saturating_add(ImageId::try_from(range).unwrap_or(ImageId::MAX));
        found.extend(missing_within(session, table, (first - 1, upto), skip_failed, limit - found.len())?);
        after = upto;
        range = range.saturating_mul(RANGE_GROWTH).min(MAX_RANGE);
    }
    Ok(found)
}

/// Returns the first images of a range of ids that lack an embedding.
fn missing_within(
    session: &Session<'_>,
    table: &VectorTable,
    (after, upto): (ImageId, ImageId),
    skip_failed: bool,
    limit: usize,
) -> Result<Vec<ImageId>, OracleError> {
    let mut binds = page_binds(Some(after), limit).with("upto", upto);
    let within = |alias: &str| format!("{alias}.image_id > :after AND {alias}.image_id <= :upto");
    let mut failed = String::new();
    if skip_failed {
        failed = format!(
            " AND NOT EXISTS (SELECT 1 FROM embedding_failures f \
             WHERE f.model_id = :model_id AND f.image_id = i.image_id AND {})",
            within("f")
        );
        binds = binds.with("model_id", table.model_id);
    }
    let sql = format!(
        "SELECT i.image_id FROM images i WHERE {} \
         AND NOT EXISTS (SELECT 1 FROM {} e WHERE e.image_id = i.image_id AND {}){failed} \
         ORDER BY i.image_id FETCH FIRST :take ROWS ONLY",
        within("i"),
        table.name,
        within("e")
    );
    session.rows(&sql, &binds, limit, |row| Ok(row.get(0)?))
}

/// Binds a page of rows. Ids start at 1, so 0 stands for the beginning.
fn page_binds(after: Option<ImageId>, limit: usize) -> Binds<'static> {
    Binds::none().with("after", after.unwrap_or_default()).with("take", Value::count(limit))
}

fn vector(text: &str) -> Result<UnitVector, OracleError> {
    Ok(value::parse_vector(text)?)
}
