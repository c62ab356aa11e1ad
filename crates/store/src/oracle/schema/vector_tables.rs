//! Makes the table of a model's embeddings, and the views that show all tables as one.

use oracle::{Connection, Row};

use super::copied_facts;
use crate::oracle::connection::codes::Class;
use crate::oracle::connection::error::{DriverError, OracleError};
use crate::oracle::connection::locks::{self, HeldLock};
use crate::oracle::connection::pool::{Manager, Pool};
use crate::oracle::connection::session::{self, execute, insert_returning, query, without_limit};
use crate::oracle::connection::value::{Binds, Value};
use crate::oracle::rows::facts::{COPIED_FACTS, CopiedFact};
use crate::oracle::rows::models::{self, VectorTable};
use crate::oracle::settings::OracleSettings;
use crate::{Model, ModelId, NewModel, StoreError};

const SELECT_BY_NAME: &str = "SELECT model_id, vector_dimension, vector_table FROM embedding_models \
                       WHERE model_name = :model_name AND model_version = :model_version \
                       ORDER BY model_id FETCH FIRST 1 ROWS ONLY";

/// A row of [`SELECT_BY_NAME`].
struct KnownModel {
    model_id: ModelId,
    dimension: Option<usize>,
    /// Whether the table of the model is complete.
    usable: bool,
}

/// Registers a model, or finds the model when it is registered already. Processes that register at once take turns.
pub(crate) fn register(pool: &Pool, settings: &OracleSettings, new: &NewModel) -> Result<Model, StoreError> {
    let finished = |known: &KnownModel| known.usable;
    let names = name_binds(new);
    let known = session::read(pool, |session| session.row(SELECT_BY_NAME, &names, read_known))?;
    let model_id = match known.filter(finished) {
        Some(known) => known.checked(new)?.model_id,
        None => make(pool.manager(), settings, new)?,
    };
    session::read(pool, |session| models::by_id(session, model_id))
}

fn make(manager: &Manager, settings: &OracleSettings, new: &NewModel) -> Result<ModelId, StoreError> {
    let make = || -> Result<ModelId, OracleError> {
        let _lock = HeldLock::take(manager, locks::MODELS)?;
        let connection = manager.connect_outside_pool()?;
        execute(&connection, "ALTER SESSION SET DDL_LOCK_TIMEOUT = 60", &Binds::none())?;
        let known = query(&connection, SELECT_BY_NAME, &name_binds(new), 1, &mut read_known)?.pop();
        let model_id = match known {
            Some(known) if known.usable => return Ok(known.checked(new)?.model_id),
            Some(known) => {
                let known = known.checked(new)?;
                set_dimension(&connection, known.model_id, new.vector_dimension)?;
                known.model_id
            }
            None => insert(&connection, settings, new)?,
        };
        // DDL commits. After an interruption from here on the row stays, and the next registration finishes the work.
        let table = VectorTable::new(model_id, new.vector_dimension);
        without_limit(&connection, manager.call_timeout(), || build(&connection, &table, &mut || Ok(())))?;
        Ok(model_id)
    };
    Ok(make()?)
}

fn name_binds(new: &NewModel) -> Binds<'_> {
    Binds::none().with("model_name", new.model_name.as_str()).with("model_version", new.model_version.as_str())
}

fn read_known(row: &Row) -> Result<KnownModel, OracleError> {
    let table: Option<String> = row.get(2)?;
    Ok(KnownModel { model_id: row.get(0)?, dimension: row.get(1)?, usable: table.is_some() })
}

impl KnownModel {
    /// Checks that the model has the dimension of a registration.
    ///
    /// # Errors
    /// [`StoreError::ModelDimension`] when the model is known with another dimension.
    fn checked(self, new: &NewModel) -> Result<Self, StoreError> {
        match self.dimension {
            Some(expected) if expected != new.vector_dimension => {
                Err(StoreError::ModelDimension { model_id: self.model_id, expected, found: new.vector_dimension })
            }
            _ => Ok(self),
        }
    }
}

fn insert(connection: &Connection, settings: &OracleSettings, new: &NewModel) -> Result<ModelId, OracleError> {
    let binds = name_binds(new)
        .with("vector_dimension", Value::count(new.vector_dimension))
        .with("organization", settings.vector_index.name())
        .with("model_id", Value::OutNumber);
    insert_returning(
        connection,
        "INSERT INTO embedding_models (model_name, model_version, vector_dimension, is_current, maintained, \
         index_organization) VALUES (:model_name, :model_version, :vector_dimension, 'N', 'N', :organization) RETURNING model_id INTO :model_id",
        &binds,
        "model_id",
    )
}

/// Writes the dimension of a row that has none.
pub(crate) fn set_dimension(connection: &Connection, model_id: ModelId, dimension: usize) -> Result<(), OracleError> {
    execute(
        connection,
        "UPDATE embedding_models SET vector_dimension = :dimension WHERE model_id = :model_id",
        &Binds::none().with("dimension", Value::count(dimension)).with("model_id", model_id),
    )?;
    Ok(())
}

/// Makes a model's table, lets `fill` insert rows, makes the views, and then makes the model visible. Every step may have
/// been done before. The vector index comes later, when there are rows to learn from.
pub(crate) fn build(
    connection: &Connection,
    table: &VectorTable,
    fill: &mut dyn FnMut() -> Result<(), OracleError>,
) -> Result<(), OracleError> {
    execute(connection, &table_ddl(table), &Binds::none())?;
    copied_facts::add_lacking(connection, table)?;
    fill()?;
    copied_facts::make_indexes(connection, table)?;
    make_views(connection, table)?;
    execute(
        connection,
        "UPDATE embedding_models SET vector_table = :vector_table, \
         is_current = CASE WHEN EXISTS (SELECT 1 FROM embedding_models c WHERE c.is_current = 'Y') \
         THEN is_current ELSE 'Y' END, \
         maintained = CASE WHEN EXISTS (SELECT 1 FROM embedding_models c WHERE c.is_current = 'Y') \
         THEN maintained ELSE 'Y' END WHERE model_id = :model_id",
        &Binds::none()
            .with("vector_table", Value::Text(Some(table.name.to_uppercase().into())))
            .with("model_id", table.model_id),
    )?;
    connection.commit().map_err(DriverError::from)?;
    log::info!("model {} keeps its embeddings in {}", table.model_id, table.name);
    Ok(())
}

fn table_ddl(table: &VectorTable) -> String {
    let VectorTable { name, dimension, .. } = table;
    let facts = COPIED_FACTS.iter().map(CopiedFact::definition).collect::<Vec<_>>().join(", ");
    format!(
        "CREATE TABLE IF NOT EXISTS {name} (image_id NUMBER NOT NULL CONSTRAINT {name}_pk PRIMARY KEY, \
         embedding VECTOR({dimension}, FLOAT32) NOT NULL, {facts}, CONSTRAINT {name}_fk FOREIGN KEY (image_id) \
         REFERENCES images (image_id) ON DELETE CASCADE)"
    )
}

/// Makes IMAGE_EMBEDDINGS and CURRENT_IMAGE_EMBEDDINGS over all tables and `new`. Only other programs read these views,
/// so a failure to make them is only logged.
fn make_views(connection: &Connection, new: &VectorTable) -> Result<(), OracleError> {
    let mut tables: Vec<ModelId> = query(
        connection,
        "SELECT model_id FROM embedding_models WHERE vector_table IS NOT NULL ORDER BY model_id",
        &Binds::none(),
        100,
        &mut |row| Ok(row.get(0)?),
    )?;
    if !tables.contains(&new.model_id) {
        tables.push(new.model_id);
    }
    // TO_VECTOR makes the dimension flexible, so that models of different dimensions fit into one view.
    let parts: Vec<String> = tables
        .iter()
        .map(|model_id| {
            format!(
                "SELECT e.image_id AS embedding_id, e.image_id, {model_id} AS model_id, \
                 TO_VECTOR(e.embedding, *, *) AS embedding FROM image_embeddings_{model_id} e"
            )
        })
        .collect();
    let views = [
        format!("CREATE OR REPLACE VIEW image_embeddings AS {}", parts.join(" UNION ALL ")),
        "CREATE OR REPLACE VIEW current_image_embeddings AS SELECT e.embedding_id, e.image_id, e.embedding \
         FROM image_embeddings e JOIN current_embedding_model m ON m.model_id = e.model_id"
            .to_owned(),
    ];
    for view in views {
        match execute(connection, &view, &Binds::none()) {
            Err(error) if error.class() == Some(Class::Lost) => return Err(error),
            Err(error) => log::warn!("the views for other programs are not up to date: {}", StoreError::from(error)),
            Ok(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_named_from_the_id_and_holds_one_dimension() {
        let table = VectorTable::new(7, 768);
        assert!(table_ddl(&table).starts_with("CREATE TABLE IF NOT EXISTS image_embeddings_7 ("));
        assert!(table_ddl(&table).contains("VECTOR(768, FLOAT32) NOT NULL, file_type VARCHAR2(50 CHAR), "));
    }
}
