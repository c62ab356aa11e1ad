//! Migrations: bring a database to the schema that this program knows.

use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;

/// The steps in their order. `user_version` is the number of steps that a database has had. A released step is never
/// edited: a change of the schema is a new step.
const MIGRATIONS: [&str; 9] = [
    include_str!("../../../../sql/sqlite/0001_tables.sql"),
    include_str!("../../../../sql/sqlite/0002_text_index.sql"),
    include_str!("../../../../sql/sqlite/0003_models_and_filters.sql"),
    include_str!("../../../../sql/sqlite/0004_folded_names.sql"),
    include_str!("../../../../sql/sqlite/0005_tags.sql"),
    include_str!("../../../../sql/sqlite/0006_thumbnails.sql"),
    include_str!("../../../../sql/sqlite/0007_facts.sql"),
    include_str!("../../../../sql/sqlite/0008_integrity.sql"),
    include_str!("../../../../sql/sqlite/0009_originals.sql"),
];

/// The mark of Mitsuke's database files ("MTSK"), so that a database of another program is never migrated by mistake.
const APPLICATION_ID: i32 = 0x4D54_534B;

/// Returns the schema version that this program brings databases to.
pub(super) const fn known_version() -> i64 {
    MIGRATIONS.len() as i64
}

/// Applies the missing steps, each in a transaction of its own.
///
/// # Errors
/// [`StoreError::NewerSchema`]; [`StoreError::Damaged`] when the database belongs to another program.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (application != 0 || version != 0 || tables != 0) {
        return Err(StoreError::Damaged("the database file belongs to another program".into()));
    }
    let known = MIGRATIONS.len() as i64;
    if version > known {
        return Err(StoreError::NewerSchema { found: version, known });
    }
    for (number, sql) in (1_i64..).zip(MIGRATIONS) {
        if number <= version {
            continue;
        }
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        step.execute_batch(sql)?;
        step.pragma_update(None, "application_id", APPLICATION_ID)?;
        step.pragma_update(None, "user_version", number)?;
        step.commit()?;
        log::info!("the database schema is now at version {number}");
    }
    Ok(())
}

/// Returns the schema version of a database, and the newest one that this program knows.
pub(super) fn versions(connection: &Connection) -> Result<(i64, i64), StoreError> {
    let found = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok((found, MIGRATIONS.len() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_database_gets_every_step_and_an_up_to_date_one_none() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, MIGRATIONS.len() as i64);
        let views: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'view' AND name LIKE 'current%'", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(views, 2);
    }

    #[test]
    fn the_rows_of_an_older_version_are_migrated() {
        let mut connection = Connection::open_in_memory().unwrap();
        for sql in &MIGRATIONS[..2] {
            connection.execute_batch(sql).unwrap();
        }
        connection
            .execute_batch(&format!(
                r#"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 2;
                INSERT INTO embedding_models (model_name, model_version, vector_dimension, is_current)
                VALUES ('a', '1', 8, 1), ('b', '1', 8, 0);
                INSERT INTO images (sha256, file_name, file_type, byte_count, width, height, upload_date,
                                    has_generation_prompt, generation)
                VALUES (randomblob(32), 'x', 'image/png', 1, 1, 1, 0, 0,
                        '{{"model": "sdxl", "sampler": "Euler a", "seed": 18446744073709551615}}'),
                       (randomblob(32), 'x', 'image/png', 1, 1, 1, 0, 0, '{{"model": 7, "seed": "1"}}'),
                       (randomblob(32), 'x', 'image/png', 1, 1, 1, 0, 0, 'not JSON'),
                       (randomblob(32), 'x', 'image/png', 1, 1, 1, 0, 0, NULL);"#
            ))
            .unwrap();
        migrate(&mut connection).unwrap();
        let texts = |sql: &str| -> Vec<Option<String>> {
            let mut statement = connection.prepare(sql).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        assert_eq!(texts("SELECT group_concat(maintained) FROM embedding_models"), [Some("1,0".into())]);
        let none = [None, None, None];
        for (column, value) in [("model", "sdxl"), ("sampler", "Euler a"), ("seed", "18446744073709551615")] {
            let found = texts(&format!("SELECT generation_{column} FROM images ORDER BY image_id"));
            assert_eq!((found[0].as_deref(), &found[1..]), (Some(value), &none[..]), "{column}");
        }
    }

    #[test]
    fn version_8_keeps_thumbnails_and_its_rows_go_with_their_image() {
        let mut connection = Connection::open_in_memory().unwrap();
        for sql in &MIGRATIONS[..7] {
            connection.execute_batch(sql).unwrap();
        }
        connection
            .execute_batch(&format!(
                "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 7; PRAGMA foreign_keys = ON;
                INSERT INTO images (sha256, file_name, file_type, byte_count, width, height, upload_date,
                                    has_generation_prompt)
                VALUES (randomblob(32), 'x', 'image/png', 1, 1, 1, 0, 0);
                INSERT INTO image_thumbnails (image_id, size, jpeg) VALUES (1, 512, x'ff');"
            ))
            .unwrap();
        migrate(&mut connection).unwrap();
        let count = |db: &Connection, sql: &str| -> i64 { db.query_row(sql, [], |row| row.get(0)).unwrap() };
        let kept = "SELECT count(*) FROM image_thumbnails WHERE jpeg = x'ff' AND sha256 IS NULL";
        assert_eq!(count(&connection, kept), 1);
        connection
            .execute_batch(
                "INSERT INTO image_chunks (image_id, hashes) VALUES (1, zeroblob(64));
                INSERT INTO image_damage (image_id, found_at) VALUES (1, 0);
                DELETE FROM images;",
            )
            .unwrap();
        let left = "SELECT (SELECT count(*) FROM image_chunks) + (SELECT count(*) FROM image_damage)";
        assert_eq!(count(&connection, left), 0);
    }

    #[test]
    fn version_9_keeps_every_original_in_the_database() {
        let mut connection = Connection::open_in_memory().unwrap();
        for sql in &MIGRATIONS[..8] {
            connection.execute_batch(sql).unwrap();
        }
        connection
            .execute_batch(&format!(
                "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 8; PRAGMA foreign_keys = ON;
                INSERT INTO images (sha256, file_name, file_type, byte_count, width, height, upload_date,
                                    has_generation_prompt)
                VALUES (randomblob(32), 'x', 'image/png', 1, 1, 1, 0, 0);
                INSERT INTO image_contents (image_id, image_data) VALUES (1, x'ff');
                INSERT INTO image_damage (image_id, found_at) VALUES (1, 7);"
            ))
            .unwrap();
        migrate(&mut connection).unwrap();
        let count = |db: &Connection, sql: &str| -> i64 { db.query_row(sql, [], |row| row.get(0)).unwrap() };
        let kept = "SELECT count(*) FROM image_contents c JOIN image_damage d ON d.image_id = c.image_id
                    WHERE c.image_data = x'ff' AND d.found_at = 7 AND d.reason = 0";
        assert_eq!((count(&connection, kept), count(&connection, "SELECT count(*) FROM image_files")), (1, 0));
        connection
            .execute_batch("INSERT INTO image_files (image_id, home) VALUES (1, 1); DELETE FROM images;")
            .unwrap();
        assert_eq!(count(&connection, "SELECT count(*) FROM image_files"), 0);
    }

    #[test]
    fn a_newer_database_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(migrate(&mut connection), Err(StoreError::NewerSchema { found: 99, .. })));
    }

    #[test]
    fn another_programs_database_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert!(matches!(migrate(&mut connection), Err(StoreError::Damaged(_))));
    }
}
