//! Columns of IMAGES: the values that they hold, and their changes.

use mitsuke_image::Generation;
use rusqlite::{Transaction, params};

use super::{loras, prompt_words};
use crate::source_path::folded_folder;
use crate::tags::Origin;
use crate::taken::{local_micros, stored_taken};
use crate::text::{folded, folded_name, natural_key};
use crate::{ImageId, ImagePatch, StoreError, TakenAt, clean_source_path, folder_of, generation};

/// The values of the columns of the readable generation prompt.
#[derive(Default)]
pub(super) struct GenerationColumns<'a> {
    pub(super) json: Option<String>,
    pub(super) model: Option<&'a str>,
    pub(super) sampler: Option<&'a str>,
    /// The seed as text, because SQLite's integers end at 2⁶³ − 1.
    pub(super) seed: Option<String>,
}

impl<'a> GenerationColumns<'a> {
    pub(super) fn new(generation: Option<&'a Generation>) -> Self {
        let Some(generation) = generation else { return Self::default() };
        Self {
            json: Some(generation::to_json(generation)),
            model: generation.model.as_deref(),
            sampler: generation.sampler.as_deref(),
            seed: generation.seed.map(|seed| seed.to_string()),
        }
    }
}

/// The values of the columns of a path.
pub(super) struct PathColumns {
    pub(super) source_path: Option<String>,
    pub(super) folder: Option<String>,
}

impl PathColumns {
    pub(super) fn new(path: Option<&str>) -> Self {
        let source_path = path.and_then(clean_source_path);
        Self { folder: source_path.as_deref().map(|path| folded_folder(&folder_of(path))), source_path }
    }
}

/// The values of the columns of the time at which a picture was taken.
pub(super) struct TakenColumns {
    pub(super) local: Option<i64>,
    pub(super) offset: Option<i64>,
}

impl TakenColumns {
    pub(super) fn new(taken: Option<TakenAt>) -> Self {
        let taken = taken.map(stored_taken);
        Self {
            local: taken.map(|taken| local_micros(taken.local)),
            offset: taken.and_then(|taken| taken.offset).map(|offset| offset.whole_minutes().into()),
        }
    }
}

/// Changes the name, the path and the time.
pub(super) fn patch_origin(
    transaction: &Transaction<'_>,
    image_id: ImageId,
    patch: &ImagePatch,
) -> Result<(), StoreError> {
    if let Some(name) = &patch.file_name {
        transaction
            .prepare_cached(
                "UPDATE images SET file_name = ?, file_name_folded = ?, file_name_key = ? WHERE image_id = ?",
            )?
            .execute(params![name, folded_name(name), natural_key(name), image_id])?;
    }
    if let Some(path) = &patch.source_path {
        let path = PathColumns::new(path.as_deref());
        transaction
            .prepare_cached("UPDATE images SET source_path = ?, folder_folded = ? WHERE image_id = ?")?
            .execute(params![path.source_path, path.folder, image_id])?;
    }
    if let Some(taken) = patch.taken {
        set_taken(transaction, image_id, taken)?;
        transaction
            .prepare_cached("UPDATE images SET taken_set = ? WHERE image_id = ?")?
            .execute(params![Origin::Set.number(), image_id])?;
    }
    Ok(())
}

/// Writes the time at which the picture was taken.
pub(super) fn set_taken(
    transaction: &Transaction<'_>,
    image_id: ImageId,
    taken: Option<TakenAt>,
) -> Result<(), StoreError> {
    let taken = TakenColumns::new(taken);
    transaction
        .prepare_cached("UPDATE images SET taken_local = ?, taken_offset = ? WHERE image_id = ?")?
        .execute(params![taken.local, taken.offset, image_id])?;
    Ok(())
}

/// Writes the camera.
pub(super) fn set_camera(
    transaction: &Transaction<'_>,
    image_id: ImageId,
    camera: Option<&str>,
) -> Result<(), StoreError> {
    transaction
        .prepare_cached("UPDATE images SET camera = ?, camera_folded = ? WHERE image_id = ?")?
        .execute(params![camera, camera.map(folded), image_id])?;
    Ok(())
}

/// Writes the generation prompt and its readable parts, and what is made of them.
pub(super) fn set_generation_prompt(
    transaction: &Transaction<'_>,
    image_id: ImageId,
    raw: Option<&str>,
    generation: Option<&Generation>,
) -> Result<(), StoreError> {
    let words = prompt_words::stored(transaction, image_id)?;
    prompt_words::change(transaction, &words, &prompt_words::words_of(generation))?;
    loras::replace(transaction, image_id, generation)?;
    let parts = GenerationColumns::new(generation);
    transaction
        .prepare_cached(
            "UPDATE images SET generation_prompt = ?1, has_generation_prompt = ?1 IS NOT NULL, generation = ?2,
                    generation_model = ?3, generation_sampler = ?4, generation_seed = ?5
             WHERE image_id = ?6",
        )?
        .execute(params![raw, parts.json, parts.model, parts.sampler, parts.seed, image_id])?;
    Ok(())
}

/// Writes or removes the caption.
pub(super) fn set_caption(
    transaction: &Transaction<'_>,
    image_id: ImageId,
    caption: Option<&str>,
) -> Result<(), StoreError> {
    match caption {
        Some(caption) => transaction
            .prepare_cached("INSERT OR REPLACE INTO image_descriptions (image_id, caption) VALUES (?, ?)")?
            .execute(params![image_id, caption])?,
        None => transaction.prepare_cached("DELETE FROM image_descriptions WHERE image_id = ?")?.execute([image_id])?,
    };
    Ok(())
}
