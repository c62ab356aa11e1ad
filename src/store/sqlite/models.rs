//! Rows of EMBEDDING_MODELS: registering, coverage, switching.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::images::unsigned;
use crate::store::{Model, ModelId, NewModel, StoreError};

const COLUMNS: &str = "SELECT model_id, model_name, model_version, vector_dimension, is_current, embedded,
    (SELECT value FROM store_facts WHERE name = 'image_count') FROM embedding_models";

pub(super) fn register(transaction: &Transaction<'_>, new: &NewModel) -> Result<Model, StoreError> {
    let dimension = i64::try_from(new.vector_dimension).unwrap_or(i64::MAX);
    transaction.execute(
        "INSERT INTO embedding_models (model_name, model_version, vector_dimension, is_current)
         VALUES (?, ?, ?, NOT EXISTS (SELECT 1 FROM embedding_models))
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

pub(super) fn all(connection: &Connection) -> Result<Vec<Model>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} ORDER BY model_id"))?;
    let models = statement.query_map([], model_of)?.collect::<Result<_, _>>()?;
    Ok(models)
}

pub(super) fn current(connection: &Connection) -> Result<Option<Model>, StoreError> {
    let sql = format!("{COLUMNS} WHERE model_id = (SELECT model_id FROM current_embedding_model)");
    Ok(connection.prepare_cached(&sql)?.query_row([], model_of).optional()?)
}

pub(super) fn by_id(connection: &Connection, model_id: ModelId) -> Result<Model, StoreError> {
    let model = connection
        .prepare_cached(&format!("{COLUMNS} WHERE model_id = ?"))?
        .query_row([model_id], model_of)
        .optional()?;
    model.ok_or(StoreError::UnknownModel(model_id))
}

pub(super) fn set_current(
    transaction: &Transaction<'_>,
    model_id: ModelId,
    allow_partial: bool,
) -> Result<Model, StoreError> {
    let model = by_id(transaction, model_id)?;
    if model.embedded < model.total && !allow_partial {
        return Err(StoreError::Coverage { model_id, embedded: model.embedded, total: model.total });
    }
    // Two steps, because at no moment may two rows be current; nobody outside the transaction sees between them.
    transaction.execute("UPDATE embedding_models SET is_current = 0 WHERE is_current = 1", [])?;
    transaction.execute("UPDATE embedding_models SET is_current = 1 WHERE model_id = ?", [model_id])?;
    Ok(Model { is_current: true, ..model })
}

fn model_of(row: &Row<'_>) -> rusqlite::Result<Model> {
    Ok(Model {
        model_id: row.get(0)?,
        model_name: row.get(1)?,
        model_version: row.get(2)?,
        vector_dimension: row.get::<_, u16>(3)?.into(),
        is_current: row.get(4)?,
        embedded: unsigned(row, 5)?,
        total: unsigned(row, 6)?,
    })
}
