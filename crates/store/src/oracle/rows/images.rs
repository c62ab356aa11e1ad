//! The rows of IMAGES: inserting, reading, changing, deleting.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use oracle::Row;
use oracle::sql_type::Timestamp;

use super::columns::{self, camera_binds, generation_binds, generation_json, name_binds, path_binds, taken_binds};
use super::document::search_text;
use super::models::VectorTable;
use super::{embeddings, facts, hashes, loras, tags, words};
use crate::oracle::connection::codes::Class;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::{MAX_LOB_ROWS, Session};
use crate::oracle::connection::value::{self, Binds, MAX_IN_LIST, Value, in_list};
use crate::tags::Tags;
use crate::taken::{micros, taken_of};
use crate::text::Document;
use crate::{Content, Image, ImageId, ImagePatch, NewImage, Sha256, StoreError, generation};
use mitsuke_index::UnitVector;

/// The hash of an image whose row Mitsuke has not completed. No bytes have this hash.
pub(super) const UNKNOWN_HASH: Sha256 = Sha256([0; 32]);

/// Inserts an image with everything that belongs to it; `None` when its bytes are known already.
pub(crate) fn insert(
    session: &Session<'_>,
    image: &NewImage<'_>,
    embeddings: &[(&VectorTable, &UnitVector)],
) -> Result<Option<ImageId>, OracleError> {
    let tags = Tags::of(image);
    let Some(image_id) = insert_row(session, image, &tags)? else { return Ok(None) };
    if let Some(caption) = image.caption {
        columns::insert_caption(session, image_id, caption)?;
    }
    tags::insert(session, image_id, &tags)?;
    loras::insert(&|sql, binds| session.execute(sql, binds), image_id, image.generation)?;
    words::change(session, &BTreeSet::new(), &words::words_of(image.generation))?;
    for (table, vector) in embeddings {
        embeddings::insert(session, table, image_id, vector)?;
    }
    Ok(Some(image_id))
}

/// Inserts the row of IMAGES; `None` when its bytes are known already.
pub(super) fn insert_row(
    session: &Session<'_>,
    image: &NewImage<'_>,
    tags: &Tags,
) -> Result<Option<ImageId>, OracleError> {
    let inserted = session.insert_returning(
        "INSERT INTO images (file_name, file_name_folded, file_name_key, file_type, byte_count, width, height, sha256, sha256_key, \
         upload_date, caption_set, generation_prompt_set, taken_set, reader_version, taken_local, taken_offset, camera, camera_folded, \
         source_path, folder_folded, generation_model, generation_sampler, \
         generation_seed, generation_prompt, generation, search_text, image_data) \
         VALUES (:file_name, :file_name_folded, :file_name_key, :file_type, :byte_count, :width, :height, :sha256, :sha256, :upload_date, \
         :caption_set, :generation_prompt_set, :taken_set, :reader_version, :taken_local, :taken_offset, :camera, :camera_folded, \
         :source_path, :folder_folded, :generation_model, :generation_sampler, :generation_seed, \
         :generation_prompt, :generation, :search_text, :image_data) RETURNING image_id INTO :image_id",
        &image_binds(image, tags),
        "image_id",
    );
    match inserted {
        // The unique key decides which of two uploads was first.
        Err(error) if error.class() == Some(Class::Unique) => Ok(None),
        other => other.map(Some),
    }
}

fn image_binds<'a>(image: &NewImage<'a>, tags: &Tags) -> Binds<'a> {
    let document = Document {
        file_name: image.file_name,
        caption: image.caption,
        tags: &tags.texts(),
        generation_prompt: image.generation_prompt,
        generation: image.generation,
    };
    Binds::none()
        .with("file_name", image.file_name)
        .and(name_binds(image.file_name))
        .with("file_type", image.file_type)
        .with("byte_count", Value::count(image.bytes.len()))
        .with("width", i64::from(image.width))
        .with("height", i64::from(image.height))
        .with("sha256", image.sha256)
        .with("upload_date", value::timestamp(image.upload_date))
        .with("image_id", Value::OutNumber)
        .with("caption_set", image.caption_origin.number())
        .with("generation_prompt_set", image.generation_prompt_origin.number())
        .with("taken_set", image.taken_origin.number())
        .with("reader_version", i64::from(image.reader_version))
        .and(taken_binds(image.taken))
        .and(camera_binds(image.camera))
        .and(path_binds(image.source_path))
        .and(generation_binds(image.generation))
        .with("generation_prompt", Value::clob(image.generation_prompt))
        .with("generation", generation_json(image.generation))
        .with("search_text", Value::Clob(Some(Cow::Owned(search_text(&document)))))
        .with("image_data", Value::Blob(image.bytes))
}

pub(crate) fn image(session: &Session<'_>, image_id: ImageId) -> Result<Option<Image>, OracleError> {
    Ok(images(session, &[image_id])?.pop())
}

/// Returns images in the order of `image_ids`.
pub(crate) fn images(session: &Session<'_>, image_ids: &[ImageId]) -> Result<Vec<Image>, OracleError> {
    let mut found: HashMap<ImageId, Image> = HashMap::with_capacity(image_ids.len());
    for ids in image_ids.chunks(MAX_IN_LIST) {
        for image in rows(session, ids)? {
            match found.get_mut(&image.image_id) {
                Some(first) => first.caption = join_captions(first.caption.take(), image.caption),
                None => _ = found.insert(image.image_id, image),
            }
        }
    }
    Ok(image_ids.iter().filter_map(|id| found.get(id).cloned()).collect())
}

/// The three texts of an image, which are CLOBs.
const TEXTS: [&str; 3] = ["i.generation_prompt", "i.generation", "d.description"];

/// The length, in characters, up to which a text is read as VARCHAR2: no text of that length takes more than 4,000
/// bytes.
const SHORT_CHARS: usize = 1_000;

/// Returns the rows of at most [`MAX_IN_LIST`] images. The original application may have stored several captions of an
/// image, which come as several rows.
///
/// Rows without LOBs come with the answer to their statement, so texts are read as VARCHAR2 first, where short texts
/// are to be expected. If any text turns out to be long, all texts are read again as LOBs.
fn rows(session: &Session<'_>, ids: &[ImageId]) -> Result<Vec<Image>, OracleError> {
    if !session.expects_long_texts() {
        let rows = rows_with_texts(session, ids, &TEXTS.map(short_text), ids.len())?;
        if !rows.iter().any(|row| row.is_long) {
            return with_all_tags(session, rows);
        }
    }
    let rows = rows_with_texts(session, ids, &TEXTS.map(str::to_owned), ids.len().min(MAX_LOB_ROWS))?;
    session.expect_long_texts(rows.iter().any(|row| row.is_long));
    with_all_tags(session, rows)
}

/// Returns the images of rows. Tags that did not fit their row are read by a statement of their own.
fn with_all_tags(session: &Session<'_>, rows: Vec<ImageRow>) -> Result<Vec<Image>, OracleError> {
    let cut: Vec<ImageId> = rows.iter().filter(|row| row.has_more_tags).map(|row| row.image.image_id).collect();
    let mut whole = tags::texts(session, &cut)?;
    let with_tags = |mut row: ImageRow| {
        if let Some(tags) = whole.get_mut(&row.image.image_id) {
            row.image.tags.clone_from(tags);
        }
        row.image
    };
    Ok(rows.into_iter().map(with_tags).collect())
}

/// A row of images with their texts.
struct ImageRow {
    image: Image,
    /// Whether any text of the row is long.
    is_long: bool,
    /// Whether the image has more tags than the row holds.
    has_more_tags: bool,
}

/// Returns the expression of a text as VARCHAR2, or NULL when the text is long. CASE evaluates only what it needs:
/// TO_CHAR of a long text would fail.
fn short_text(column: &str) -> String {
    format!("CASE WHEN LENGTH({column}) <= {SHORT_CHARS} THEN CAST(TO_CHAR({column}) AS VARCHAR2(4000)) END")
}

/// Reads rows with these expressions of the three texts.
fn rows_with_texts(
    session: &Session<'_>,
    ids: &[ImageId],
    texts: &[String; 3],
    most: usize,
) -> Result<Vec<ImageRow>, OracleError> {
    let mut binds = Binds::none();
    let list = in_list("id", ids, &mut binds);
    let is_long = TEXTS.map(|column| format!("LENGTH({column}) > {SHORT_CHARS}")).join(" OR ");
    let sql = format!(
        "SELECT i.image_id, i.file_name, i.file_type, i.byte_count, i.width, i.height, i.sha256, i.upload_date, \
         {}, {}, {}, CASE WHEN {is_long} THEN 1 ELSE 0 END, \
         i.taken_local, i.taken_offset, i.camera, i.source_path \
         FROM images i LEFT JOIN image_descriptions d ON d.image_id = i.image_id \
         WHERE i.image_id IN ({list}) ORDER BY i.image_id, d.description_id",
        texts.join(", "),
        tags::LINES,
        tags::BYTES
    );
    session.rows(&sql, &binds, most, |row| {
        Ok(ImageRow {
            image: read_image(row)?,
            has_more_tags: row.get::<_, Option<i64>>(12)?.is_some_and(|bytes| bytes > tags::LINES_BYTES),
            is_long: row.get::<_, i64>(13)? == 1,
        })
    })
}

/// Joins several captions as the original application shows them.
pub(crate) fn join_captions(before: Option<String>, next: Option<String>) -> Option<String> {
    match (before, next) {
        (Some(before), Some(next)) => Some(format!("{before}\n\n{next}")),
        (before, next) => before.or(next),
    }
}

pub(crate) fn content(session: &Session<'_>, image_id: ImageId) -> Result<Option<Content>, OracleError> {
    let sql = "SELECT i.image_data, i.file_type, i.file_name, i.sha256 FROM images i WHERE i.image_id = :image_id";
    session.row(sql, &Binds::none().with("image_id", image_id), |row| {
        Ok(Content {
            bytes: row.get::<_, Option<Vec<u8>>>(0)?.unwrap_or_default(),
            file_type: read_text(row, 1)?,
            file_name: read_text(row, 2)?,
            sha256: read_hash(row, 3)?.unwrap_or(UNKNOWN_HASH),
        })
    })
}

pub(crate) fn update(
    session: &Session<'_>,
    image_id: ImageId,
    patch: &ImagePatch,
) -> Result<Option<Image>, OracleError> {
    // The statement locks the row: of two changes at once, the later one then writes the search text last.
    if !columns::mark_set(session, image_id, patch)? {
        return Ok(None);
    }
    if let Some(caption) = &patch.caption {
        columns::set_caption(session, image_id, caption.as_deref())?;
    }
    if let Some(prompt) = &patch.generation_prompt {
        let (raw, generation) = match prompt {
            Some((raw, generation)) => (Some(raw.as_str()), generation.as_ref()),
            None => (None, None),
        };
        let before = image(session, image_id)?.and_then(|image| image.generation);
        columns::set_generation_prompt(session, image_id, raw, before.as_ref(), generation)?;
    }
    if patch.changes_tags() {
        tags::replace(session, image_id, &tags::read(session, image_id)?.patched(patch))?;
    }
    columns::patch_origin(session, image_id, patch)?;
    let Some(image) = image(session, image_id)? else { return Ok(None) };
    if changes_words(patch) {
        write_words(session, &image)?;
    }
    facts::copy(session, image_id)?;
    Ok(Some(image))
}

/// Returns whether a patch may change what keyword search reads.
fn changes_words(patch: &ImagePatch) -> bool {
    patch.caption.is_some() || patch.generation_prompt.is_some() || patch.file_name.is_some() || patch.changes_tags()
}

/// Writes the text that keyword search reads.
pub(crate) fn write_words(session: &Session<'_>, image: &Image) -> Result<(), OracleError> {
    let document = Document::of(image);
    session.execute(
        "UPDATE images SET search_text = :search_text WHERE image_id = :image_id",
        &Binds::none()
            .with("image_id", image.image_id)
            .with("search_text", Value::Clob(Some(Cow::Owned(search_text(&document))))),
    )?;
    Ok(())
}

pub(crate) fn delete(session: &Session<'_>, image_id: ImageId) -> Result<bool, OracleError> {
    let this = Binds::none().with("image_id", image_id);
    // The lock keeps the prompt as it is until its words are no longer counted.
    let sql = format!(
        "SELECT i.sha256, {}, CASE WHEN LENGTH(i.generation) > {SHORT_CHARS} THEN 1 ELSE 0 END FROM images i \
         WHERE i.image_id = :image_id FOR UPDATE",
        short_text("i.generation")
    );
    let read = |row: &Row| Ok((read_hash(row, 0)?, row.get::<_, Option<String>>(1)?, row.get::<_, i64>(2)? == 1));
    let Some((hash, mut json, is_long)) = session.row(&sql, &this, read)? else { return Ok(false) };
    if is_long {
        let whole = "SELECT i.generation FROM images i WHERE i.image_id = :image_id";
        json = session.row(whole, &this, |row| Ok(row.get(0)?))?.flatten();
    }
    // The database deletes captions, tags, LoRAs, embeddings and failures with the row (ON DELETE CASCADE).
    if session.execute("DELETE FROM images WHERE image_id = :image_id", &this)? == 0 {
        return Ok(false);
    }
    let words = words::words_of(generation::from_json(json.as_deref()).as_ref());
    words::change(session, &words, &BTreeSet::new())?;
    if let Some(hash) = hash {
        hashes::hand_over(session, &hash)?;
    }
    Ok(true)
}

pub(crate) fn count(session: &Session<'_>) -> Result<u64, OracleError> {
    let count = session.row("SELECT COUNT(*) FROM images", &Binds::none(), |row| Ok(row.get(0)?))?;
    Ok(count.ok_or_else(|| StoreError::Internal("counting gave no row".into()))?)
}

fn read_image(row: &Row) -> Result<Image, OracleError> {
    let number = |column: usize| -> Result<Option<u64>, OracleError> { Ok(row.get(column)?) };
    let edge = |number: Option<u64>| u32::try_from(number.unwrap_or_default()).unwrap_or(u32::MAX);
    let date: Option<Timestamp> = row.get(7)?;
    Ok(Image {
        image_id: row.get(0)?,
        file_name: read_text(row, 1)?,
        file_type: read_text(row, 2)?,
        bytes: number(3)?.unwrap_or_default(),
        width: edge(number(4)?),
        height: edge(number(5)?),
        sha256: read_hash(row, 6)?.unwrap_or(UNKNOWN_HASH),
        upload_date: match date {
            Some(date) => value::to_date(&date)?,
            None => time::OffsetDateTime::UNIX_EPOCH,
        },
        generation_prompt: row.get(8)?,
        generation: generation::from_json(row.get::<_, Option<String>>(9)?.as_deref()),
        caption: row.get(10)?,
        tags: read_text(row, 11)?.lines().map(str::to_owned).collect(),
        taken: match row.get::<_, Option<Timestamp>>(14)? {
            Some(local) => Some(taken_of(micros(value::to_date(&local)?), row.get(15)?)?),
            None => None,
        },
        camera: row.get(16)?,
        source_path: row.get(17)?,
    })
}

/// Returns whether Mitsuke still has to complete the row.
pub(crate) fn is_incomplete(image: &Image) -> bool {
    image.sha256 == UNKNOWN_HASH
}

fn read_text(row: &Row, column: usize) -> Result<String, OracleError> {
    Ok(row.get::<_, Option<String>>(column)?.unwrap_or_default())
}

/// Reads a hash column.
pub(crate) fn read_hash(row: &Row, column: usize) -> Result<Option<Sha256>, OracleError> {
    let Some(bytes) = row.get::<_, Option<Vec<u8>>>(column)? else { return Ok(None) };
    let hash = <[u8; 32]>::try_from(bytes)
        .map_err(|bytes| StoreError::Damaged(format!("a SHA-256 of {} bytes", bytes.len())))?;
    Ok(Some(Sha256(hash)))
}
