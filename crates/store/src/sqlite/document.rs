//! The full-text index: the tokens of an image's texts as columns of IMAGE_TEXTS.

use rusqlite::{Connection, params};

use super::tags;
use crate::text::{Document, DocumentTokens, SEGMENTATION_VERSION};
use crate::{ImageId, StoreError, generation};

/// Returns the token that says that a character occurs. The `c` sets it apart from all tokens of texts: none of those
/// mixes a Latin letter with a character of an unspaced script.
pub(super) fn character_token(character: char) -> String {
    format!("c{character}")
}

/// Puts an image's texts into the index, in place of any older ones.
pub(super) fn index(connection: &Connection, image_id: ImageId, document: &Document<'_>) -> Result<(), StoreError> {
    let DocumentTokens { caption, tags, prompt, raw, file_name, characters } = document.tokens();
    let characters = characters.into_iter().map(character_token).collect::<Vec<_>>().join(" ");
    remove(connection, image_id)?;
    connection
        .prepare_cached(
            "INSERT INTO image_texts (rowid, caption, tags, prompt, raw, file_name, single_characters)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![image_id, caption, tags, prompt, raw, file_name, characters])?;
    Ok(())
}

/// Removes an image's texts from the index.
pub(super) fn remove(connection: &Connection, image_id: ImageId) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM image_texts WHERE rowid = ?")?.execute([image_id])?;
    Ok(())
}

/// Indexes all texts anew when another version of the segmentation has cut those in the index.
pub(super) fn reindex_if_outdated(connection: &mut Connection) -> Result<(), StoreError> {
    let version: i64 =
        connection
            .query_row("SELECT value FROM store_facts WHERE name = 'segmentation_version'", [], |row| row.get(0))?;
    if version == SEGMENTATION_VERSION {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    transaction.execute_batch("INSERT INTO image_texts (image_texts) VALUES ('delete-all')")?;
    {
        let mut images = transaction.prepare(
            "SELECT i.image_id, i.file_name, i.generation_prompt, i.generation, d.caption
             FROM images i LEFT JOIN image_descriptions d ON d.image_id = i.image_id",
        )?;
        let mut rows = images.query([])?;
        let mut count = 0_u64;
        while let Some(row) = rows.next()? {
            let [prompt, generation, caption]: [Option<String>; 3] = [row.get(2)?, row.get(3)?, row.get(4)?];
            let readable = generation::from_json(generation.as_deref());
            let image_id = row.get(0)?;
            let document = Document {
                file_name: &row.get::<_, String>(1)?,
                caption: caption.as_deref(),
                tags: &tags::texts(&transaction, image_id)?,
                generation_prompt: prompt.as_deref(),
                generation: readable.as_ref(),
            };
            index(&transaction, image_id, &document)?;
            count += 1;
        }
        if count > 0 {
            log::info!("the texts of {count} images have been indexed anew");
        }
    }
    transaction
        .execute("UPDATE store_facts SET value = ? WHERE name = 'segmentation_version'", [SEGMENTATION_VERSION])?;
    transaction.commit()?;
    Ok(())
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
             VALUES (zeroblob(32), '猫.png', 'image/png', 1, 1, 1, 0, 0);
             INSERT INTO image_texts (rowid, caption) VALUES (1, 'stale'), (2, 'stale');",
        )
        .unwrap();
        reindex_if_outdated(&mut db).unwrap();
        let count = |db: &Connection, token: &str| -> i64 {
            let sql = "SELECT count(*) FROM image_texts WHERE image_texts MATCH ?";
            db.query_row(sql, [token], |row| row.get(0)).unwrap()
        };
        assert_eq!((count(&db, "stale"), count(&db, "c猫")), (0, 1));
        // A second call indexes nothing.
        remove(&db, 1).unwrap();
        reindex_if_outdated(&mut db).unwrap();
        assert_eq!(count(&db, "c猫"), 0);
    }
}
