//! The results of reading files again, and the version of the reader that has read each image.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::tags;
use super::values::{count, unsigned};
use super::{columns, images};
use crate::reading::Texts;
use crate::tags::Origin;
use crate::{Changes, ImageId, Reading, StoreError};

/// Lists the images that a reader of a version before `reader_version` has read.
pub(super) fn read_before(
    connection: &Connection,
    reader_version: u32,
    after: Option<(u32, ImageId)>,
    limit: usize,
) -> Result<Vec<(u32, ImageId)>, StoreError> {
    let (after_version, after) = after.unwrap_or_default();
    // INDEXED BY makes any plan an error that does not read this index in its order.
    let mut statement = connection.prepare_cached(
        "SELECT reader_version, image_id FROM images INDEXED BY images_by_reader
         WHERE reader_version < ? AND (reader_version, image_id) > (?, ?) ORDER BY reader_version, image_id LIMIT ?",
    )?;
    let images = statement
        .query_map(params![reader_version, after_version, after, count(limit)], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(images)
}

/// Counts the images that a reader of a version before `reader_version` has read.
pub(super) fn count_read_before(connection: &Connection, reader_version: u32) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT count(*) FROM images WHERE reader_version < ?")?;
    Ok(statement.query_row([reader_version], |row| unsigned(row, 0))?)
}

/// Puts the result of reading a file in the place of what was found in it before.
pub(super) fn put(
    transaction: &Transaction<'_>,
    image_id: ImageId,
    reader_version: u32,
    reading: Option<&Reading<'_>>,
) -> Result<Option<Changes>, StoreError> {
    let Some(before) = texts(transaction, image_id)? else { return Ok(None) };
    let after = reading.map_or_else(|| before.clone(), |reading| before.read_again(reading));
    let changes = after.changes_since(&before);
    transaction
        .prepare_cached(
            "UPDATE images SET reader_version = ?, caption_set = ?, generation_prompt_set = ? WHERE image_id = ?",
        )?
        .execute(params![
            reader_version,
            after.caption_origin.map(Origin::number),
            after.generation_prompt_origin.map(Origin::number),
            image_id
        ])?;
    if changes.caption {
        columns::set_caption(transaction, image_id, after.caption.as_deref())?;
    }
    if changes.generation_prompt {
        let (raw, parts) = (after.generation_prompt.as_deref(), after.generation.as_ref());
        columns::set_generation_prompt(transaction, image_id, raw, parts)?;
    }
    if after.tags != before.tags {
        tags::replace(transaction, image_id, &after.tags)?;
    }
    if changes.taken {
        columns::set_taken(transaction, image_id, after.taken)?;
    }
    if changes.camera {
        columns::set_camera(transaction, image_id, after.camera.as_deref())?;
    }
    if changes.any()
        && let Some(image) = images::image(transaction, image_id)?
    {
        images::index_words(transaction, &image)?;
    }
    Ok(Some(changes))
}

/// Reads the texts of an image with their origins.
fn texts(connection: &Connection, image_id: ImageId) -> Result<Option<Texts>, StoreError> {
    let Some(image) = images::image(connection, image_id)? else { return Ok(None) };
    let origins = connection
        .prepare_cached("SELECT caption_set, generation_prompt_set, taken_set FROM images WHERE image_id = ?")?
        .query_row([image_id], |row| Ok([row.get::<_, Option<i64>>(0)?, row.get(1)?, row.get(2)?]))
        .optional()?
        .unwrap_or_default();
    let [caption_origin, generation_prompt_origin, taken_origin] =
        origins.map(|number| number.map(Origin::from_number));
    Ok(Some(Texts {
        caption: image.caption,
        caption_origin,
        generation_prompt: image.generation_prompt,
        generation_prompt_origin,
        generation: image.generation,
        tags: tags::read(connection, image_id)?,
        taken: image.taken,
        taken_origin: taken_origin.unwrap_or_default(),
        camera: image.camera,
    }))
}
