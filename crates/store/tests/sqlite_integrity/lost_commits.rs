//! Changes that were answered and are missing are told.

use super::*;

/// Leaves a directory as a kill after `count` uploads leaves it.
fn killed(count: usize) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (running, killed) = (folder.path().join("running"), folder.path().join("killed"));
    let store = open(&running);
    let model = model(&store, "a");
    fill(&store, &model, "a", count, 1);
    copy(&running, &killed);
    (folder, killed)
}

fn lost(store: &SqliteStore) -> u64 {
    store.condition().unwrap().lost_commits
}

#[test]
fn nothing_is_told_after_a_kill() {
    let (_folder, directory) = killed(10);
    let store = open(&directory);
    assert_eq!((store.count_images().unwrap(), lost(&store)), (10, 0));
    drop(store);
    assert_eq!(lost(&open(&directory)), 0);
}

#[test]
fn a_removed_log_is_told_until_it_is_acknowledged() {
    let (_folder, directory) = killed(10);
    fs::remove_file(directory.join("mitsuke.db-wal")).unwrap();
    let store = open(&directory);
    let missing = 10 - store.count_images().unwrap();
    assert!(missing > 0 && lost(&store) >= missing, "{} for {missing}", lost(&store));
    let told = lost(&store);
    drop(store);
    let store = open(&directory);
    assert_eq!(lost(&store), told, "the loss is counted once");
    store.acknowledge_loss().unwrap();
    drop(store);
    assert_eq!(lost(&open(&directory)), 0);
}

#[test]
fn a_flipped_byte_of_the_log_is_told() {
    let (_folder, directory) = killed(10);
    let path = directory.join("mitsuke.db-wal");
    let mut log = fs::read(&path).unwrap();
    let middle = log.len() / 2;
    log[middle] ^= 1;
    fs::write(&path, log).unwrap();
    let store = open(&directory);
    let missing = 10 - store.count_images().unwrap();
    assert!(missing > 0 && lost(&store) >= missing);
    each_finds_itself(&store, &store.models().unwrap()[0].clone());
}

#[test]
fn an_older_copy_of_the_database_is_told_as_lost_or_other_and_not_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (directory, backup) = (folder.path().join("data"), folder.path().join("backup"));
    let store = open(&directory);
    let model = model(&store, "a");
    fill(&store, &model, "a", 5, 1);
    copy(&directory, &backup);
    fill(&store, &model, "b", 5, 2);
    store.close().unwrap();
    drop(store);
    copy_database(&backup, &directory);
    // The copy was made during the run that the mark belongs to.
    let store = open(&directory);
    assert_eq!((store.count_images().unwrap(), lost(&store)), (5, 5));
    store.acknowledge_loss().unwrap();
    drop(store);
    // The copy is older than the run that the mark belongs to: that is a choice, and no loss.
    copy_database(&backup, &directory);
    let store = open(&directory);
    assert_eq!((store.count_images().unwrap(), lost(&store)), (5, 0));
}

#[test]
fn calls_that_change_nothing_are_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    picture("a").insert(&store);
    let commits = || -> i64 {
        sql(folder.path())
            .query_row("SELECT value FROM store_facts WHERE name = 'commits'", [], |row| row.get(0))
            .unwrap()
    };
    let before = commits();
    assert!(!store.delete_image(999).unwrap());
    picture("a").try_insert(&store).unwrap();
    assert_eq!(commits(), before);
    picture("b").insert(&store);
    assert_eq!(commits(), before + 1);
}
