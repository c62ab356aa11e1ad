//! The check of a store: its rows against each other, and against what is made of them.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::{Connection, Transaction, params};
use time::OffsetDateTime;

use super::images::image;
use super::statements::{count_images, ids, recount_images};
use super::values::count;
use super::{document, embeddings as rows};
use crate::originals::{Homes, OriginalHome as _};
use crate::text::Document;
use crate::{CheckPart, CheckStep, DamageReason, Fault, Image, ImageId, Sha256, StoreError};

/// The tables that are checked for damaged pages one by one. The table of originals is left out: it is nearly the whole
/// file, and each original is compared with its hash.
const TABLES: [&str; 17] = [
    "store_facts",
    "store_epochs",
    "embedding_models",
    "embedding_failures",
    "images",
    "image_descriptions",
    "image_tags",
    "image_loras",
    "image_embeddings",
    "image_thumbnails",
    "image_chunks",
    "image_damage",
    "image_files",
    "removed_files",
    "prompt_words",
    "image_texts_data",
    "image_texts_docsize",
];

/// The number of messages of SQLite about one table that are passed on.
const MESSAGES: usize = 20;

/// The number of tokens of an image that are looked up in the full-text index.
const TOKENS: usize = 24;

/// The tables whose rows belong to an image.
const OF_IMAGES: [&str; 10] = [
    "image_contents",
    "image_descriptions",
    "image_tags",
    "image_loras",
    "image_embeddings",
    "embedding_failures",
    "image_thumbnails",
    "image_chunks",
    "image_damage",
    "image_files",
];

/// The age up to which a file of the folder may be one whose row is still to be written.
const IN_FLIGHT: Duration = Duration::from_secs(3_600);

/// The tables whose rows belong to a model.
const OF_MODELS: [&str; 2] = ["image_embeddings", "embedding_failures"];

/// Makes a fault that is not repaired.
pub(super) fn fault(part: CheckPart, image_id: Option<ImageId>, found: impl Into<String>) -> Fault {
    Fault { part, image_id, found: found.into(), repaired: false }
}

/// Says what is wrong with an original.
pub(super) fn lost_original(image_id: ImageId, reason: DamageReason) -> Fault {
    let found = match reason {
        DamageReason::Bytes => format!("the stored bytes of image {image_id} are not those that were uploaded"),
        DamageReason::Missing => format!("the file of image {image_id} is not where it was"),
        DamageReason::Changed => format!("the file of image {image_id} has changed where it lies"),
    };
    fault(CheckPart::Pictures, Some(image_id), found)
}

/// Checks the pages of one table, which is the one after the place `after`.
pub(super) fn pages(connection: &Connection, after: Option<i64>) -> Result<CheckStep, StoreError> {
    let place = after.map_or(0, |after| after + 1);
    let Some(table) = usize::try_from(place).ok().and_then(|at| TABLES.get(at)) else {
        return Ok(CheckStep::default());
    };
    let messages = quick_check(connection, table)?;
    Ok(CheckStep {
        checked: 1,
        faults: messages.into_iter().map(|found| fault(CheckPart::Pages, None, format!("{table}: {found}"))).collect(),
        next: (place + 1 < TABLES.len() as i64).then_some(place),
    })
}

/// Returns what SQLite says about the pages of one table; nothing for a table that the database lacks.
pub(super) fn quick_check(connection: &Connection, table: &str) -> Result<Vec<String>, StoreError> {
    let known =
        connection.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?").and_then(|mut sql| sql.exists([table]));
    match known {
        Ok(true) => messages(connection, &format!("PRAGMA quick_check({table})")),
        Ok(false) => Ok(Vec::new()),
        Err(error) => damaged_text(error.into()).map(|text| vec![text]),
    }
}

/// Returns what SQLite says about all pages of the file.
pub(super) fn whole_file(connection: &Connection) -> Result<Vec<String>, StoreError> {
    messages(connection, "PRAGMA integrity_check(100)")
}

/// Runs one of the checks of SQLite. A database that is too damaged for the check is a finding of it.
fn messages(connection: &Connection, sql: &str) -> Result<Vec<String>, StoreError> {
    let run = || -> rusqlite::Result<Vec<String>> {
        connection.prepare(sql)?.query_map([], |row| row.get::<_, String>(0))?.take(MESSAGES).collect()
    };
    match run() {
        Ok(messages) => Ok(messages.into_iter().filter(|message| message != "ok").collect()),
        Err(error) => damaged_text(error.into()).map(|text| vec![text]),
    }
}

/// Returns what an error says about damage.
///
/// # Errors
/// Any other error.
fn damaged_text(error: StoreError) -> Result<String, StoreError> {
    match error {
        StoreError::Damaged(text) => Ok(text),
        error => Err(error),
    }
}

/// Lists the images after one, in ascending order.
pub(super) fn images_after(
    connection: &Connection,
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<ImageId>, StoreError> {
    let sql = "SELECT image_id FROM images WHERE image_id > ? ORDER BY image_id LIMIT ?";
    ids(connection, sql, params![after.unwrap_or(0), count(limit)])
}

/// An embedding as a check reads it.
pub(super) struct CheckedEmbedding {
    pub(super) embedding_id: i64,
    pub(super) model_id: i64,
    pub(super) image_id: ImageId,
    /// The vector, or what is wrong with it.
    pub(super) vector: Result<mitsuke_index::UnitVector, String>,
}

/// Reads the embeddings after one, in ascending order of their change numbers.
pub(super) fn embeddings_after(
    connection: &Connection,
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<CheckedEmbedding>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT e.embedding_id, e.model_id, e.image_id, e.embedding, m.vector_dimension
         FROM image_embeddings e NOT INDEXED JOIN embedding_models m ON m.model_id = e.model_id
         WHERE e.embedding_id > ? ORDER BY e.embedding_id LIMIT ?",
    )?;
    let mut rows = statement.query(params![after.unwrap_or(0), count(limit)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let expected: i64 = row.get(4)?;
        let vector = match rows::vector(row, 3) {
            Ok(vector) if vector.dimension() as i64 == expected => Ok(vector),
            Ok(vector) => Err(format!("it has {} components, not {expected}", vector.dimension())),
            Err(error) => Err(damaged_text(error)?),
        };
        let (embedding_id, model_id, image_id) = (row.get(0)?, row.get(1)?, row.get(2)?);
        found.push(CheckedEmbedding { embedding_id, model_id, image_id, vector });
    }
    Ok(found)
}

/// Says what is wrong with an embedding.
pub(super) fn embedding_fault(embedding: &CheckedEmbedding, reason: &str) -> Fault {
    let CheckedEmbedding { image_id, model_id, .. } = embedding;
    let found = format!("the embedding of image {image_id} by model {model_id} is damaged: {reason}");
    fault(CheckPart::Embeddings, Some(*image_id), found)
}

/// Checks the embeddings after one.
pub(super) fn embeddings(connection: &Connection, after: Option<i64>, limit: usize) -> Result<CheckStep, StoreError> {
    let batch = embeddings_after(connection, after, limit)?;
    let faults = batch.iter().filter_map(|embedding| {
        let reason = embedding.vector.as_ref().err()?;
        Some(embedding_fault(embedding, reason))
    });
    Ok(CheckStep {
        checked: batch.len() as u64,
        faults: faults.collect(),
        next: if batch.len() < limit { None } else { batch.last().map(|embedding| embedding.embedding_id) },
    })
}

/// Deletes an embedding, so that a backfill makes it again.
pub(super) fn delete_embedding(transaction: &Transaction<'_>, embedding_id: i64) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM image_embeddings WHERE embedding_id = ?", [embedding_id])?;
    Ok(())
}

/// Finds rows that belong to no image, and counts that disagree with what they count.
pub(super) fn orphans(connection: &Connection) -> Result<CheckStep, StoreError> {
    let mut faults = Vec::new();
    for table in OF_IMAGES {
        let sql = format!("SELECT count(*) FROM {table} WHERE image_id NOT IN (SELECT image_id FROM images)");
        let orphans: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        if orphans > 0 {
            faults.push(fault(CheckPart::Orphans, None, format!("{orphans} rows of {table} belong to no image")));
        }
    }
    for table in OF_MODELS {
        let sql = format!("SELECT count(*) FROM {table} WHERE model_id NOT IN (SELECT model_id FROM embedding_models)");
        let orphans: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        if orphans > 0 {
            faults.push(fault(CheckPart::Orphans, None, format!("{orphans} rows of {table} belong to no model")));
        }
    }
    let sql = "SELECT count(*) FROM image_texts_docsize WHERE id NOT IN (SELECT image_id FROM images)";
    let texts: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    if texts > 0 {
        faults.push(fault(CheckPart::Orphans, None, format!("the text index holds {texts} images that do not exist")));
    }
    let rows: i64 = connection.query_row("SELECT count(*) FROM images", [], |row| row.get(0))?;
    let counted = count_images(connection)?;
    if i64::try_from(counted) != Ok(rows) {
        faults.push(fault(CheckPart::Orphans, None, format!("{counted} images are counted, and there are {rows}")));
    }
    let sql =
        "SELECT model_id, embedded, (SELECT count(*) FROM image_embeddings e WHERE e.model_id = m.model_id) AS rows
               FROM embedding_models m WHERE embedded <> rows";
    let mut statement = connection.prepare(sql)?;
    let mut models = statement.query([])?;
    while let Some(row) = models.next()? {
        let (model, embedded, rows): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let found = format!("{embedded} embeddings of model {model} are counted, and there are {rows}");
        faults.push(fault(CheckPart::Orphans, None, found));
    }
    let sql = "SELECT image_id FROM images WHERE image_id NOT IN (SELECT image_id FROM image_contents)
               AND image_id NOT IN (SELECT image_id FROM image_files) LIMIT 1000";
    for image_id in ids(connection, sql, [])? {
        faults.push(fault(CheckPart::Orphans, Some(image_id), format!("image {image_id} has no original")));
    }
    Ok(CheckStep { checked: rows.unsigned_abs(), faults, next: None })
}

/// Returns whether the folder of originals is to be checked: it is there and belongs to the store.
pub(super) fn has_folder(homes: &Homes) -> bool {
    homes.folder().is_ok_and(|folder| folder.list(0).is_ok())
}

/// Finds files of the folder of originals that belong to no image, among those whose hash begins with a byte. A
/// file that has been written a short time ago is left out: its row may still be on its way.
pub(super) fn unused_files(
    connection: &Connection,
    homes: &Homes,
    prefix: u8,
) -> Result<(u64, Vec<Sha256>), StoreError> {
    // A folder that has been taken away meanwhile has no files to tell about.
    let Some(found) = homes.folder().ok().and_then(|folder| folder.list(prefix).ok()) else {
        return Ok((0, Vec::new()));
    };
    let before = OffsetDateTime::now_utc() - IN_FLIGHT;
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM images i JOIN image_files f ON f.image_id = i.image_id WHERE i.sha256 = ?1 AND f.home = 1
         UNION ALL SELECT 1 FROM removed_files WHERE sha256 = ?1",
    )?;
    let mut unused = Vec::new();
    for file in found.iter().filter(|file| file.modified < before) {
        if !statement.exists([file.sha256.0])? {
            unused.push(file.sha256);
        }
    }
    Ok((found.len() as u64, unused))
}

/// Says that a file belongs to no image.
pub(super) fn unused_file(sha256: &Sha256) -> Fault {
    fault(CheckPart::Orphans, None, format!("the folder of originals has a file of no image: {sha256}"))
}

/// Returns the first byte of the hashes whose files the step after a place looks at; `None` for the step that looks at rows,
/// which is the first one.
pub(super) fn prefix_after(after: Option<i64>) -> Option<u8> {
    after.map(|after| u8::try_from(after).unwrap_or(u8::MAX))
}

/// Returns the place behind a step: the number of first bytes that have been looked at. `None` when that was the last one.
pub(super) fn place_behind(prefix: Option<u8>, has_folder: bool) -> Option<i64> {
    match prefix {
        None => has_folder.then_some(0),
        Some(prefix) => prefix.checked_add(1).map(i64::from),
    }
}

/// Removes rows that belong to no image, and counts anew.
pub(super) fn repair_orphans(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    for table in OF_IMAGES {
        transaction.execute(&format!("DELETE FROM {table} WHERE image_id NOT IN (SELECT image_id FROM images)"), [])?;
    }
    for table in OF_MODELS {
        transaction.execute(
            &format!("DELETE FROM {table} WHERE model_id NOT IN (SELECT model_id FROM embedding_models)"),
            [],
        )?;
    }
    let sql = "SELECT id FROM image_texts_docsize WHERE id NOT IN (SELECT image_id FROM images)";
    for image_id in ids(transaction, sql, [])? {
        document::remove(transaction, image_id)?;
    }
    recount_images(transaction)?;
    transaction.execute_batch(
        "UPDATE embedding_models SET embedded =
             (SELECT count(*) FROM image_embeddings e WHERE e.model_id = embedding_models.model_id);",
    )?;
    Ok(())
}

/// Compares the texts of the images after one with the full-text index. Returns the faults, and the images that are to be
/// indexed again.
pub(super) fn texts(
    connection: &Connection,
    after: Option<i64>,
    limit: usize,
) -> Result<(CheckStep, Vec<Image>), StoreError> {
    let batch = images_after(connection, after, limit)?;
    let next = if batch.len() < limit { None } else { batch.last().copied() };
    let (mut faults, mut stale) = (Vec::new(), Vec::new());
    for image_id in &batch {
        let Some(image) = image(connection, *image_id)? else { continue };
        if !is_indexed(connection, &image)? {
            let found = format!("the text index does not hold the texts of image {image_id}");
            faults.push(fault(CheckPart::Texts, Some(*image_id), found));
            stale.push(image);
        }
    }
    Ok((CheckStep { checked: batch.len() as u64, faults, next }, stale))
}

/// Returns whether the full-text index has the tokens of an image: as many in each column, and a sample of them.
fn is_indexed(connection: &Connection, image: &Image) -> Result<bool, StoreError> {
    let columns = document::columns(&Document::of(image));
    let sizes: Vec<u64> = columns.iter().map(|column| column.split_ascii_whitespace().count() as u64).collect();
    let stored = connection
        .prepare_cached("SELECT sz FROM image_texts_docsize WHERE id = ?")?
        .query_map([image.image_id], |row| row.get::<_, Vec<u8>>(0))?
        .next()
        .transpose()?;
    if stored.map(|stored| varints(&stored)) != Some(sizes) {
        return Ok(false);
    }
    let tokens: BTreeSet<&str> = columns.iter().flat_map(|column| column.split_ascii_whitespace()).collect();
    let step = (tokens.len() / TOKENS).max(1);
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM image_texts WHERE image_texts MATCH ? AND rowid = ?")?;
    for token in tokens.into_iter().step_by(step) {
        let quoted = format!("\"{}\"", token.replace('"', "\"\""));
        if !statement.exists(params![quoted, image.image_id])? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads the numbers that SQLite writes with seven bits in each byte, the highest first.
fn varints(bytes: &[u8]) -> Vec<u64> {
    let mut numbers = Vec::new();
    let mut number = 0_u64;
    for byte in bytes {
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            numbers.push(number);
            number = 0;
        }
    }
    numbers
}
