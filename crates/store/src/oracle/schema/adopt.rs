//! Taking over a database that the article's own DDL made and its scripts filled.

use oracle::Connection;

use super::vector_tables;
use crate::oracle::connection::codes::Class;
use crate::oracle::connection::error::{Failure, Stop};
use crate::oracle::connection::session::{execute, query};
use crate::oracle::connection::value::{Binds, Value};
use crate::oracle::rows::foreign::{Examine, complete};
use crate::oracle::rows::models::VectorTable;
use crate::oracle::settings::OracleSettings;
use crate::{ImageId, ModelId};

/// Ids that are read at a time.
const BATCH: &str = "SELECT i.image_id FROM images i WHERE i.sha256 IS NULL AND i.image_id > :after \
                     ORDER BY i.image_id FETCH FIRST 64 ROWS ONLY";

/// Gives every model of the article a table of its own with its rows of the mixed one. That table stays as it is.
pub(crate) fn embeddings(connection: &Connection, settings: &OracleSettings, _: &Examine) -> Result<(), Stop> {
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
        vector_tables::build(connection, &table, settings, &mut || {
            if found.is_some() { copy_embeddings(connection, &table) } else { Ok(()) }
        })?;
    }
    Ok(())
}

/// The dimension of one of a model's vectors; `None` when there is none, or no table of the article.
fn dimension_in_use(connection: &Connection, model_id: ModelId) -> Result<Option<usize>, Stop> {
    let found = query(
        connection,
        "SELECT VECTOR_DIMENSION_COUNT(a.embedding) FROM image_embeddings_article a \
         WHERE a.model_id = :model_id AND a.embedding IS NOT NULL FETCH FIRST 1 ROWS ONLY",
        &Binds::none().with("model_id", model_id),
        1,
        &mut |row| Ok(row.get(0)?),
    );
    match found {
        Err(stop) if stop.class() == Some(Class::NoTable) => Ok(None),
        other => Ok(other?.pop()),
    }
}

/// Of several embeddings of one image, the latest.
fn copy_embeddings(connection: &Connection, table: &VectorTable) -> Result<(), Stop> {
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
    connection.commit().map_err(Failure::from)?;
    log::info!("{copied} embeddings of the article are now in {name}");
    Ok(())
}

/// Completes every image that another program stored, a batch in a transaction. A stop loses no more than that batch's
/// work: what is done is marked by its hash.
pub(crate) fn complete_images(connection: &Connection, _: &OracleSettings, examine: &Examine) -> Result<(), Stop> {
    let mut after: ImageId = 0;
    let mut count = 0;
    loop {
        let ids: Vec<ImageId> =
            query(connection, BATCH, &Binds::none().with("after", after), 64, &mut |row| Ok(row.get(0)?))?;
        let Some(last) = ids.last() else { break };
        after = *last;
        for image_id in &ids {
            complete(connection, *image_id, examine)?;
        }
        connection.commit().map_err(Failure::from)?;
        count += ids.len();
        log::info!("{count} images of the article have been read");
    }
    if count > 0 {
        log::info!("{count} images of the article have been taken over");
    }
    Ok(())
}
