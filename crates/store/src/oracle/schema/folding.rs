//! Folds the texts of stored images anew, after a change of the way in which texts are folded and cut.

use std::borrow::Cow;
use std::collections::BTreeMap;

use oracle::Connection;

use super::copied_facts;
use crate::oracle::connection::error::{DriverError, OracleError};
use crate::oracle::connection::session::{MAX_LOB_ROWS, execute, query};
use crate::oracle::connection::value::{Binds, Value};
use crate::oracle::rows::document::search_text;
use crate::oracle::rows::images::join_captions;
use crate::text::{Document, folded_name};
use crate::{ImageId, generation};

/// The number of images that one transaction folds.
const BATCH: usize = 200;

/// The texts of an image as the tables hold them.
#[derive(Default)]
struct StoredTexts {
    file_name: String,
    generation_prompt: Option<String>,
    generation: Option<String>,
    caption: Option<String>,
}

/// Writes SEARCH_TEXT and FILE_NAME_FOLDED of every image, and copies the folded names into the embedding tables. An
/// image that has a folded name is done, so an interruption loses no more than one batch.
pub(crate) fn fold_all(connection: &Connection, version: i64) -> Result<(), OracleError> {
    let mut after: ImageId = 0;
    let mut count = 0;
    loop {
        let batch = stored_texts(connection, after)?;
        let Some((last, _)) = batch.last_key_value() else { break };
        after = *last;
        for (image_id, texts) in &batch {
            fold(connection, *image_id, texts)?;
        }
        connection.commit().map_err(DriverError::from)?;
        count += batch.len();
        log::info!("the texts of {count} images have been folded and indexed anew, up to image {after}");
    }
    copied_facts::fill(connection, version)
}

fn stored_texts(connection: &Connection, after: ImageId) -> Result<BTreeMap<ImageId, StoredTexts>, OracleError> {
    let mut batch: BTreeMap<ImageId, StoredTexts> = BTreeMap::new();
    query(
        connection,
        "SELECT i.image_id, i.file_name, i.generation_prompt, i.generation, d.description \
         FROM (SELECT n.image_id FROM images n WHERE n.image_id > :after AND n.file_name_folded IS NULL \
         ORDER BY n.image_id FETCH FIRST :take ROWS ONLY) b JOIN images i ON i.image_id = b.image_id \
         LEFT JOIN image_descriptions d ON d.image_id = i.image_id ORDER BY i.image_id, d.description_id",
        &Binds::none().with("after", after).with("take", Value::count(BATCH)),
        MAX_LOB_ROWS,
        &mut |row| {
            let texts = batch.entry(row.get(0)?).or_default();
            texts.file_name = row.get::<_, Option<String>>(1)?.unwrap_or_default();
            texts.generation_prompt = row.get(2)?;
            texts.generation = row.get(3)?;
            texts.caption = join_captions(texts.caption.take(), row.get(4)?);
            Ok(())
        },
    )?;
    Ok(batch)
}

fn fold(connection: &Connection, image_id: ImageId, texts: &StoredTexts) -> Result<(), OracleError> {
    let readable = generation::from_json(texts.generation.as_deref());
    let words = search_text(&Document {
        file_name: &texts.file_name,
        caption: texts.caption.as_deref(),
        // Tags came later.
        tags: &[],
        generation_prompt: texts.generation_prompt.as_deref(),
        generation: readable.as_ref(),
    });
    execute(
        connection,
        "UPDATE images SET search_text = :search_text, file_name_folded = :file_name_folded \
         WHERE image_id = :image_id",
        &Binds::none()
            .with("search_text", Value::Clob(Some(Cow::Owned(words))))
            .with("file_name_folded", Value::Text(Some(Cow::Owned(folded_name(&texts.file_name)))))
            .with("image_id", image_id),
    )?;
    Ok(())
}
