//! The rows of EMBEDDING_MODELS: all models, the current one, and the leases of backfills.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use oracle::Row;
use oracle::sql_type::Timestamp;

use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::locks;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::{self, Binds, Value};
use crate::{Coverage, Model, ModelId, StoreError};

/// Selects models. A row without a table belongs to an unfinished registration and is not a model yet.
const SELECT_MODELS: &str = "SELECT model_id, model_name, model_version, vector_dimension, is_current, maintained \
                      FROM embedding_models WHERE vector_table IS NOT NULL";

/// The number of embeddings that one transaction removes when a model is retired.
const DELETE_BATCH: usize = 5_000;

/// The table of a model's embeddings. Neither its name nor its dimension ever changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VectorTable {
    pub(crate) model_id: ModelId,
    /// The name, made from the id alone, so that it is safe inside a statement.
    pub(crate) name: String,
    pub(crate) dimension: usize,
}

impl VectorTable {
    /// Returns the table of a model.
    pub(crate) fn new(model_id: ModelId, dimension: usize) -> Self {
        Self { model_id, name: format!("image_embeddings_{model_id}"), dimension }
    }

    /// Checks that a vector fits the table.
    ///
    /// # Errors
    /// [`StoreError::ModelDimension`] when a vector does not fit.
    pub(crate) fn check(&self, found: usize) -> Result<(), StoreError> {
        if found == self.dimension {
            return Ok(());
        }
        Err(StoreError::ModelDimension { model_id: self.model_id, expected: self.dimension, found })
    }
}

/// The tables that this process has used. They are kept in memory, because neither a table nor the existence of a model
/// ever changes.
#[derive(Debug, Default)]
pub(crate) struct Tables(RwLock<HashMap<ModelId, VectorTable>>);

impl Tables {
    /// Returns the table of a model.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    pub(crate) fn get(&self, session: &Session<'_>, model_id: ModelId) -> Result<VectorTable, OracleError> {
        if let Some(table) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&model_id) {
            return Ok(table.clone());
        }
        let model = by_id(session, model_id)?;
        let table = VectorTable::new(model_id, model.vector_dimension);
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(model_id, table.clone());
        Ok(table)
    }
}

pub(crate) fn all(session: &Session<'_>) -> Result<Vec<Model>, OracleError> {
    session.rows(&format!("{SELECT_MODELS} ORDER BY model_id"), &Binds::none(), 100, read_model)
}

/// Returns the tables of all models, those of models that another process has registered meanwhile too.
pub(crate) fn tables(session: &Session<'_>) -> Result<Vec<VectorTable>, OracleError> {
    let models = all(session)?;
    Ok(models.iter().map(|model| VectorTable::new(model.model_id, model.vector_dimension)).collect())
}

pub(crate) fn current(session: &Session<'_>) -> Result<Option<Model>, OracleError> {
    session.row(&format!("{SELECT_MODELS} AND is_current = 'Y'"), &Binds::none(), read_model)
}

pub(crate) fn by_id(session: &Session<'_>, model_id: ModelId) -> Result<Model, OracleError> {
    let binds = Binds::none().with("model_id", model_id);
    let model = session.row(&format!("{SELECT_MODELS} AND model_id = :model_id"), &binds, read_model)?;
    Ok(model.ok_or(StoreError::UnknownModel(model_id))?)
}

pub(crate) fn coverage(session: &Session<'_>, table: &VectorTable) -> Result<Coverage, OracleError> {
    let sql = format!(
        "SELECT (SELECT COUNT(*) FROM {}) AS embedded, \
         (SELECT COUNT(*) FROM embedding_failures f WHERE f.model_id = :model_id) AS failed, \
         (SELECT COUNT(*) FROM images) AS total FROM dual",
        table.name
    );
    let coverage = session.row(&sql, &Binds::none().with("model_id", table.model_id), |row| {
        Ok(Coverage { embedded: row.get(0)?, failed: row.get(1)?, total: row.get(2)? })
    })?;
    Ok(coverage.ok_or_else(|| StoreError::Internal("counting gave no row".into()))?)
}

/// Makes a model current. The lock of all models keeps two switches from leaving two models current.
pub(crate) fn set_current(
    session: &Session<'_>,
    table: &VectorTable,
    allow_partial: bool,
) -> Result<Model, OracleError> {
    let model_id = table.model_id;
    locks::lock_in(session, locks::MODELS)?;
    by_id(session, model_id)?;
    if !allow_partial {
        let coverage = coverage(session, table)?;
        if !coverage.is_complete() {
            let Coverage { embedded, total, .. } = coverage;
            return Err(StoreError::Coverage { model_id, embedded, total }.into());
        }
    }
    let binds = Binds::none().with("model_id", model_id);
    // This order never leaves two rows current.
    session.execute(
        "UPDATE embedding_models SET is_current = 'N' WHERE is_current = 'Y' AND model_id <> :model_id",
        &binds,
    )?;
    session
        .execute("UPDATE embedding_models SET is_current = 'Y', maintained = 'Y' WHERE model_id = :model_id", &binds)?;
    by_id(session, model_id)
}

pub(crate) fn set_maintained(session: &Session<'_>, model_id: ModelId, maintained: bool) -> Result<Model, OracleError> {
    locks::lock_in(session, locks::MODELS)?;
    let model = by_id(session, model_id)?;
    if model.is_current && !maintained {
        return Err(StoreError::CurrentModel(model_id).into());
    }
    let flag = if maintained { "Y" } else { "N" };
    session.execute(
        "UPDATE embedding_models SET maintained = :maintained WHERE model_id = :model_id",
        &Binds::none().with("maintained", flag).with("model_id", model_id),
    )?;
    Ok(Model { maintained, ..model })
}

/// Removes some embeddings of a model that is not current, and its failures together with the last embedding. Returns
/// the number of removed embeddings.
pub(crate) fn delete_some_embeddings(session: &Session<'_>, table: &VectorTable) -> Result<u64, OracleError> {
    set_maintained(session, table.model_id, false)?;
    let name = &table.name;
    // TRUNCATE would leave a vector index unusable.
    let removed = session.execute(
        &format!(
            "DELETE FROM {name} WHERE image_id IN \
             (SELECT e.image_id FROM {name} e ORDER BY e.image_id FETCH FIRST :take ROWS ONLY)"
        ),
        &Binds::none().with("take", Value::count(DELETE_BATCH)),
    )?;
    if removed < DELETE_BATCH as u64 {
        session.execute(
            "DELETE FROM embedding_failures WHERE model_id = :model_id",
            &Binds::none().with("model_id", table.model_id),
        )?;
    }
    Ok(removed)
}

/// Returns whether [`delete_some_embeddings`] has removed the last embedding.
pub(crate) fn is_last_batch(removed: u64) -> bool {
    removed < DELETE_BATCH as u64
}

pub(crate) fn claim_backfill(
    session: &Session<'_>,
    model_id: ModelId,
    owner: &str,
    lease: Duration,
) -> Result<bool, OracleError> {
    by_id(session, model_id)?;
    let now = now(session)?;
    let until = now.checked_add(time::Duration::try_from(lease).unwrap_or(time::Duration::MAX)).unwrap_or(now);
    let claimed = session.execute(
        "UPDATE embedding_models SET backfill_owner = :owner, backfill_until = :until \
         WHERE model_id = :model_id AND (backfill_owner IS NULL OR backfill_owner = :owner \
         OR backfill_until IS NULL OR backfill_until <= :now)",
        &Binds::none()
            .with("owner", owner)
            .with("until", value::timestamp(until))
            .with("model_id", model_id)
            .with("now", value::timestamp(now)),
    )?;
    Ok(claimed > 0)
}

pub(crate) fn release_backfill(session: &Session<'_>, model_id: ModelId, owner: &str) -> Result<(), OracleError> {
    by_id(session, model_id)?;
    session.execute(
        "UPDATE embedding_models SET backfill_owner = NULL, backfill_until = NULL \
         WHERE model_id = :model_id AND backfill_owner = :owner",
        &Binds::none().with("model_id", model_id).with("owner", owner),
    )?;
    Ok(())
}

/// Returns the time of the database's clock, which all processes share.
fn now(session: &Session<'_>) -> Result<time::OffsetDateTime, OracleError> {
    let now = session.row("SELECT SYS_EXTRACT_UTC(SYSTIMESTAMP) FROM dual", &Binds::none(), |row| {
        Ok(value::to_date(&row.get::<_, Timestamp>(0)?)?)
    })?;
    Ok(now.ok_or_else(|| StoreError::Internal("the database tells no time".into()))?)
}

/// Reads a row with the columns of [`SELECT_MODELS`].
pub(crate) fn read_model(row: &Row) -> Result<Model, OracleError> {
    let yes = |column: usize| -> Result<bool, OracleError> {
        Ok(row.get::<_, Option<String>>(column)?.as_deref() == Some("Y"))
    };
    Ok(Model {
        model_id: row.get(0)?,
        model_name: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
        model_version: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
        vector_dimension: row.get(3)?,
        is_current: yes(4)?,
        maintained: yes(5)?,
    })
}
