//! Takes over a database that the original application's own DDL made and its scripts filled.

use oracle::Connection;

use super::vector_tables;
use crate::oracle::connection::codes::Class;
use crate::oracle::connection::error::{DriverError, OracleError};
use crate::oracle::connection::session::{execute, query};
use crate::oracle::connection::value::{Binds, Value};
use crate::oracle::rows::foreign::{Examine, complete};
use crate::oracle::rows::models::VectorTable;
use crate::oracle::settings::OracleSettings;
use crate::{ImageId, ModelId};

/// The ids of the next images that another program stored.
const NEXT_BATCH: &str = "SELECT i.image_id FROM images i WHERE i.sha256 IS NULL AND i.image_id > :after \
                     ORDER BY i.image_id FETCH FIRST 64 ROWS ONLY";

/// Gives every model of the original application a table of its own, with its rows of IMAGE_EMBEDDINGS_ARTICLE. That
/// table stays as it is.
pub(crate) fn embeddings(connection: &Connection, _: &OracleSettings, _: &Examine) -> Result<(), OracleError> {
    let models: Vec<(ModelId, Option<usize>)> = query(
        connection,
        "SELECT model_id, vector_dimension FROM embedding_models WHERE vector_table IS NULL ORDER BY model_id",
        &Binds::none(),
        100,
        &mut |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (model_id, noted) in models {
        let found = dimension_in_use(connection, model_id)?;
        let Some(dimension) = noted.or(found) else {
            log::warn!("model {model_id} has neither a dimension nor an embedding and is left aside");
            continue;
        };
        if noted.is_none() {
            vector_tables::set_dimension(connection, model_id, dimension)?;
        }
        let table = VectorTable::new(model_id, dimension);
        vector_tables::build(connection, &table, &mut || {
            if found.is_some() { copy_embeddings(connection, &table) } else { Ok(()) }
        })?;
    }
    Ok(())
}

/// Returns the dimension of one of a model's vectors; `None` when the model has none, or the table does not exist.
fn dimension_in_use(connection: &Connection, model_id: ModelId) -> Result<Option<usize>, OracleError> {
    let found = query(
        connection,
        "SELECT VECTOR_DIMENSION_COUNT(a.embedding) FROM image_embeddings_article a \
         WHERE a.model_id = :model_id AND a.embedding IS NOT NULL FETCH FIRST 1 ROWS ONLY",
        &Binds::none().with("model_id", model_id),
        1,
        &mut |row| Ok(row.get(0)?),
    );
    match found {
        Err(error) if error.class() == Some(Class::NoTable) => Ok(None),
        other => Ok(other?.pop()),
    }
}

/// Copies the latest embedding of each image.
fn copy_embeddings(connection: &Connection, table: &VectorTable) -> Result<(), OracleError> {
    let name = &table.name;
    let copied = execute(
        connection,
        &format!(
            "INSERT INTO {name} (image_id, embedding) \
             SELECT a.image_id, a.embedding FROM image_embeddings_article a \
             WHERE a.model_id = :model_id AND a.image_id IS NOT NULL \
             AND VECTOR_DIMENSION_COUNT(a.embedding) = :dimension \
             AND a.embedding_id = (SELECT MAX(b.embedding_id) FROM image_embeddings_article b \
             WHERE b.model_id = a.model_id AND b.image_id = a.image_id \
             AND VECTOR_DIMENSION_COUNT(b.embedding) = :dimension) \
             AND NOT EXISTS (SELECT 1 FROM {name} e WHERE e.image_id = a.image_id)"
        ),
        &Binds::none().with("model_id", table.model_id).with("dimension", Value::count(table.dimension)),
    )?;
    connection.commit().map_err(DriverError::from)?;
    log::info!("{copied} embeddings of the original application are now in {name}");
    Ok(())
}

/// Completes every image that another program stored, a batch in a transaction. An interruption loses no more than one
/// batch's work, because a completed row has a hash.
pub(crate) fn complete_images(
    connection: &Connection,
    _: &OracleSettings,
    examine: &Examine,
) -> Result<(), OracleError> {
    let mut after: ImageId = 0;
    let mut count = 0;
    loop {
        let ids: Vec<ImageId> =
            query(connection, NEXT_BATCH, &Binds::none().with("after", after), 64, &mut |row| Ok(row.get(0)?))?;
        let Some(last) = ids.last() else { break };
        after = *last;
        for image_id in &ids {
            complete(connection, *image_id, examine)?;
        }
        connection.commit().map_err(DriverError::from)?;
        count += ids.len();
        log::info!("{count} images of the original application have been read");
    }
    if count > 0 {
        log::info!("{count} images of the original application have been taken over");
    }
    Ok(())
}
