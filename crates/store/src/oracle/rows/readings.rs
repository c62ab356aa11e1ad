//! The results of reading files again, and the version of the reader that has read each image.

use super::{columns, facts, images, tags};
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::{Binds, Value};
use crate::reading::Texts;
use crate::tags::Origin;
use crate::{Changes, ImageId, Reading};

/// Lists the images that a reader of a version before `reader_version` has read, in the order of the index.
pub(crate) fn read_before(
    session: &Session<'_>,
    reader_version: u32,
    after: Option<(u32, ImageId)>,
    limit: usize,
) -> Result<Vec<(u32, ImageId)>, OracleError> {
    let (after_version, after) = after.unwrap_or_default();
    // The first bound alone is a range of the index.
    session.rows(
        "SELECT i.reader_version, i.image_id FROM images i \
         WHERE i.reader_version >= :after_version AND i.reader_version < :reader_version \
         AND (i.reader_version > :after_version OR i.image_id > :after) \
         ORDER BY i.reader_version, i.image_id FETCH FIRST :take ROWS ONLY",
        &Binds::none()
            .with("after_version", i64::from(after_version))
            .with("reader_version", i64::from(reader_version))
            .with("after", after)
            .with("take", Value::count(limit)),
        limit,
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Counts the images that a reader of a version before `reader_version` has read.
pub(crate) fn count_read_before(session: &Session<'_>, reader_version: u32) -> Result<u64, OracleError> {
    let sql = "SELECT COUNT(*) FROM images i WHERE i.reader_version < :reader_version";
    let binds = Binds::none().with("reader_version", i64::from(reader_version));
    Ok(session.row(sql, &binds, |row| Ok(row.get(0)?))?.unwrap_or_default())
}

/// Puts the result of reading a file in the place of what was found in it before.
pub(crate) fn put(
    session: &Session<'_>,
    image_id: ImageId,
    reader_version: u32,
    reading: Option<&Reading<'_>>,
) -> Result<Option<Changes>, OracleError> {
    let this = || Binds::none().with("image_id", image_id);
    // The statement locks the row, so that no change of a caller comes between reading and writing the texts.
    let stamp = "UPDATE images SET reader_version = :reader_version WHERE image_id = :image_id";
    if session.execute(stamp, &this().with("reader_version", i64::from(reader_version)))? == 0 {
        return Ok(None);
    }
    let Some(reading) = reading else { return Ok(Some(Changes::default())) };
    let Some(before) = texts(session, image_id)? else { return Ok(None) };
    let after = before.read_again(reading);
    let changes = after.changes_since(&before);
    if (before.caption_origin, before.generation_prompt_origin)
        != (after.caption_origin, after.generation_prompt_origin)
    {
        session.execute(
            "UPDATE images SET caption_set = :caption_set, generation_prompt_set = :generation_prompt_set \
             WHERE image_id = :image_id",
            &this()
                .with("caption_set", Value::Number(after.caption_origin.map(Origin::number)))
                .with("generation_prompt_set", Value::Number(after.generation_prompt_origin.map(Origin::number))),
        )?;
    }
    if changes.caption {
        columns::set_caption(session, image_id, after.caption.as_deref())?;
    }
    if changes.generation_prompt {
        let (raw, parts) = (after.generation_prompt.as_deref(), after.generation.as_ref());
        columns::set_generation_prompt(session, image_id, raw, before.generation.as_ref(), parts)?;
    }
    if after.tags != before.tags {
        tags::replace(session, image_id, &after.tags)?;
    }
    if changes.taken {
        columns::set_taken(session, image_id, after.taken)?;
    }
    if changes.camera {
        columns::set_camera(session, image_id, after.camera.as_deref())?;
    }
    if changes.any()
        && let Some(image) = images::image(session, image_id)?
    {
        images::write_words(session, &image)?;
        facts::copy(session, image_id)?;
    }
    Ok(Some(changes))
}

/// Returns the texts of an image with their origins.
fn texts(session: &Session<'_>, image_id: ImageId) -> Result<Option<Texts>, OracleError> {
    let Some(image) = images::image(session, image_id)? else { return Ok(None) };
    let sql = "SELECT i.caption_set, i.generation_prompt_set, i.taken_set FROM images i WHERE i.image_id = :image_id";
    let this = Binds::none().with("image_id", image_id);
    let origins: Option<[Option<i64>; 3]> =
        session.row(sql, &this, |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?;
    let [caption_origin, generation_prompt_origin, taken_origin] =
        origins.unwrap_or_default().map(|number| number.map(Origin::from_number));
    Ok(Some(Texts {
        caption: image.caption,
        caption_origin,
        generation_prompt: image.generation_prompt,
        generation_prompt_origin,
        generation: image.generation,
        tags: tags::read(session, image_id)?,
        taken: image.taken,
        taken_origin: taken_origin.unwrap_or_default(),
        camera: image.camera,
    }))
}
