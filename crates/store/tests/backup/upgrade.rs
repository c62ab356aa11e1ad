//! The copy of the database before its schema is upgraded.

use mitsuke_store::sqlite::upgrade_copies;

use super::*;

/// Copies a data directory that an older version of the program has written.
fn older(state: &str) -> TempDir {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data_directories/0.1").join(state);
    let directory = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(recorded).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
        }
    }
    directory
}

fn version_and_images(database: &Path) -> (i64, i64) {
    let db = rusqlite::Connection::open(database).unwrap();
    let number = |sql: &str| db.query_row(sql, [], |row| row.get(0)).unwrap();
    (number("PRAGMA user_version"), number("SELECT count(*) FROM images"))
}

#[test]
fn an_upgrade_leaves_the_database_as_it_was_beside_it() {
    for state in ["stopped", "killed"] {
        let directory = older(state);
        let before = older(state);
        let (version, images) = version_and_images(&before.path().join("mitsuke.db"));
        drop(open(directory.path()));
        let copy = directory.path().join(format!("mitsuke.db.schema-{version}"));
        assert_eq!(upgrade_copies(directory.path()), std::slice::from_ref(&copy), "{state}");
        let written = fs::metadata(&copy).unwrap().modified().unwrap();
        // A second start upgrades nothing.
        assert_eq!(newest_ids(&open(directory.path())).len() as i64, images);
        assert_eq!(fs::metadata(&copy).unwrap().modified().unwrap(), written);
        assert_eq!(version_and_images(&copy), (version, images), "{state}");
    }
}

#[test]
fn the_copy_of_an_earlier_upgrade_goes() {
    let directory = older("stopped");
    let earlier = directory.path().join("mitsuke.db.schema-0");
    fs::write(&earlier, b"").unwrap();
    drop(open(directory.path()));
    assert!(!earlier.exists());
    assert_eq!(upgrade_copies(directory.path()).len(), 1);
}

#[test]
fn no_copy_is_made_of_a_new_store_or_against_the_options() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    assert!(upgrade_copies(directory.path()).is_empty());
    let directory = older("stopped");
    let options = SqliteOptions { upgrade_copy: false, ..SqliteOptions::default() };
    drop(SqliteStore::open(directory.path(), options).unwrap());
    assert!(upgrade_copies(directory.path()).is_empty());
}

#[test]
fn a_copy_of_an_older_schema_is_restored_and_upgraded() {
    let directory = older("stopped");
    let (_, images) = version_and_images(&older("stopped").path().join("mitsuke.db"));
    let store = open(directory.path());
    let backup = tempfile::tempdir().unwrap();
    store.back_up(backup.path(), BackupOptions::default(), &mut |_| (), &|| false).unwrap();
    let expected = contents(&store);
    let into = tempfile::tempdir().unwrap();
    restore_from(backup.path(), None, into.path(), false).unwrap();
    let restored = open(into.path());
    assert_eq!(contents(&restored), expected);
    assert_eq!(newest_ids(&restored).len() as i64, images);
}
