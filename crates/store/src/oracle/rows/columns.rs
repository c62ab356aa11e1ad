//! Columns of IMAGES: the values that they hold, and their changes.

use std::borrow::Cow;

use super::{loras, words};
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::{self, Binds, Value};
use crate::source_path::folded_folder;
use crate::tags::Origin;
use crate::taken::stored_taken;
use crate::text::{folded, folded_name, natural_key};
use crate::{ImageId, ImagePatch, TakenAt, clean_source_path, folder_of, generation};
use mitsuke_image::Generation;

/// The number of characters of a value that rows hold and filters compare.
const PART_CHARS: usize = 255;

/// The number of characters of a folder that rows hold and filters compare.
const FOLDER_CHARS: usize = 1_000;

/// Returns the values of the columns of the readable prompt that filters compare.
pub(crate) fn generation_binds(generation: Option<&Generation>) -> Binds<'static> {
    let text = |part: Option<&String>| Value::Text(part.map(|part| Cow::Owned(folded_part(part))));
    Binds::none()
        .with("generation_model", text(generation.and_then(|parts| parts.model.as_ref())))
        .with("generation_sampler", text(generation.and_then(|parts| parts.sampler.as_ref())))
        .with("generation_seed", Value::Unsigned(generation.and_then(|parts| parts.seed)))
}

/// Returns the value of the column GENERATION.
pub(crate) fn generation_json(generation: Option<&Generation>) -> Value<'static> {
    Value::Clob(generation.map(|parts| Cow::Owned(generation::to_json(parts))))
}

/// Folds a model or sampler into the form that rows hold and filters compare.
pub(crate) fn folded_part(part: &str) -> String {
    part.to_ascii_lowercase().chars().take(PART_CHARS).collect()
}

/// Folds a camera into the form that rows hold and filters compare.
pub(crate) fn folded_camera(camera: &str) -> String {
    folded(camera).chars().take(PART_CHARS).collect()
}

/// Returns the values of the columns of a file name that are made of it.
pub(crate) fn name_binds(file_name: &str) -> Binds<'static> {
    Binds::none()
        .with("file_name_folded", Value::Text(Some(Cow::Owned(folded_name(file_name)))))
        .with("file_name_key", key_value(natural_key(file_name)))
}

/// Returns a key of the natural order as rows hold it. Oracle takes an empty RAW for NULL, so the key of an empty name is
/// the smallest other one.
pub(crate) fn key_value(key: Vec<u8>) -> Value<'static> {
    Value::Raw(Some(if key.is_empty() { vec![0] } else { key }))
}

/// Returns the values of the columns of the time at which a picture was taken.
pub(crate) fn taken_binds(taken: Option<TakenAt>) -> Binds<'static> {
    let taken = taken.map(stored_taken);
    let offset = taken.and_then(|taken| taken.offset).map(|offset| offset.whole_minutes().into());
    Binds::none()
        .with("taken_local", taken.map_or(Value::Date(None), |taken| value::timestamp(taken.local.assume_utc())))
        .with("taken_offset", Value::Number(offset))
}

/// Returns the values of the columns of a camera.
pub(crate) fn camera_binds(camera: Option<&str>) -> Binds<'static> {
    let spelled = camera.map(|camera| camera.chars().take(PART_CHARS).collect());
    Binds::none()
        .with("camera", Value::Text(spelled.map(Cow::Owned)))
        .with("camera_folded", Value::Text(camera.map(|camera| Cow::Owned(folded_camera(camera)))))
}

/// Returns the values of the columns of a path.
pub(crate) fn path_binds(path: Option<&str>) -> Binds<'static> {
    let path = path.and_then(clean_source_path);
    let folder = path.as_deref().map(|path| folded_folder(&folder_of(path)).chars().take(FOLDER_CHARS).collect());
    Binds::none()
        .with("source_path", Value::Text(path.map(Cow::Owned)))
        .with("folder_folded", Value::Text(folder.map(Cow::Owned)))
}

/// Changes the name, the path and the time. [`mark_set`] notes that a caller has set the time.
pub(crate) fn patch_origin(session: &Session<'_>, image_id: ImageId, patch: &ImagePatch) -> Result<(), OracleError> {
    let this = || Binds::none().with("image_id", image_id);
    if let Some(name) = &patch.file_name {
        session.execute(
            "UPDATE images SET file_name = :file_name, file_name_folded = :file_name_folded, \
             file_name_key = :file_name_key WHERE image_id = :image_id",
            &this().with("file_name", name.as_str()).and(name_binds(name)),
        )?;
    }
    if let Some(path) = &patch.source_path {
        session.execute(
            "UPDATE images SET source_path = :source_path, folder_folded = :folder_folded WHERE image_id = :image_id",
            &this().and(path_binds(path.as_deref())),
        )?;
    }
    patch.taken.map_or(Ok(()), |taken| set_taken(session, image_id, taken))
}

/// Writes the time at which the picture was taken.
pub(crate) fn set_taken(session: &Session<'_>, image_id: ImageId, taken: Option<TakenAt>) -> Result<(), OracleError> {
    session.execute(
        "UPDATE images SET taken_local = :taken_local, taken_offset = :taken_offset WHERE image_id = :image_id",
        &Binds::none().with("image_id", image_id).and(taken_binds(taken)),
    )?;
    Ok(())
}

/// Writes the camera.
pub(crate) fn set_camera(session: &Session<'_>, image_id: ImageId, camera: Option<&str>) -> Result<(), OracleError> {
    session.execute(
        "UPDATE images SET camera = :camera, camera_folded = :camera_folded WHERE image_id = :image_id",
        &Binds::none().with("image_id", image_id).and(camera_binds(camera)),
    )?;
    Ok(())
}

/// Writes the generation prompt and its readable parts, and what is made of them, in place of those that were `before`.
pub(crate) fn set_generation_prompt(
    session: &Session<'_>,
    image_id: ImageId,
    raw: Option<&str>,
    before: Option<&Generation>,
    after: Option<&Generation>,
) -> Result<(), OracleError> {
    session.execute(
        "UPDATE images SET generation_model = :generation_model, generation_sampler = :generation_sampler, \
         generation_seed = :generation_seed, generation_prompt = :generation_prompt, generation = :generation \
         WHERE image_id = :image_id",
        &Binds::none()
            .with("image_id", image_id)
            .and(generation_binds(after))
            .with("generation_prompt", Value::clob(raw))
            .with("generation", generation_json(after)),
    )?;
    loras::replace(session, image_id, before, after)?;
    words::change(session, &words::words_of(before), &words::words_of(after))
}

/// Writes the caption in place of all captions before, or removes them.
pub(crate) fn set_caption(session: &Session<'_>, image_id: ImageId, caption: Option<&str>) -> Result<(), OracleError> {
    let this = Binds::none().with("image_id", image_id);
    session.execute("DELETE FROM image_descriptions WHERE image_id = :image_id", &this)?;
    caption.map_or(Ok(()), |caption| insert_caption(session, image_id, caption))
}

/// Writes the caption of an image that has none.
pub(crate) fn insert_caption(session: &Session<'_>, image_id: ImageId, caption: &str) -> Result<(), OracleError> {
    session.execute(
        "INSERT INTO image_descriptions (image_id, description) VALUES (:image_id, :description)",
        &Binds::none().with("image_id", image_id).with("description", Value::clob(Some(caption))),
    )?;
    Ok(())
}

/// Marks the texts and the time that a patch changes as set by a caller, and locks the row. Returns whether there is such a
/// row.
pub(crate) fn mark_set(session: &Session<'_>, image_id: ImageId, patch: &ImagePatch) -> Result<bool, OracleError> {
    let by_caller = |changes: bool| Value::Number(changes.then_some(Origin::Set.number()));
    let marked = session.execute(
        "UPDATE images SET caption_set = NVL(:caption_set, caption_set), \
         generation_prompt_set = NVL(:generation_prompt_set, generation_prompt_set), \
         taken_set = NVL(:taken_set, taken_set) WHERE image_id = :image_id",
        &Binds::none()
            .with("image_id", image_id)
            .with("caption_set", by_caller(patch.caption.is_some()))
            .with("generation_prompt_set", by_caller(patch.generation_prompt.is_some()))
            .with("taken_set", by_caller(patch.taken.is_some())),
    )?;
    Ok(marked > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_beyond_ascii_keep_their_case() {
        assert_eq!(folded_part("Euler A É"), "euler a É");
        assert_eq!(folded_part(&"猫".repeat(300)).chars().count(), 255);
    }

    #[test]
    fn no_key_is_empty() {
        for (key, stored) in [(vec![], vec![0]), (vec![97], vec![97])] {
            assert!(matches!(key_value(key), Value::Raw(Some(bytes)) if bytes == stored));
        }
    }
}
