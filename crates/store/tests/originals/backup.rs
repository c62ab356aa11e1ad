//! Backups hold the originals of the folder, and restores bring them back there.

use mitsuke_store::sqlite::{RestoreOptions, Restored, restore};
use mitsuke_store::{BackupError, BackupOptions, BackupStore as _, LinkFolders, Manifest, RoomState};

use super::*;

fn back_up(store: &SqliteStore, to: &Path) -> Manifest {
    store.back_up(to, BackupOptions { verify: true, keep: None }, &mut |_| (), &|| false).unwrap()
}

fn try_restore(from: &Path, into: &Path, folder: Option<&Path>) -> Result<Restored, BackupError> {
    let originals = OriginalsOptions { folder: folder.map(Path::to_owned), ..OriginalsOptions::default() };
    let (from, into) = (from.to_owned(), into.to_owned());
    restore(&RestoreOptions { from, copy: None, into, originals, allow_damaged: false }, &mut |_| ())
}

fn bytes_of(store: &SqliteStore, ids: &[ImageId]) -> Vec<Vec<u8>> {
    ids.iter().map(|image_id| store.content(*image_id).unwrap().unwrap().bytes).collect()
}

/// A store with the originals `a` and `b` in its folder and `c` in its database, and a backup of it.
fn backed_up() -> (TempDir, TempDir, [ImageId; 3]) {
    let (data, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(data.path());
    let [a, b] = ["a", "b"].map(|name| picture(name).insert(&store));
    store.close().unwrap();
    let store = SqliteStore::open(data.path(), with_folder(&data.path().join("originals"), Home::Database)).unwrap();
    let c = picture("c").insert(&store);
    let manifest = back_up(&store, backup.path());
    assert_eq!((manifest.images, manifest.pictures_bytes, manifest.damaged), (3, 3, vec![]));
    store.close().unwrap();
    (data, backup, [a, b, c])
}

#[test]
fn originals_come_back_into_their_homes_and_what_lay_there_is_kept() {
    let (data, backup, ids) = backed_up();
    let store = open(data.path());
    picture("later").insert(&store);
    store.close().unwrap();
    let restored = try_restore(backup.path(), data.path(), Some(&data.path().join("originals"))).unwrap();
    let before = restored.replaced.unwrap();
    assert!(file_of(&before, b"later").exists() && !file_of(data.path(), b"later").exists());
    let store = open(data.path());
    assert_eq!(bytes_of(&store, &ids), [b"a", b"b", b"c"]);
    assert_eq!(store.count_homes().unwrap(), HomeCounts { database: 1, folder: 2, in_place: 0 });
    assert!(check(&store, false).is_empty());
    picture("new").insert(&store);
    assert!(file_of(data.path(), b"new").exists());
}

#[test]
fn a_restore_without_a_folder_puts_everything_into_the_database() {
    let (_data, backup, ids) = backed_up();
    let into = tempfile::tempdir().unwrap();
    try_restore(backup.path(), into.path(), None).unwrap();
    let store = SqliteStore::open(into.path(), SqliteOptions::default()).unwrap();
    assert_eq!(bytes_of(&store, &ids), [b"a", b"b", b"c"]);
    assert_eq!(store.count_homes().unwrap().database, 3);
}

#[test]
fn a_folder_elsewhere_keeps_what_it_holds() {
    let (data, backup, ids) = backed_up();
    let into = tempfile::tempdir().unwrap();
    let folder = data.path().join("originals");
    fs::remove_file(file_of(data.path(), b"a")).unwrap();
    let kept = put(data.path(), b"kept");
    try_restore(backup.path(), into.path(), Some(&folder)).unwrap();
    assert!(kept.exists());
    let store = SqliteStore::open(into.path(), with_folder(&folder, Home::Folder)).unwrap();
    assert_eq!(bytes_of(&store, &ids), [b"a", b"b", b"c"]);
    // A folder of another store is left alone.
    let other = tempfile::tempdir().unwrap();
    let another = open(other.path());
    let refused = try_restore(backup.path(), &into.path().join("x"), Some(&other.path().join("originals")));
    assert!(matches!(refused, Err(BackupError::Store(StoreError::Misconfigured(_)))), "{refused:?}");
    drop(another);
}

#[test]
fn a_restore_that_is_cut_off_before_the_folder_has_its_place_is_ended_by_the_next_start() {
    let (data, backup, ids) = backed_up();
    let into = tempfile::tempdir().unwrap();
    let place = into.path().join("originals");
    try_restore(backup.path(), into.path(), Some(&place)).unwrap();
    fs::rename(&place, into.path().join("originals.restoring")).unwrap();
    fs::write(into.path().join("mitsuke.restoring"), b"before-restore-x").unwrap();
    let store = open(into.path());
    assert_eq!(bytes_of(&store, &ids), [b"a", b"b", b"c"]);
    store.close().unwrap();
    // A restore that was cut off before its first change leaves the store that is there as it was.
    fs::create_dir(data.path().join("originals.restoring")).unwrap();
    for name in ["mitsuke.db.restoring", "mitsuke.restoring"] {
        fs::write(data.path().join(name), b"before-restore-x").unwrap();
    }
    let store = open(data.path());
    assert_eq!(bytes_of(&store, &ids), [b"a", b"b", b"c"]);
    assert!(!data.path().join("originals.restoring").exists() && !data.path().join("mitsuke.db.restoring").exists());
}

#[test]
fn a_damaged_file_is_named_and_an_earlier_copy_of_it_is_kept() {
    let (data, backup, ids) = backed_up();
    let store = open(data.path());
    fs::write(file_of(data.path(), b"a"), b"x").unwrap();
    let d = picture("d").insert(&store);
    fs::write(file_of(data.path(), b"d"), b"x").unwrap();
    let manifest = back_up(&store, backup.path());
    assert_eq!(manifest.damaged, [d]);
    let into = tempfile::tempdir().unwrap();
    let restored = try_restore(backup.path(), into.path(), Some(&into.path().join("originals"))).unwrap();
    assert_eq!(restored.damaged, [d]);
    let store = open(into.path());
    assert_eq!(bytes_of(&store, &ids), [b"a", b"b", b"c"]);
    assert!(matches!(store.content(d), Err(StoreError::ImageDamaged(_))));
}

#[test]
fn an_image_that_is_deleted_while_it_is_backed_up_keeps_its_file_until_the_end() {
    let data = tempfile::tempdir().unwrap();
    let backup = tempfile::tempdir().unwrap();
    let store = open(data.path());
    let ids = ["a", "b"].map(|name| picture(name).insert(&store));
    let deleted = std::cell::Cell::new(false);
    let stop = || {
        if !deleted.replace(true) {
            store.delete_image(ids[1]).unwrap();
            assert!(file_of(data.path(), b"b").exists());
        }
        false
    };
    store.back_up(backup.path(), BackupOptions::default(), &mut |_| (), &stop).unwrap();
    assert!(deleted.get() && !file_of(data.path(), b"b").exists());
    assert!(check(&store, false).is_empty());
}

#[test]
fn files_in_place_are_named_and_not_copied() {
    let root = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(root.path()).unwrap();
    let (data, backup, linked) = (root.join("data"), root.join("backup"), root.join("linked"));
    fs::create_dir_all(&linked).unwrap();
    let file = linked.join("a.png");
    fs::write(&file, b"a").unwrap();
    let mut with_links = options(&data);
    with_links.originals.link_folders = vec![linked.clone()];
    let store = SqliteStore::open(&data, with_links.clone()).unwrap();
    let state = LinkFolders::new(&[linked]).open(&file).unwrap().state;
    let image_id = picture("a").linked_at(&file.display().to_string(), state.modified_ns).insert(&store);
    let manifest = back_up(&store, &backup);
    assert_eq!((manifest.linked, manifest.linked_bytes, manifest.damaged), (1, 1, vec![]));
    assert_eq!(fs::read_dir(backup.join("pictures")).unwrap().count(), 0);
    store.close().unwrap();
    let restored = try_restore(&backup, &data, Some(&data.join("originals"))).unwrap();
    assert_eq!((restored.linked, restored.damaged), (1, vec![]));
    let store = SqliteStore::open(&data, with_links).unwrap();
    assert_eq!(bytes_of(&store, &[image_id]), [b"a"]);
}

#[test]
fn the_room_is_that_of_the_disk_that_is_nearer_to_its_mark() {
    let data = tempfile::tempdir().unwrap();
    let mut low = options(data.path());
    low.min_free_bytes = Some(0);
    low.originals.min_free_bytes = Some(u64::MAX);
    let store = SqliteStore::open(data.path(), low.clone()).unwrap();
    assert!(store.room().is_some_and(RoomState::is_low));
    assert!(matches!(picture("a").try_insert(&store), Err(StoreError::DiskFull(_))));
    store.close().unwrap();
    low.originals.home = Home::Database;
    let store = SqliteStore::open(data.path(), low).unwrap();
    picture("a").insert(&store);
}
