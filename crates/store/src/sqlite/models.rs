//! Rows of EMBEDDING_MODELS: registration, coverage, the current model, and the leases of backfills.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use time::OffsetDateTime;

use super::values::{micros, unsigned};
use crate::{Coverage, Model, ModelId, NewModel, StoreError};

const COLUMNS: &str = "SELECT model_id, model_name, model_version, vector_dimension, is_current, maintained
    FROM embedding_models";

/// Adds a model, or finds the model with the same name and version. The first one becomes current and maintained.
pub(super) fn register(transaction: &Transaction<'_>, new: &NewModel) -> Result<Model, StoreError> {
    let dimension = i64::try_from(new.vector_dimension).unwrap_or(i64::MAX);
    transaction.execute(
        "INSERT INTO embedding_models (model_name, model_version, vector_dimension, is_current, maintained)
         SELECT ?, ?, ?, first, first FROM (SELECT NOT EXISTS (SELECT 1 FROM embedding_models) AS first) WHERE 1
         ON CONFLICT (model_name, model_version) DO NOTHING",
        params![new.model_name, new.model_version, dimension],
    )?;
    let model = transaction.query_row(
        &format!("{COLUMNS} WHERE model_name = ? AND model_version = ?"),
        params![new.model_name, new.model_version],
        model_of,
    )?;
    if model.vector_dimension == new.vector_dimension {
        Ok(model)
    } else {
        Err(StoreError::ModelDimension {
            model_id: model.model_id,
            expected: model.vector_dimension,
            found: new.vector_dimension,
        })
    }
}

/// Lists all models, in the order of their ids.
pub(super) fn all(connection: &Connection) -> Result<Vec<Model>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} ORDER BY model_id"))?;
    let models = statement.query_map([], model_of)?.collect::<Result<_, _>>()?;
    Ok(models)
}

/// Reads the current model.
pub(super) fn current(connection: &Connection) -> Result<Option<Model>, StoreError> {
    let sql = format!("{COLUMNS} WHERE model_id = (SELECT model_id FROM current_embedding_model)");
    Ok(connection.prepare_cached(&sql)?.query_row([], model_of).optional()?)
}

/// Reads a model.
///
/// # Errors
/// [`StoreError::UnknownModel`].
pub(super) fn by_id(connection: &Connection, model_id: ModelId) -> Result<Model, StoreError> {
    let model = connection
        .prepare_cached(&format!("{COLUMNS} WHERE model_id = ?"))?
        .query_row([model_id], model_of)
        .optional()?;
    model.ok_or(StoreError::UnknownModel(model_id))
}

/// Reads the coverage of a model, which triggers keep up to date.
pub(super) fn coverage(connection: &Connection, model_id: ModelId) -> Result<Coverage, StoreError> {
    let coverage = connection
        .prepare_cached(
            "SELECT embedded, failed, (SELECT value FROM store_facts WHERE name = 'image_count')
             FROM embedding_models WHERE model_id = ?",
        )?
        .query_row([model_id], |row| {
            Ok(Coverage { embedded: unsigned(row, 0)?, failed: unsigned(row, 1)?, total: unsigned(row, 2)? })
        })
        .optional()?;
    coverage.ok_or(StoreError::UnknownModel(model_id))
}

/// Makes a model current and maintained.
///
/// # Errors
/// [`StoreError::UnknownModel`]; [`StoreError::Coverage`] while images lack an embedding, unless `allow_partial`.
pub(super) fn set_current(
    transaction: &Transaction<'_>,
    model_id: ModelId,
    allow_partial: bool,
) -> Result<Model, StoreError> {
    let coverage = coverage(transaction, model_id)?;
    if !coverage.is_complete() && !allow_partial {
        return Err(StoreError::Coverage { model_id, embedded: coverage.embedded, total: coverage.total });
    }
    // The schema allows only one current row, hence two steps. Nothing outside the transaction sees the state between
    // them.
    transaction.execute("UPDATE embedding_models SET is_current = 0 WHERE is_current = 1", [])?;
    transaction.execute("UPDATE embedding_models SET is_current = 1, maintained = 1 WHERE model_id = ?", [model_id])?;
    by_id(transaction, model_id)
}

/// Sets whether a model is maintained.
///
/// # Errors
/// [`StoreError::UnknownModel`]; [`StoreError::CurrentModel`] when the current model is to be left unmaintained.
pub(super) fn set_maintained(
    transaction: &Transaction<'_>,
    model_id: ModelId,
    maintained: bool,
) -> Result<Model, StoreError> {
    let model = by_id(transaction, model_id)?;
    if model.is_current && !maintained {
        return Err(StoreError::CurrentModel(model_id));
    }
    transaction
        .execute("UPDATE embedding_models SET maintained = ? WHERE model_id = ?", params![maintained, model_id])?;
    Ok(Model { maintained, ..model })
}

/// Takes or renews the lease of a backfill. Returns false while another owner holds it.
pub(super) fn claim_backfill(
    transaction: &Transaction<'_>,
    model_id: ModelId,
    owner: &str,
    lease: Duration,
) -> Result<bool, StoreError> {
    by_id(transaction, model_id)?;
    let now = OffsetDateTime::now_utc();
    let lease = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
    let claimed = transaction.execute(
        "UPDATE embedding_models SET backfill_owner = ?1, backfill_until = ?2
         WHERE model_id = ?3 AND (backfill_owner IS NULL OR backfill_owner = ?1 OR backfill_until <= ?4)",
        params![owner, micros(now).saturating_add(lease), model_id, micros(now)],
    )?;
    Ok(claimed > 0)
}

/// Ends the leases of all backfills.
pub(super) fn release_all_backfills(connection: &Connection) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE embedding_models SET backfill_owner = NULL, backfill_until = NULL WHERE backfill_owner IS NOT NULL",
        [],
    )?;
    Ok(())
}

/// Ends the lease of a backfill, if `owner` holds it.
pub(super) fn release_backfill(
    transaction: &Transaction<'_>,
    model_id: ModelId,
    owner: &str,
) -> Result<(), StoreError> {
    by_id(transaction, model_id)?;
    transaction.execute(
        "UPDATE embedding_models SET backfill_owner = NULL, backfill_until = NULL
         WHERE model_id = ? AND backfill_owner = ?",
        params![model_id, owner],
    )?;
    Ok(())
}

fn model_of(row: &Row<'_>) -> rusqlite::Result<Model> {
    Ok(Model {
        model_id: row.get(0)?,
        model_name: row.get(1)?,
        model_version: row.get(2)?,
        vector_dimension: row.get::<_, u16>(3)?.into(),
        is_current: row.get(4)?,
        maintained: row.get(5)?,
    })
}
