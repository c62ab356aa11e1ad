//! Images that another program stored.

use oracle::Connection;
use oracle::sql_type::Timestamp;

use super::document::search_text;
use super::images::{generation_binds, generation_json, joined};
use crate::oracle::connection::codes::Class;
use crate::oracle::connection::error::Stop;
use crate::oracle::connection::session::{execute, query};
use crate::oracle::connection::value::{self, Binds, Value};
use crate::texts::Document;
use crate::{ImageId, Sha256};
use mitsuke_image::Generation;

/// What Mitsuke finds out about a picture that another program stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignFacts {
    /// Media type; `None` when the bytes are no picture that can be read.
    pub file_type: Option<&'static str>,
    /// Pixels across, orientation applied; 0 when unknown.
    pub width: u32,
    /// Pixels down, orientation applied; 0 when unknown.
    pub height: u32,
    /// The readable parts of the generation prompt.
    pub generation: Option<Generation>,
}

/// Examines bytes and generation prompt of a picture that another program stored. The store knows nothing of pictures,
/// so it is told how.
pub type Examine = dyn Fn(&[u8], Option<&str>) -> ForeignFacts + Send + Sync;

/// An image as another program stored it.
struct Foreign {
    bytes: Vec<u8>,
    file_name: String,
    file_type: String,
    upload_date: Option<Timestamp>,
    generation_prompt: Option<String>,
}

/// Writes what such a row lacks. The caller commits.
pub(crate) fn complete(connection: &Connection, image_id: ImageId, examine: &Examine) -> Result<(), Stop> {
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
