//! Each state that a kill can leave on disk, and what the next start makes of it.

use super::*;

/// A closed store with the images `a` and `b` in its folder.
fn stored() -> (TempDir, [ImageId; 2]) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let ids = ["a", "b"].map(|name| picture(name).insert(&store));
    store.close().unwrap();
    (directory, ids)
}

#[test]
fn a_kill_between_the_writing_of_a_file_and_its_name_leaves_nothing() {
    let (directory, ids) = stored();
    let partial = directory.path().join("originals/incoming/x.partial");
    fs::write(&partial, b"par").unwrap();
    let store = open(directory.path());
    assert!(!partial.exists());
    assert_eq!(store.content(ids[0]).unwrap().unwrap().bytes, b"a");
    assert!(check(&store, false).is_empty());
}

#[test]
fn a_kill_between_a_file_and_its_row_leaves_a_file_that_the_next_upload_takes() {
    let (directory, _) = stored();
    let path = put(directory.path(), b"c");
    make_old(&path);
    let store = open(directory.path());
    assert_eq!(check(&store, false).len(), 1);
    let image_id = picture("c").insert(&store);
    assert!(check(&store, false).is_empty());
    assert_eq!(store.content(image_id).unwrap().unwrap().bytes, b"c");
}

#[test]
fn a_kill_between_a_deletion_and_the_removal_of_its_file_is_made_good_at_the_next_start() {
    let (directory, ids) = stored();
    let store = open(directory.path());
    assert!(store.delete_image(ids[0]).unwrap());
    store.close().unwrap();
    let path = put(directory.path(), b"a");
    note_removal(directory.path(), b"a");
    let store = open(directory.path());
    assert!(!path.exists() && file_of(directory.path(), b"b").exists());
    store.close().unwrap();
    // A kill after the removal and before its commit leaves the name alone.
    note_removal(directory.path(), b"a");
    let store = open(directory.path());
    assert!(check(&store, false).is_empty());
}

#[test]
fn a_file_whose_image_has_come_back_is_not_removed() {
    let (directory, ids) = stored();
    note_removal(directory.path(), b"a");
    let store = open(directory.path());
    store.maintain(Occasion::Regular, &mut |_| ()).unwrap();
    assert_eq!(store.content(ids[0]).unwrap().unwrap().bytes, b"a");
    // The upload of bytes that are to be removed takes their name away.
    let path = put(directory.path(), b"c");
    note_removal(directory.path(), b"c");
    let image_id = picture("c").insert(&store);
    store.maintain(Occasion::Regular, &mut |_| ()).unwrap();
    assert!(path.exists());
    assert_eq!(store.content(image_id).unwrap().unwrap().bytes, b"c");
}

#[test]
fn a_move_that_is_cut_off_has_lost_nothing_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("originals");
    let in_database = with_folder(&folder, Home::Database);
    let store = SqliteStore::open(directory.path(), in_database.clone()).unwrap();
    let ids: Vec<_> = (0..9).map(|n| picture(&n.to_string()).insert(&store)).collect();
    let step = store.move_originals(Home::Database, Home::Folder, None, 4).unwrap();
    assert_eq!((step.moved, step.next), (4, Some(ids[3])));
    store.close().unwrap();
    // The kill came after the file of the next original and before its row; of the one after, in the middle of the file.
    put(directory.path(), b"4");
    fs::write(folder.join("incoming/5.partial"), b"").unwrap();
    let store = SqliteStore::open(directory.path(), in_database).unwrap();
    let everything = || {
        ids.iter().zip(0..).for_each(|(image_id, n)| {
            assert_eq!(store.content(*image_id).unwrap().unwrap().bytes, n.to_string().as_bytes());
        });
    };
    everything();
    assert_eq!(store.move_originals(Home::Database, Home::Folder, None, 100).unwrap().moved, 5);
    everything();
    assert_eq!(store.count_homes().unwrap(), HomeCounts { folder: 9, ..HomeCounts::default() });
    // On the way back, a kill after the commit leaves files that the next start removes.
    assert_eq!(store.move_originals(Home::Folder, Home::Database, None, 100).unwrap().moved, 9);
    store.close().unwrap();
    let left = put(directory.path(), b"0");
    note_removal(directory.path(), b"0");
    let store = open(directory.path());
    assert!(!left.exists() && check(&store, false).is_empty());
    assert_eq!(store.content(ids[0]).unwrap().unwrap().bytes, b"0");
}
