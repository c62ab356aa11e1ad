//! The filling of the facts that are made of other columns: the keys of file names, the folded forms of cameras and
//! folders, the LoRAs, and the words of prompts.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::loras;
use super::prompt_words::{WordCounts, words_of};
use super::values::count;
use crate::source_path::folded_folder;
use crate::text::{SEGMENTATION_VERSION, folded, natural_key};
use crate::{ImageId, StoreError, folder_of, generation};

/// The number of this way of making facts. A change of folding is a change of it.
const FACTS_VERSION: i64 = 100 * SEGMENTATION_VERSION + 1;

/// The number of images of one transaction.
const BATCH: usize = 5_000;

/// Fills the facts of all images when another version of the program has made those in the database. After an
/// interruption the next opening goes on behind the last batch.
pub(super) fn fill_if_outdated(connection: &mut Connection) -> Result<(), StoreError> {
    fill_in_batches(connection, BATCH)
}

fn fill_in_batches(connection: &mut Connection, size: usize) -> Result<(), StoreError> {
    if fact(connection, "facts_version")? == Some(FACTS_VERSION) {
        return Ok(());
    }
    let mut after = begun(connection)?;
    let mut images = 0;
    loop {
        let transaction = connection.transaction()?;
        let batch = rows(&transaction, after, size)?;
        let Some(last) = batch.last() else {
            set(&transaction, "facts_version", FACTS_VERSION)?;
            transaction.execute("DELETE FROM store_facts WHERE name IN ('facts_filling', 'facts_filled')", [])?;
            transaction.commit()?;
            break;
        };
        after = last.image_id;
        fill(&transaction, &batch)?;
        set(&transaction, "facts_filled", after)?;
        transaction.commit()?;
        images += batch.len();
        log::info!("the facts of {images} images have been filled in");
    }
    Ok(())
}

/// Returns the last image that an interrupted filling by this version has reached; otherwise empties the tables.
fn begun(connection: &mut Connection) -> Result<ImageId, StoreError> {
    if fact(connection, "facts_filling")? == Some(FACTS_VERSION) {
        return Ok(fact(connection, "facts_filled")?.unwrap_or_default());
    }
    let transaction = connection.transaction()?;
    transaction.execute_batch("DELETE FROM image_loras; DELETE FROM prompt_words;")?;
    set(&transaction, "facts_filling", FACTS_VERSION)?;
    set(&transaction, "facts_filled", 0)?;
    transaction.commit()?;
    Ok(0)
}

fn fact(connection: &Connection, name: &str) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT value FROM store_facts WHERE name = ?";
    Ok(connection.query_row(sql, [name], |row| row.get(0)).optional()?)
}

fn set(transaction: &Transaction<'_>, name: &str, value: i64) -> Result<(), StoreError> {
    transaction.execute("INSERT OR REPLACE INTO store_facts (name, value) VALUES (?, ?)", params![name, value])?;
    Ok(())
}

/// The columns that the facts of an image are made of.
struct Row {
    image_id: ImageId,
    file_name: String,
    generation: Option<String>,
    camera: Option<String>,
    source_path: Option<String>,
}

fn rows(connection: &Connection, after: ImageId, size: usize) -> Result<Vec<Row>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT image_id, file_name, generation, camera, source_path FROM images
         WHERE image_id > ? ORDER BY image_id LIMIT ?",
    )?;
    let rows = statement.query_map(params![after, count(size)], |row| {
        Ok(Row {
            image_id: row.get(0)?,
            file_name: row.get(1)?,
            generation: row.get(2)?,
            camera: row.get(3)?,
            source_path: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn fill(transaction: &Transaction<'_>, batch: &[Row]) -> Result<(), StoreError> {
    let mut columns = transaction.prepare_cached(
        "UPDATE images SET file_name_key = ?, camera_folded = ?, folder_folded = ? WHERE image_id = ?",
    )?;
    let mut words = WordCounts::default();
    for row in batch {
        columns.execute(params![
            natural_key(&row.file_name),
            row.camera.as_deref().map(folded),
            row.source_path.as_deref().map(|path| folded_folder(&folder_of(path))),
            row.image_id
        ])?;
        let readable = generation::from_json(row.generation.as_deref());
        loras::insert(transaction, row.image_id, readable.as_ref())?;
        words.count(words_of(readable.as_ref()));
    }
    words.write(transaction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::migrate;

    fn filled(images: usize) -> Connection {
        let mut db = Connection::open_in_memory().unwrap();
        migrate::migrate(&mut db).unwrap();
        for n in 0..images {
            db.execute(
                r#"INSERT INTO images (sha256, file_name, file_type, byte_count, width, height, upload_date,
                                       has_generation_prompt, generation, camera, source_path)
                   VALUES (randomblob(32), ?, 'image/png', 1, 1, 1, 0, 0,
                           '{"prompt": "a cat, 猫", "loras": [{"name": "x/Ink.pt", "weight": 0.5}]}',
                           'CANON', 'Ａ/b.png')"#,
                [format!("a{n}.png")],
            )
            .unwrap();
        }
        db
    }

    fn words(db: &Connection) -> Vec<(String, i64)> {
        let mut statement = db.prepare("SELECT word, images FROM prompt_words ORDER BY word").unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn the_facts_of_older_rows_are_filled_in_once() {
        let mut db = filled(5);
        fill_in_batches(&mut db, 2).unwrap();
        fill_in_batches(&mut db, 2).unwrap();
        assert_eq!(words(&db), [("cat".into(), 5), ("猫".into(), 5)]);
        let row: (Vec<u8>, String, String, String, f64) = db
            .query_row(
                "SELECT i.file_name_key, i.camera_folded, i.folder_folded, l.folded || l.name, l.weight
                 FROM images i JOIN image_loras l USING (image_id) WHERE image_id = 3",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
            )
            .unwrap();
        assert_eq!(row, (natural_key("a2.png"), "canon".into(), "/a/".into(), "inkInk".into(), 0.5));
    }

    #[test]
    fn an_interrupted_filling_goes_on_where_it_ended() {
        let mut db = filled(5);
        let after = begun(&mut db).unwrap();
        let transaction = db.transaction().unwrap();
        let batch = rows(&transaction, after, 2).unwrap();
        fill(&transaction, &batch).unwrap();
        set(&transaction, "facts_filled", batch[1].image_id).unwrap();
        transaction.commit().unwrap();
        fill_in_batches(&mut db, 2).unwrap();
        assert_eq!(words(&db), [("cat".into(), 5), ("猫".into(), 5)]);
        // A filling that another version began is begun anew.
        db.execute("UPDATE store_facts SET value = 0 WHERE name = 'facts_version'", []).unwrap();
        db.execute("INSERT INTO store_facts VALUES ('facts_filling', 1), ('facts_filled', 4)", []).unwrap();
        fill_in_batches(&mut db, 2).unwrap();
        assert_eq!(words(&db), [("cat".into(), 5), ("猫".into(), 5)]);
    }
}
