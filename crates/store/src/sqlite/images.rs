//! Rows of IMAGES: inserts, reads, changes and deletes them.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::columns::{GenerationColumns, PathColumns, TakenColumns};
use super::originals::{LOCATED, Located};
use super::statements::image_exists;
use super::values::{date, micros, unsigned};
use super::{chunks, columns, damage, document, embeddings, loras, originals, prompt_words, tags, wipe};
use crate::originals::Homes;
use crate::tags::{Origin, Tags};
use crate::taken::taken_of;
use crate::text::{Document, folded, folded_name, natural_key};
use crate::{Content, Home, Image, ImageId, ImagePatch, Inserted, NewImage, Sha256, StoreError, generation};

const COLUMNS: &str =
    "SELECT i.image_id, i.file_name, i.file_type, i.byte_count, i.width, i.height, i.sha256, i.upload_date,
    i.generation_prompt, i.generation, d.caption, i.taken_local, i.taken_offset, i.camera, i.source_path
    FROM images i LEFT JOIN image_descriptions d ON d.image_id = i.image_id";

/// Selects the columns of [`COLUMNS`] with texts of at most `?2` characters. The parts of a generation prompt are one text
/// here, of which the large parts are cut when it is much longer than that.
const SHORT_COLUMNS: &str =
    "SELECT i.image_id, i.file_name, i.file_type, i.byte_count, i.width, i.height, i.sha256, i.upload_date,
    substr(i.generation_prompt, 1, ?2),
    CASE WHEN length(i.generation) > 8 * ?2 + 4096 AND json_valid(i.generation) THEN
        json_object('prompt', substr(i.generation ->> 'prompt', 1, ?2),
            'negative_prompt', substr(i.generation ->> 'negative_prompt', 1, ?2),
            'sampler', substr(i.generation ->> 'sampler', 1, ?2), 'model', substr(i.generation ->> 'model', 1, ?2),
            'seed', json(i.generation -> 'seed'), 'steps', json(i.generation -> 'steps'), 'truncated', json('true'))
    ELSE i.generation END,
    substr(d.caption, 1, ?2), i.taken_local, i.taken_offset, i.camera, i.source_path
    FROM images i LEFT JOIN image_descriptions d ON d.image_id = i.image_id WHERE i.image_id = ?1";

/// An inserted image, and the change number of each of its embeddings.
pub(super) struct Insertion {
    pub(super) inserted: Inserted,
    pub(super) changes: Vec<i64>,
}

impl Insertion {
    /// Returns the new image; `None` when the image was known.
    pub(super) fn created(&self) -> Option<ImageId> {
        match self.inserted {
            Inserted::Created(image_id) => Some(image_id),
            Inserted::Known(_) => None,
        }
    }
}

/// Inserts an image with its texts and embeddings, or finds the image with the same hash. The original of an image that is
/// known to be damaged is written anew, unless the bytes lie in place and are to stay there.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    image: &NewImage<'_>,
    chunk_hashes: &[u8],
    homes: &Homes,
) -> Result<Insertion, StoreError> {
    let Some(image_id) = insert_row(transaction, image)? else {
        let known = transaction
            .prepare_cached("SELECT image_id FROM images WHERE sha256 = ?")?
            .query_row([image.sha256.0], |row| row.get(0))?;
        let stays = image.linked.is_some() && originals::home(transaction, known)? == Home::InPlace;
        if !stays && damage::is_noted(transaction, known)? {
            damage::repair(transaction, known, &image.sha256, image.bytes, homes)?;
        }
        return Ok(Insertion { inserted: Inserted::Known(known), changes: Vec::new() });
    };
    originals::place_of(image, homes)?.store(transaction, image_id, &image.sha256, image.bytes)?;
    chunks::put(transaction, image_id, chunk_hashes)?;
    columns::set_caption(transaction, image_id, image.caption)?;
    let tags = Tags::of(image);
    tags::insert(transaction, image_id, &tags)?;
    loras::insert(transaction, image_id, image.generation)?;
    prompt_words::change(transaction, &BTreeSet::new(), &prompt_words::words_of(image.generation))?;
    let document = Document {
        file_name: image.file_name,
        caption: image.caption,
        tags: &tags.texts(),
        generation_prompt: image.generation_prompt,
        generation: image.generation,
    };
    document::index(transaction, image_id, &document)?;
    let changes = image
        .embeddings
        .iter()
        .map(|(model_id, vector)| embeddings::insert(transaction, *model_id, image_id, vector))
        .collect::<Result<_, _>>()?;
    Ok(Insertion { inserted: Inserted::Created(image_id), changes })
}

/// Inserts the row of IMAGES; `None` when there is one with the same hash.
fn insert_row(transaction: &Transaction<'_>, image: &NewImage<'_>) -> Result<Option<ImageId>, StoreError> {
    let parts = GenerationColumns::new(image.generation);
    let taken = TakenColumns::new(image.taken);
    let path = PathColumns::new(image.source_path);
    // The constraint decides which of two concurrent inserts is first; the second one finds the row of the first.
    let created = transaction
        .prepare_cached(
            "INSERT INTO images (sha256, file_name, file_type, byte_count, width, height, upload_date, generation, generation_prompt,
                                 has_generation_prompt, generation_model, generation_sampler, generation_seed,
                                 caption_set, generation_prompt_set, taken_set, reader_version, file_name_folded,
                                 file_name_key, taken_local, taken_offset, camera, camera_folded, source_path, folder_folded)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9 IS NOT NULL, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
                     ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)
             ON CONFLICT (sha256) DO NOTHING RETURNING image_id",
        )?
        .query_row(
            params![
                image.sha256.0,
                image.file_name,
                image.file_type,
                i64::try_from(image.bytes.len()).unwrap_or(i64::MAX),
                image.width,
                image.height,
                micros(image.upload_date),
                parts.json,
                image.generation_prompt,
                parts.model,
                parts.sampler,
                parts.seed,
                image.caption_origin.number(),
                image.generation_prompt_origin.number(),
                image.taken_origin.number(),
                image.reader_version,
                folded_name(image.file_name),
                natural_key(image.file_name),
                taken.local,
                taken.offset,
                image.camera,
                image.camera.map(folded),
                path.source_path,
                path.folder,
            ],
            |row| row.get(0),
        )
        .optional()?;
    Ok(created)
}

/// Changes the texts of an image, and returns the changed image.
pub(super) fn update(
    transaction: &Transaction<'_>,
    image_id: ImageId,
    patch: &ImagePatch,
) -> Result<Option<Image>, StoreError> {
    if !image_exists(transaction, image_id)? {
        return Ok(None);
    }
    if let Some(caption) = &patch.caption {
        columns::set_caption(transaction, image_id, caption.as_deref())?;
        transaction
            .prepare_cached("UPDATE images SET caption_set = ? WHERE image_id = ?")?
            .execute(params![Origin::Set.number(), image_id])?;
    }
    if let Some(prompt) = &patch.generation_prompt {
        let (raw, generation) = match prompt {
            Some((raw, generation)) => (Some(raw.as_str()), generation.as_ref()),
            None => (None, None),
        };
        columns::set_generation_prompt(transaction, image_id, raw, generation)?;
        transaction
            .prepare_cached("UPDATE images SET generation_prompt_set = ? WHERE image_id = ?")?
            .execute(params![Origin::Set.number(), image_id])?;
    }
    columns::patch_origin(transaction, image_id, patch)?;
    if patch.changes_tags() {
        tags::replace(transaction, image_id, &tags::read(transaction, image_id)?.patched(patch))?;
    }
    let Some(image) = image(transaction, image_id)? else { return Ok(None) };
    index_words(transaction, &image)?;
    Ok(Some(image))
}

/// Puts the words of a stored image into the full-text index, in place of any older ones.
pub(super) fn index_words(transaction: &Transaction<'_>, image: &Image) -> Result<(), StoreError> {
    document::index(transaction, image.image_id, &Document::of(image))
}

/// Deletes an image; returns false when there was none.
pub(super) fn delete(transaction: &Transaction<'_>, image_id: ImageId) -> Result<bool, StoreError> {
    if !image_exists(transaction, image_id)? {
        return Ok(false);
    }
    if originals::home(transaction, image_id)? == Home::Folder {
        let hash = transaction
            .prepare_cached("SELECT sha256 FROM images WHERE image_id = ?")?
            .query_row([image_id], |row| row.get(0).map(Sha256))?;
        originals::note_removal(transaction, &hash)?;
    }
    // The original goes first: on a full disk, its pages take what the other changes have to write.
    transaction.prepare_cached("DELETE FROM image_contents WHERE image_id = ?")?.execute([image_id])?;
    document::remove(transaction, image_id)?;
    prompt_words::change(transaction, &prompt_words::stored(transaction, image_id)?, &BTreeSet::new())?;
    wipe::remember(transaction)?;
    // ON DELETE CASCADE deletes description, tags, LoRAs and embeddings.
    Ok(transaction.prepare_cached("DELETE FROM images WHERE image_id = ?")?.execute([image_id])? > 0)
}

/// Reads the facts and texts of one image.
pub(super) fn image(connection: &Connection, image_id: ImageId) -> Result<Option<Image>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} WHERE i.image_id = ?"))?;
    let mut rows = statement.query([image_id])?;
    rows.next()?.map(|row| image_of(connection, row)).transpose()
}

/// Reads the images that exist among `image_ids`, in that order.
pub(super) fn images(connection: &Connection, image_ids: &[ImageId]) -> Result<Vec<Image>, StoreError> {
    image_ids.iter().filter_map(|id| image(connection, *id).transpose()).collect()
}

/// Reads the images that exist among `image_ids`, in that order, with texts of at most `max_chars` + 1 characters. Longer
/// ones are not brought into memory together.
pub(super) fn images_short(
    connection: &Connection,
    image_ids: &[ImageId],
    max_chars: usize,
) -> Result<Vec<Image>, StoreError> {
    // Larger numbers would overflow in the statement.
    let most = i64::try_from(max_chars).unwrap_or(i64::MAX).min(i64::MAX >> 8) + 1;
    let mut statement = connection.prepare_cached(SHORT_COLUMNS)?;
    let mut images = Vec::with_capacity(image_ids.len());
    for image_id in image_ids {
        let mut rows = statement.query(params![image_id, most])?;
        images.extend(rows.next()?.map(|row| image_of(connection, row)).transpose()?);
    }
    Ok(images)
}

/// Finds the image with a hash.
pub(super) fn by_sha256(connection: &Connection, sha256: &Sha256) -> Result<Option<Image>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} WHERE i.sha256 = ?"))?;
    let mut rows = statement.query([sha256.0])?;
    rows.next()?.map(|row| image_of(connection, row)).transpose()
}

/// Finds the ids of the images with one of some hashes.
pub(super) fn ids_by_sha256(connection: &Connection, hashes: &[Sha256]) -> Result<Vec<(Sha256, ImageId)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT image_id FROM images WHERE sha256 = ?")?;
    let mut found = Vec::new();
    for hash in hashes {
        let image_id = statement.query_row([hash.0], |row| row.get(0)).optional()?;
        found.extend(image_id.map(|image_id| (*hash, image_id)));
    }
    Ok(found)
}

/// An original as the rows tell it.
pub(super) enum Stored {
    /// The bytes, which lie in the database.
    Bytes(Content),
    /// A file of another home.
    File(Located),
}

/// Reads the original of an image, or where it lies; `None` when there is no such image, or none of both.
pub(super) fn content(connection: &Connection, image_id: ImageId) -> Result<Option<Stored>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {LOCATED} FROM images i JOIN image_files f ON f.image_id = i.image_id WHERE i.image_id = ?"
    ))?;
    let mut rows = statement.query([image_id])?;
    if let Some(row) = rows.next()? {
        return Ok(Located::of_row(row, 0)?.map(Stored::File));
    }
    let content = connection
        .prepare_cached(
            "SELECT c.image_data, i.file_type, i.file_name, i.sha256
             FROM images i JOIN image_contents c ON c.image_id = i.image_id WHERE i.image_id = ?",
        )?
        .query_row([image_id], |row| {
            Ok(Content {
                bytes: row.get(0)?,
                file_type: row.get(1)?,
                file_name: row.get(2)?,
                sha256: Sha256(row.get(3)?),
            })
        })
        .optional()?;
    Ok(content.map(Stored::Bytes))
}

fn image_of(connection: &Connection, row: &Row<'_>) -> Result<Image, StoreError> {
    let image_id = row.get(0)?;
    Ok(Image {
        image_id,
        file_name: row.get(1)?,
        file_type: row.get(2)?,
        bytes: unsigned(row, 3)?,
        width: row.get(4)?,
        height: row.get(5)?,
        sha256: Sha256(row.get(6)?),
        upload_date: date(row.get(7)?)?,
        generation_prompt: row.get(8)?,
        generation: generation::from_json(row.get::<_, Option<String>>(9)?.as_deref()),
        caption: row.get(10)?,
        tags: tags::texts(connection, image_id)?,
        taken: row.get::<_, Option<i64>>(11)?.map(|local| taken_of(local, row.get(12)?)).transpose()?,
        camera: row.get(13)?,
        source_path: row.get(14)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Filter;
    use crate::sqlite::condition::Condition;
    use crate::sqlite::migrate;

    #[test]
    fn filters_read_the_index_alone() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate::migrate(&mut db).unwrap();
        let filter = Filter {
            file_types: vec!["image/png".into()],
            min_width: Some(1),
            max_width: Some(9),
            min_height: Some(1),
            max_height: Some(9),
            min_bytes: Some(1),
            max_bytes: Some(9),
            has_generation_prompt: Some(true),
            file_name_contains: Some("x".into()),
            file_name_pattern: Some("x*".into()),
            checkpoints: vec!["x".into()],
            samplers: vec!["x".into()],
            seed: Some(1),
            taken_from: Some(time::PrimitiveDateTime::MIN),
            taken_before: Some(time::PrimitiveDateTime::MAX),
            has_taken: Some(true),
            cameras: vec!["x".into()],
            folders: vec!["/x".into(), "y".into()],
            none_of: vec![Filter { cameras: vec!["y".into()], ..Filter::default() }],
            ..Filter::default()
        };
        let (table, condition) = Condition::for_scan(&db, &filter).unwrap();
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT i.image_id FROM {table} WHERE 1 {}
             ORDER BY i.upload_date DESC, i.image_id DESC",
            condition.sql()
        );
        let mut statement = db.prepare(&sql).unwrap();
        let plan: Vec<String> = statement
            .query_map(condition.parameters([], []), |row| row.get(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(plan[0].contains("USING COVERING INDEX images_newest"), "{plan:?}");
        assert!(!plan.iter().any(|step| step.contains("ORDER BY")), "{plan:?}");
    }

    #[test]
    fn a_list_of_a_rare_tag_reads_the_images_of_that_tag_alone() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate::migrate(&mut db).unwrap();
        let filter = Filter { tags: vec!["cat".into()], any_tags: vec!["a".into(), "b".into()], ..Filter::default() };
        let (table, condition) = Condition::for_scan(&db, &filter).unwrap();
        let sql = format!("EXPLAIN QUERY PLAN SELECT i.image_id FROM {table} WHERE 1 {}", condition.sql());
        let mut statement = db.prepare(&sql).unwrap();
        let plan: Vec<String> = statement
            .query_map(condition.parameters([], []), |row| row.get(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(plan.iter().any(|step| step.starts_with("SEARCH i USING INTEGER PRIMARY KEY")), "{plan:?}");
        assert!(plan.iter().any(|step| step.contains("image_tags_by_tag (folded=?)")), "{plan:?}");
        assert!(!plan.iter().any(|step| step.starts_with("SCAN i") || step.starts_with("SCAN t")), "{plan:?}");
    }
}
