//! Taking over a database that the article's own DDL made and its scripts filled.

use oracle::Connection;
use oracle::sql_type::Timestamp;

use super::codes::Class;
use super::document::search_text;
use super::error::{Failure, Stop};
use super::images::{generation_binds, generation_json, joined};
use super::models::VectorTable;
use super::session::{execute, query};
use super::value::{self, Binds, Value};
use super::{Examine, OracleSettings, vector_tables};
use crate::texts::Document;
use crate::{ImageId, ModelId, Sha256};

/// Ids that are read at a time.
const BATCH: &str = "SELECT i.image_id FROM images i WHERE i.sha256 IS NULL AND i.image_id > :after \
                     ORDER BY i.image_id FETCH FIRST 64 ROWS ONLY";

/// Gives every model of the article a table of its own with its rows of the mixed one. That table stays as it is.
pub(super) fn embeddings(connection: &Connection, settings: &OracleSettings, _: &Examine) -> Result<(), Stop> {
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
pub(super) fn complete_images(connection: &Connection, _: &OracleSettings, examine: &Examine) -> Result<(), Stop> {
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

/// An image as another program stored it.
struct Foreign {
    bytes: Vec<u8>,
    file_name: String,
    file_type: String,
    upload_date: Option<Timestamp>,
    generation_prompt: Option<String>,
}

/// Writes what such a row lacks. The caller commits.
pub(super) fn complete(connection: &Connection, image_id: ImageId, examine: &Examine) -> Result<(), Stop> {
    let this = || Binds::none().with("image_id", image_id);
    let row = query(
        connection,
        "SELECT i.image_data, i.file_name, i.file_type, i.upload_date, i.generation_prompt FROM images i \
         WHERE i.image_id = :image_id",
        &this(),
        1,
        &mut |row| {
            Ok(Foreign {
                bytes: row.get::<_, Option<Vec<u8>>>(0)?.unwrap_or_default(),
                file_name: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                file_type: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                upload_date: row.get(3)?,
                generation_prompt: row.get(4)?,
            })
        },
    )?;
    let Some(foreign) = row.into_iter().next() else { return Ok(()) };
    let captions: Vec<Option<String>> = query(
        connection,
        "SELECT d.description FROM image_descriptions d WHERE d.image_id = :image_id ORDER BY d.description_id",
        &this(),
        10,
        &mut |row| Ok(row.get(0)?),
    )?;
    let caption = captions.into_iter().fold(None, joined);

    let facts = examine(&foreign.bytes, foreign.generation_prompt.as_deref());
    let words = search_text(&Document {
        file_name: &foreign.file_name,
        caption: caption.as_deref(),
        generation_prompt: foreign.generation_prompt.as_deref(),
        generation: facts.generation.as_ref(),
    });
    // The article's scripts note the extension of the file (".png") instead of a media type.
    let file_type = facts.file_type.unwrap_or(foreign.file_type.as_str());
    let upload_date = match foreign.upload_date {
        Some(date) => Value::Date(Some(date)),
        None => value::timestamp(time::OffsetDateTime::now_utc()),
    };
    let sha256 = Sha256::of(&foreign.bytes);
    let write = |key: Option<Sha256>| {
        execute(
            connection,
            "UPDATE images SET byte_count = :byte_count, width = :width, height = :height, file_type = :file_type, \
             sha256 = :sha256, sha256_key = :sha256_key, upload_date = :upload_date, \
             generation_model = :generation_model, generation_sampler = :generation_sampler, \
             generation_seed = :generation_seed, generation = :generation, search_text = :search_text \
             WHERE image_id = :image_id AND sha256 IS NULL",
            &this()
                .with("byte_count", Value::count(foreign.bytes.len()))
                .with("width", i64::from(facts.width))
                .with("height", i64::from(facts.height))
                .with("file_type", file_type)
                .with("sha256", sha256)
                .with("sha256_key", Value::Hash(key))
                .with("upload_date", upload_date.clone())
                .and(generation_binds(facts.generation.as_ref()))
                .with("generation", generation_json(facts.generation.as_ref()))
                .with("search_text", Value::clob(Some(&words))),
        )
    };
    match write(Some(sha256)) {
        // The same picture again: it stays, and the first one answers for the bytes.
        Err(stop) if stop.class() == Some(Class::Unique) => _ = write(None)?,
        other => _ = other?,
    }
    Ok(())
}
