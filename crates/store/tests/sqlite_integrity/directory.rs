//! The data directory: locked, private, and not started as an empty store by mistake.

use super::*;

#[test]
fn removing_the_lock_file_lets_no_second_store_in() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fs::remove_file(folder.path().join("mitsuke.lock")).unwrap();
    let second = SqliteStore::open(folder.path(), SqliteOptions::default()).err();
    assert!(matches!(second, Some(StoreError::Locked(_))), "{second:?}");
    store.close().unwrap();
    open(folder.path()).check().unwrap();
}

#[test]
fn a_missing_or_empty_database_beside_what_belongs_to_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let store = open(&whole);
    let model = model(&store, "a");
    fill(&store, &model, "a", 5, 1);
    store.close().unwrap();
    drop(store);
    for (name, left) in [("mark", "mitsuke.mark"), ("snapshot", "vectors")] {
        for empty in [false, true] {
            let directory = folder.path().join(format!("{name}-{empty}"));
            copy(&whole, &directory);
            for file in ["mitsuke.db", "mitsuke.db-wal", "mitsuke.db-shm", "mitsuke.mark", "vectors"] {
                if file != left {
                    let path = directory.join(file);
                    _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
                }
            }
            if empty {
                fs::write(directory.join("mitsuke.db"), b"").unwrap();
            }
            let refused = SqliteStore::open(&directory, SqliteOptions::default()).err();
            assert!(matches!(&refused, Some(StoreError::Damaged(_))), "{name} {empty}: {refused:?}");
            assert!(refused.unwrap().to_string().contains("mitsuke restore"));
            // The database put back, everything is as it was.
            fs::copy(whole.join("mitsuke.db"), directory.join("mitsuke.db")).unwrap();
            assert_eq!(open(&directory).count_images().unwrap(), 5);
        }
    }
}

#[test]
fn a_database_without_tables_is_refused_beside_a_mark() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close().unwrap();
    fs::remove_file(folder.path().join("mitsuke.db")).unwrap();
    let db = sql(folder.path());
    db.execute_batch("CREATE TABLE x (x); DROP TABLE x;").unwrap();
    drop(db);
    let refused = SqliteStore::open(folder.path(), SqliteOptions::default()).err();
    assert!(matches!(&refused, Some(StoreError::Damaged(_))), "{refused:?}");
}

#[test]
fn a_first_start_that_was_cut_off_starts() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("vectors")).unwrap();
    fs::write(folder.path().join("mitsuke.lock"), b"").unwrap();
    fs::write(folder.path().join("mitsuke.db"), b"").unwrap();
    assert_eq!(open(folder.path()).count_images().unwrap(), 0);
}

#[cfg(unix)]
#[test]
fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("data");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let all = |directory: &Path| {
        assert_eq!((mode(directory), mode(&directory.join("vectors"))), (0o700, 0o700));
        for file in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).chain(snapshots(directory)) {
            if file.is_file() {
                assert_eq!(mode(&file), 0o600, "{}", file.display());
            }
        }
    };
    let store = open(&directory);
    let model = model(&store, "a");
    fill(&store, &model, "a", 5, 1);
    all(&directory);
    assert!(directory.join("mitsuke.db-wal").exists());
    store.close().unwrap();
    drop(store);
    all(&directory);
    // A directory that an earlier version has made is closed to others at the next start.
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(directory.join("mitsuke.db"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(&snapshots(&directory)[0], fs::Permissions::from_mode(0o644)).unwrap();
    let _store = open(&directory);
    all(&directory);
}
