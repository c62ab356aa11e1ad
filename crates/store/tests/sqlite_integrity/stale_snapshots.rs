//! A snapshot of a vector index is used only if it was made of the rows that lie beside it.

use super::*;

/// An older copy of the database comes back beside the snapshots of a later time, and grows past them.
#[test]
fn a_database_put_back_beside_newer_snapshots_finds_its_own_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let (directory, backup) = (folder.path().join("data"), folder.path().join("backup"));
    let store = open(&directory);
    let model = model(&store, "a");
    fill(&store, &model, "first", 30, 1);
    store.close().unwrap();
    drop(store);
    copy(&directory, &backup);

    let store = open(&directory);
    fill(&store, &model, "second", 30, 2);
    store.close().unwrap();
    drop(store);
    copy_database(&backup, &directory);

    // More pictures than were lost, so that the change numbers reach beyond those of the snapshot. The process dies before
    // it saves a snapshot.
    let store = open(&directory);
    fill(&store, &model, "third", 35, 3);
    each_finds_itself(&store, &model);
    let killed = folder.path().join("killed");
    copy(&directory, &killed);
    drop(store);

    let store = open(&killed);
    wait_until_ready(&store);
    assert_eq!(store.count_images().unwrap(), 65);
    each_finds_itself(&store, &model);
    drop(store);
    // The snapshot of the other history is refused by every later start, too.
    let store = open(&killed);
    each_finds_itself(&store, &model);
}

/// A copy of the database is made while the server runs, and comes back beside what the same run saved later.
#[test]
fn a_copy_made_during_a_run_does_not_take_the_snapshot_of_the_end_of_that_run() {
    let folder = tempfile::tempdir().unwrap();
    let (directory, backup) = (folder.path().join("data"), folder.path().join("backup"));
    let store = open(&directory);
    let model = model(&store, "a");
    fill(&store, &model, "first", 30, 1);
    copy(&directory, &backup);
    fill(&store, &model, "second", 30, 2);
    store.close().unwrap();
    drop(store);
    copy_database(&backup, &directory);

    let store = open(&directory);
    assert!(snapshots(&directory).is_empty(), "the snapshot is removed");
    fill(&store, &model, "third", 35, 3);
    let killed = folder.path().join("killed");
    copy(&directory, &killed);
    drop(store);
    let store = open(&killed);
    wait_until_ready(&store);
    each_finds_itself(&store, &model);
}

#[test]
fn equal_numbers_of_other_images_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (directory, other) = (folder.path().join("data"), folder.path().join("other"));
    let store = open(&directory);
    let model = model(&store, "a");
    let ids = fill(&store, &model, "first", 30, 1);
    store.close().unwrap();
    drop(store);
    copy(&directory, &other);

    let store = open(&other);
    ids[..2].iter().for_each(|id| assert!(store.delete_image(*id).unwrap()));
    store.close().unwrap();
    drop(store);
    let store = open(&directory);
    ids[2..4].iter().for_each(|id| assert!(store.delete_image(*id).unwrap()));
    store.close().unwrap();
    drop(store);
    // Both snapshots hold 28 vectors up to the same change.
    let (theirs, ours) = (snapshots(&other).remove(0), snapshots(&directory).remove(0));
    fs::copy(theirs, ours).unwrap();

    let store = open(&directory);
    wait_until_ready(&store);
    assert_eq!(nearest(&store, &model, &scattered(1, 9)[0], 100).len(), 28);
    each_finds_itself(&store, &model);
}

#[test]
fn a_snapshot_is_used_after_runs_that_were_killed() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("data");
    let store = open(&directory);
    let model = model(&store, "a");
    fill(&store, &model, "first", 30, 1);
    store.close().unwrap();
    drop(store);
    let saved = fs::read(&snapshots(&directory)[0]).unwrap();
    for run in 0..3 {
        let store = open(&directory);
        fill(&store, &model, &format!("run-{run}"), 3, run + 2);
        let killed = folder.path().join("killed");
        copy(&directory, &killed);
        drop(store);
        fs::remove_dir_all(&directory).unwrap();
        fs::rename(killed, &directory).unwrap();
    }
    assert_eq!(fs::read(&snapshots(&directory)[0]).unwrap(), saved, "the snapshot of the first run is still there");
    // Nothing is left to the background, because the snapshot is taken.
    let options = SqliteOptions { catch_up_at_open: 9, ..SqliteOptions::default() };
    let store = SqliteStore::open(&directory, options).unwrap();
    assert!(snapshots(&directory).len() == 1);
    wait_until_ready(&store);
    assert_eq!(store.count_images().unwrap(), 39);
    each_finds_itself(&store, &model);
}

#[test]
fn the_snapshot_of_another_database_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("data");
    let store = open(&directory);
    let model = model(&store, "a");
    fill(&store, &model, "first", 5, 1);
    store.close().unwrap();
    drop(store);
    let own = snapshots(&directory).remove(0);
    let other = own.with_file_name("model-1-00112233aabbccdd.idx");
    fs::copy(&own, &other).unwrap();
    fs::write(own.with_file_name("model-1-00112233aabbccdd.idx.partial"), b"cut off").unwrap();
    drop(open(&directory));
    assert_eq!(snapshots(&directory), [own]);
}
