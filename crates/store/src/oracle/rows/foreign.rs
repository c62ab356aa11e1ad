//! Rows of images that another program stored.

use std::collections::BTreeSet;

use oracle::Connection;
use oracle::sql_type::Timestamp;

use super::columns::{generation_binds, generation_json, name_binds};
use super::document::search_text;
use super::images::join_captions;
use super::{loras, words};
use crate::oracle::connection::codes::Class;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::{Session, execute, query};
use crate::oracle::connection::value::{self, Binds, Value};
use crate::text::Document;
use crate::{ImageId, Sha256};
use mitsuke_image::Generation;

/// The facts that Mitsuke finds out about a picture that another program stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignFacts {
    /// The media type; `None` when the bytes are not a readable picture.
    pub file_type: Option<&'static str>,
    /// The width in pixels after the orientation is applied; 0 when unknown.
    pub width: u32,
    /// The height in pixels after the orientation is applied; 0 when unknown.
    pub height: u32,
    /// The readable parts of the generation prompt.
    pub generation: Option<Generation>,
}

/// A function that examines the bytes and the generation prompt of a picture that another program stored. The store
/// cannot read pictures, so the owner of the store passes this function in.
pub type Examine = dyn Fn(&[u8], Option<&str>) -> ForeignFacts + Send + Sync;

/// The columns that another program writes.
struct ForeignRow {
    bytes: Vec<u8>,
    file_name: String,
    file_type: String,
    upload_date: Option<Timestamp>,
    generation_prompt: Option<String>,
}

/// A row that has been completed: what further facts are made of.
pub(crate) struct Completed {
    file_name: String,
    generation: Option<Generation>,
}

/// Fills the columns that a row of another program lacks; `None` when it lacks none. The caller commits.
///
/// The first migrations that take over a database call this, so it writes only columns that exist by then.
pub(crate) fn complete(
    connection: &Connection,
    image_id: ImageId,
    examine: &Examine,
) -> Result<Option<Completed>, OracleError> {
    let this = || Binds::none().with("image_id", image_id);
    let row = query(
        connection,
        "SELECT i.image_data, i.file_name, i.file_type, i.upload_date, i.generation_prompt FROM images i \
         WHERE i.image_id = :image_id",
        &this(),
        1,
        &mut |row| {
            Ok(ForeignRow {
                bytes: row.get::<_, Option<Vec<u8>>>(0)?.unwrap_or_default(),
                file_name: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                file_type: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                upload_date: row.get(3)?,
                generation_prompt: row.get(4)?,
            })
        },
    )?;
    let Some(foreign) = row.into_iter().next() else { return Ok(None) };
    let captions: Vec<Option<String>> = query(
        connection,
        "SELECT d.description FROM image_descriptions d WHERE d.image_id = :image_id ORDER BY d.description_id",
        &this(),
        10,
        &mut |row| Ok(row.get(0)?),
    )?;
    let caption = captions.into_iter().fold(None, join_captions);

    let facts = examine(&foreign.bytes, foreign.generation_prompt.as_deref());
    let words = search_text(&Document {
        file_name: &foreign.file_name,
        caption: caption.as_deref(),
        // Other programs know no tags.
        tags: &[],
        generation_prompt: foreign.generation_prompt.as_deref(),
        generation: facts.generation.as_ref(),
    });
    // The scripts of the original application store the extension of the file (".png") instead of a media type.
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
    let completed = match write(Some(sha256)) {
        // The row is a duplicate of an earlier one. It stays, and the earlier one answers for the bytes.
        Err(error) if error.class() == Some(Class::Unique) => write(None)?,
        other => other?,
    };
    Ok((completed > 0).then_some(Completed { file_name: foreign.file_name, generation: facts.generation }))
}

/// Writes the facts that are made of the columns of a completed row.
pub(crate) fn write_made_facts(
    session: &Session<'_>,
    image_id: ImageId,
    completed: &Completed,
) -> Result<(), OracleError> {
    session.execute(
        "UPDATE images SET file_name_folded = :file_name_folded, file_name_key = :file_name_key \
         WHERE image_id = :image_id",
        &Binds::none().with("image_id", image_id).and(name_binds(&completed.file_name)),
    )?;
    let generation = completed.generation.as_ref();
    loras::insert(&|sql, binds| session.execute(sql, binds), image_id, generation)?;
    words::change(session, &BTreeSet::new(), &words::words_of(generation))
}
