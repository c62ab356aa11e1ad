//! The full-text index: the tokens of an image's texts as columns of IMAGE_TEXTS.

use rusqlite::{Connection, params};

use super::tags;
use super::values::count;
use crate::text::{Document, DocumentTokens, SEGMENTATION_VERSION, VariedTokens, folded_name};
use crate::{ImageId, StoreError, generation};

/// The mark of a token of the exact form, from Unicode's private use area: no token of a text holds it.
const EXACT: char = '\u{e000}';

/// The token that says that folding changes the texts of an image.
pub(super) const VARIED: &str = "\u{e000}";

/// The token between two texts in their exact form, so that no phrase reaches from one into the next.
const BARRIER: &str = " \u{e001} ";

/// The number of images that are read at once to be indexed anew.
const BATCH: usize = 500;

/// Returns the token that says that a character occurs. The `c` sets it apart from all tokens of texts: none of those
/// mixes a Latin letter with a character of an unspaced script.
pub(super) fn character_token(character: char) -> String {
    format!("c{character}")
}

/// Returns the token of the exact form of a text.
pub(super) fn exact_token(token: &str) -> String {
    format!("{EXACT}{token}")
}

/// The columns of IMAGE_TEXTS.
pub(super) const COLUMNS: [&str; 6] = ["caption", "tags", "prompt", "raw", "file_name", "single_characters"];

/// Returns the tokens of a document, with spaces between them, for each of [`COLUMNS`].
pub(super) fn columns(document: &Document<'_>) -> [String; COLUMNS.len()] {
    let DocumentTokens { caption, tags, prompt, raw, file_name, characters, varied } = document.tokens();
    let mut words: Vec<String> = characters.into_iter().map(character_token).collect();
    if let Some(VariedTokens { texts, characters }) = varied {
        words.extend(characters.into_iter().map(|character| exact_token(&character_token(character))));
        words.push(VARIED.to_owned());
        let exact = |text: &Vec<String>| text.iter().map(|token| exact_token(token)).collect::<Vec<_>>().join(" ");
        words.push(texts.iter().map(exact).collect::<Vec<_>>().join(BARRIER));
    }
    [caption, tags, prompt, raw, file_name, words].map(|tokens| tokens.join(" "))
}

/// Puts an image's texts into the index, in place of any older ones.
pub(super) fn index(connection: &Connection, image_id: ImageId, document: &Document<'_>) -> Result<(), StoreError> {
    remove(connection, image_id)?;
    let [caption, tags, prompt, raw, file_name, single_characters] = columns(document);
    connection
        .prepare_cached(
            "INSERT INTO image_texts (rowid, caption, tags, prompt, raw, file_name, single_characters)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![image_id, caption, tags, prompt, raw, file_name, single_characters])?;
    Ok(())
}

/// Removes an image's texts from the index.
pub(super) fn remove(connection: &Connection, image_id: ImageId) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM image_texts WHERE rowid = ?")?.execute([image_id])?;
    Ok(())
}

/// Folds all file names and indexes all texts anew when another version of the segmentation has made those in the
/// database. An interruption undoes all of it, and the next opening begins again.
pub(super) fn reindex_if_outdated(connection: &mut Connection) -> Result<(), StoreError> {
    let version: i64 =
        connection
            .query_row("SELECT value FROM store_facts WHERE name = 'segmentation_version'", [], |row| row.get(0))?;
    if version == SEGMENTATION_VERSION {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    transaction.execute_batch("INSERT INTO image_texts (image_texts) VALUES ('delete-all')")?;
    let mut images = 0;
    let mut after = 0;
    loop {
        let batch = stored_texts(&transaction, after)?;
        let Some(last) = batch.last() else { break };
        after = last.image_id;
        for texts in &batch {
            let readable = generation::from_json(texts.generation.as_deref());
            let document = Document {
                file_name: &texts.file_name,
                caption: texts.caption.as_deref(),
                tags: &tags::texts(&transaction, texts.image_id)?,
                generation_prompt: texts.generation_prompt.as_deref(),
                generation: readable.as_ref(),
            };
            transaction
                .prepare_cached("UPDATE images SET file_name_folded = ? WHERE image_id = ?")?
                .execute(params![folded_name(&texts.file_name), texts.image_id])?;
            index(&transaction, texts.image_id, &document)?;
        }
        images += batch.len();
    }
    if images > 0 {
        log::info!("the texts of {images} images have been indexed anew");
    }
    transaction
        .execute("UPDATE store_facts SET value = ? WHERE name = 'segmentation_version'", [SEGMENTATION_VERSION])?;
    transaction.commit()?;
    Ok(())
}

/// The texts of an image as the tables hold them.
struct StoredTexts {
    image_id: ImageId,
    file_name: String,
    generation_prompt: Option<String>,
    generation: Option<String>,
    caption: Option<String>,
}

fn stored_texts(connection: &Connection, after: ImageId) -> Result<Vec<StoredTexts>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT i.image_id, i.file_name, i.generation_prompt, i.generation, d.caption
         FROM images i LEFT JOIN image_descriptions d ON d.image_id = i.image_id
         WHERE i.image_id > ? ORDER BY i.image_id LIMIT ?",
    )?;
    let rows = statement.query_map(params![after, count(BATCH)], |row| {
        Ok(StoredTexts {
            image_id: row.get(0)?,
            file_name: row.get(1)?,
            generation_prompt: row.get(2)?,
            generation: row.get(3)?,
            caption: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_segmentation_version_indexes_all_texts_once() {
        let mut db = Connection::open_in_memory().unwrap();
        crate::sqlite::migrate::migrate(&mut db).unwrap();
        db.execute_batch(
            "INSERT INTO images (sha256, file_name, file_type, byte_count, width, height, upload_date, has_generation_prompt)
             VALUES (zeroblob(32), 'ネコと猫.png', 'image/png', 1, 1, 1, 0, 0);
             INSERT INTO image_texts (rowid, caption) VALUES (1, 'stale'), (2, 'stale');",
        )
        .unwrap();
        reindex_if_outdated(&mut db).unwrap();
        let count = |db: &Connection, token: &str| -> i64 {
            let sql = "SELECT count(*) FROM image_texts WHERE image_texts MATCH ?";
            db.query_row(sql, [token], |row| row.get(0)).unwrap()
        };
        assert_eq!((count(&db, "stale"), count(&db, "c猫")), (0, 1));
        let name: String = db.query_row("SELECT file_name_folded FROM images", [], |row| row.get(0)).unwrap();
        assert_eq!(name, "ねこと猫.png");
        // A second call indexes nothing.
        remove(&db, 1).unwrap();
        reindex_if_outdated(&mut db).unwrap();
        assert_eq!(count(&db, "c猫"), 0);
    }
}
