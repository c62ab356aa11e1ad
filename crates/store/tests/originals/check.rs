//! The check finds files without images and images without files, and a folder that is away is no damage.

use super::*;

#[test]
fn a_file_of_no_image_is_found_and_removed_by_a_repair() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let image_id = picture("a").insert(&store);
    assert!(check(&store, true).is_empty());
    let (old, young) = (put(directory.path(), b"old"), put(directory.path(), b"young"));
    make_old(&old);
    make_old(&file_of(directory.path(), b"a"));
    let other = directory.path().join("originals/notes.txt");
    fs::write(&other, b"x").unwrap();
    let expected = format!("the folder of originals has a file of no image: {}", Sha256::of(b"old"));
    assert_eq!(check(&store, false), [(expected.clone(), false)]);
    assert_eq!(check_beside(directory.path()), [(expected.clone(), false)]);
    assert_eq!(check(&store, true), [(expected, true)]);
    assert!(!old.exists() && young.exists() && other.exists());
    assert_eq!(store.content(image_id).unwrap().unwrap().bytes, b"a");
    assert!(check(&store, true).is_empty());
}

#[test]
fn a_missing_and_a_damaged_file_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let [a, b] = ["a", "b"].map(|name| picture(name).insert(&store));
    fs::remove_file(file_of(directory.path(), b"a")).unwrap();
    fs::write(file_of(directory.path(), b"b"), b"x").unwrap();
    let missing = format!("the file of image {a} is not where it was");
    let damaged = format!("the stored bytes of image {b} are not those that were uploaded");
    assert_eq!(check(&store, true), [(missing, false), (damaged, false)]);
    assert_eq!(check_beside(directory.path()).len(), 2);
    assert!(store.repair_content(a, b"a").unwrap() && store.repair_content(b, b"b").unwrap());
    assert!(check(&store, false).is_empty() && check_beside(directory.path()).is_empty());
}

#[test]
fn a_folder_that_is_away_is_no_damage_and_no_orphan_is_looked_for() {
    let directory = tempfile::tempdir().unwrap();
    let (folder, away) = (directory.path().join("originals"), directory.path().join("away"));
    let store = open(directory.path());
    let image_id = picture("a").insert(&store);
    store.close().unwrap();
    fs::rename(&folder, &away).unwrap();
    let store = open(directory.path());
    // The mount point of a disk that is not mounted stays empty.
    assert!(!folder.exists());
    assert!(matches!(store.content(image_id), Err(StoreError::Unavailable(_))));
    assert!(matches!(picture("b").try_insert(&store), Err(StoreError::Unavailable(_))));
    assert!(store.check_part(CheckPart::Orphans, None, 50, true).unwrap().next.is_none());
    assert!(store.delete_image(image_id).unwrap());
    assert!(store.damaged_images(None, 9).unwrap().is_empty());
    fs::rename(&away, &folder).unwrap();
    store.maintain(Occasion::Regular, &mut |_| ()).unwrap();
    assert!(!file_of(directory.path(), b"a").exists());
    picture("b").insert(&store);
    assert!(check(&store, false).is_empty());
}

#[test]
fn a_copy_of_a_store_removes_no_file_of_the_folder_that_both_use() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = first.path().join("originals");
    let store = open(first.path());
    let image_id = picture("a").insert(&store);
    store.close().unwrap();
    fs::copy(first.path().join("mitsuke.db"), second.path().join("mitsuke.db")).unwrap();
    let store = open(first.path());
    picture("b").insert(&store);
    make_old(&file_of(first.path(), b"b"));
    let copy = SqliteStore::open(second.path(), with_folder(&folder, Home::Folder)).unwrap();
    assert_eq!(copy.content(image_id).unwrap().unwrap().bytes, b"a");
    let found = check(&copy, true);
    assert!(found.len() == 1 && !found[0].1, "{found:?}");
    assert!(file_of(first.path(), b"b").exists());
    assert!(copy.delete_image(image_id).unwrap());
    copy.close().unwrap();
    assert_eq!(store.content(image_id).unwrap().unwrap().bytes, b"a");
    assert!(check(&store, true).is_empty());
    // Once the first store is gone, the folder belongs to the other one.
    store.close().unwrap();
    fs::remove_file(first.path().join("mitsuke.db")).unwrap();
    let copy = SqliteStore::open(second.path(), with_folder(&folder, Home::Folder)).unwrap();
    assert!(!file_of(first.path(), b"a").exists());
    assert_eq!(check(&copy, true).len(), 1);
    assert!(!file_of(first.path(), b"b").exists());
}

#[test]
fn a_data_directory_that_is_moved_takes_its_folder_along() {
    let root = tempfile::tempdir().unwrap();
    let (old, new) = (root.path().join("old"), root.path().join("new"));
    let store = open(&old);
    let image_id = picture("a").insert(&store);
    store.close().unwrap();
    fs::rename(&old, &new).unwrap();
    let store = open(&new);
    assert!(store.delete_image(image_id).unwrap());
    assert!(!file_of(&new, b"a").exists());
}

#[test]
fn a_folder_of_another_store_is_refused() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = first.path().join("originals");
    let store = open(first.path());
    picture("a").insert(&store);
    let refused = SqliteStore::open(second.path(), with_folder(&folder, Home::Folder)).err();
    assert!(matches!(&refused, Some(StoreError::Misconfigured(text)) if text.contains("another store")), "{refused:?}");
    // A store that keeps its originals in the database does not look at the folder before it moves some there.
    let other = SqliteStore::open(second.path(), with_folder(&folder, Home::Database)).unwrap();
    picture("b").insert(&other);
    let refused = other.move_originals(Home::Database, Home::Folder, None, 9).err();
    assert!(matches!(&refused, Some(StoreError::Misconfigured(_))), "{refused:?}");
}

#[test]
fn originals_of_both_homes_are_read_whatever_the_home_of_new_ones() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("originals");
    let store = open(directory.path());
    let a = picture("a").insert(&store);
    store.close().unwrap();
    let store = SqliteStore::open(directory.path(), with_folder(&folder, Home::Database)).unwrap();
    let b = picture("b").insert(&store);
    assert_eq!(store.count_homes().unwrap(), HomeCounts { database: 1, folder: 1, in_place: 0 });
    assert_eq!([a, b].map(|id| store.content(id).unwrap().unwrap().bytes), [b"a", b"b"]);
    assert!(check(&store, false).is_empty());
}
