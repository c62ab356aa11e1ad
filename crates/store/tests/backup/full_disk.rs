//! A disk that is nearly full refuses uploads and nothing else, and one that is full lets images be deleted.

use mitsuke_store::{ChangeOutcome, ImageChange, ImagePatch};

use super::*;

fn open_with(directory: &Path, options: SqliteOptions) -> SqliteStore {
    SqliteStore::open(directory, options).unwrap()
}

#[test]
fn a_low_disk_refuses_uploads_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let model = model(&store, "a");
    let ids: Vec<i64> = (0..5).map(|n| picture(&n.to_string()).insert(&store)).collect();
    drop(store);
    let low = SqliteOptions { min_free_bytes: Some(u64::MAX), ..SqliteOptions::default() };
    let store = open_with(directory.path(), low);
    let room = store.room().unwrap();
    assert!(room.is_low() && room.free > 0);
    let refused = picture("more").try_insert(&store);
    assert!(matches!(&refused, Err(StoreError::DiskFull(_))), "{refused:?}");
    assert!(matches!(store.has_room(), Err(StoreError::DiskFull(_))));
    let patch = ImagePatch { caption: Some(Some("猫".into())), ..ImagePatch::default() };
    assert!(store.update_image(ids[0], &patch).unwrap().is_some());
    assert_eq!(found(&store, &["猫"]), [ids[0]]);
    assert!(store.put_embedding(model.model_id, ids[0], &angle(1.0)).unwrap());
    assert!(store.delete_image(ids[1]).unwrap());
    let outcomes = store.change_images(&ids[2..4], &ImageChange::Delete).unwrap();
    assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, ChangeOutcome::Deleted)), "{outcomes:?}");
    assert_eq!(sorted(newest_ids(&store)), [ids[0], ids[4]]);
}

#[test]
fn a_disk_with_room_takes_uploads() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_with(directory.path(), SqliteOptions { min_free_bytes: Some(0), ..SqliteOptions::default() });
    assert!(!store.room().unwrap().is_low());
    store.has_room().unwrap();
    picture("one").insert(&store);
}

/// Fills a store until nothing goes in any more, and returns the images.
fn fill_up(store: &SqliteStore) -> Vec<i64> {
    let mut ids = Vec::new();
    for n in 0_u32.. {
        let mut new = picture(&n.to_string()).caption("眠る猫 a sleeping cat");
        new.bytes = n.to_le_bytes().repeat(5_000);
        match new.try_insert(store) {
            Ok(mitsuke_store::Inserted::Created(image_id)) => ids.push(image_id),
            Err(StoreError::DiskFull(_)) => break,
            other => panic!("{other:?}"),
        }
    }
    // Something small may still go in after something large does not.
    while let Ok(mitsuke_store::Inserted::Created(image_id)) = picture(&format!("small{}", ids.len())).try_insert(store)
    {
        ids.push(image_id);
    }
    ids
}

#[test]
fn images_are_deleted_from_a_store_that_takes_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_with(directory.path(), SqliteOptions { max_pages: Some(400), ..SqliteOptions::default() });
    let ids = fill_up(&store);
    assert!(ids.len() > 20);
    assert!(store.delete_image(ids[3]).unwrap());
    let outcomes = store.change_images(&ids[5..10], &ImageChange::Delete).unwrap();
    assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, ChangeOutcome::Deleted)), "{outcomes:?}");
    assert_eq!(newest_ids(&store).len(), ids.len() - 6);
    assert_eq!(found(&store, &["猫"]).len() as u64, store.count_images().unwrap() - small(&store));
    // There is room again.
    picture("after").insert(&store);
}

/// Returns the number of images without a caption.
fn small(store: &SqliteStore) -> u64 {
    let images = store.images(&newest_ids(store)).unwrap();
    images.iter().filter(|image| image.caption.is_none()).count() as u64
}

#[test]
fn uploads_leave_the_reserve_to_deletions() {
    let directory = tempfile::tempdir().unwrap();
    let reserve = directory.path().join("mitsuke.reserve");
    let options = SqliteOptions {
        min_free_bytes: Some(4 << 20),
        reserve_bytes: 1 << 20,
        max_pages: Some(400),
        ..SqliteOptions::default()
    };
    let store = open_with(directory.path(), options);
    let ids = fill_up(&store);
    assert_eq!(fs::metadata(&reserve).unwrap().len(), 1 << 20);
    for image_id in ids {
        assert!(store.delete_image(image_id).unwrap());
    }
}

/// A file system in memory, unmounted when dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount(megabytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder.path())
            .status()
            .unwrap();
        assert!(mounted.success(), "only root can mount a file system");
        Self(folder)
    }

    fn fill(&self) {
        _ = fs::write(self.0.path().join("filler"), vec![1; 64 << 20]);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// Stores noise until the disk is full.
fn fill_with_noise(store: &SqliteStore) -> Vec<i64> {
    let mut ids = Vec::new();
    loop {
        let mut new = picture(&format!("noise{}", ids.len())).caption("眠る猫 a sleeping cat");
        new.bytes = (ids.len() as u32).to_le_bytes().repeat(190_000);
        match new.try_insert(store) {
            Ok(mitsuke_store::Inserted::Created(image_id)) => ids.push(image_id),
            Err(StoreError::DiskFull(_)) => return ids,
            other => panic!("{other:?}"),
        }
    }
}

fn without_mark(reserve_bytes: u64) -> SqliteOptions {
    SqliteOptions { min_free_bytes: Some(0), reserve_bytes, ..SqliteOptions::default() }
}

#[test]
#[ignore = "only root can mount a file system"]
fn images_are_deleted_from_a_disk_that_has_no_byte_left() {
    // Uploads leave the room that deletions need, and the reserve keeps it from others.
    for (reserve_bytes, is_filled_by_others) in [(0, false), (58 << 20, true)] {
        let disk = Disk::mount(40);
        let data = disk.0.path().join("data");
        let store = open_with(&data, without_mark(reserve_bytes));
        let ids = fill_with_noise(&store);
        assert!(ids.len() > 20, "{}", ids.len());
        if is_filled_by_others {
            disk.fill();
        }
        for image_id in &ids {
            let deleted = store.delete_image(*image_id);
            assert!(matches!(deleted, Ok(true)), "image {image_id} of {} with {reserve_bytes}: {deleted:?}", ids.len());
        }
        assert_eq!(store.count_images().unwrap(), 0);
    }
}

#[test]
#[ignore = "only root can mount a file system"]
fn a_store_opens_on_a_disk_that_has_no_byte_left() {
    let disk = Disk::mount(40);
    let data = disk.0.path().join("data");
    let store = open_with(&data, without_mark(58 << 20));
    let ids = fill_with_noise(&store);
    disk.fill();
    drop(store);
    let store = open_with(&data, without_mark(58 << 20));
    for image_id in &ids {
        assert!(store.delete_image(*image_id).unwrap(), "image {image_id} of {}", ids.len());
    }
}

/// The variable that names the folder of [`deletions_in_a_process_whose_files_may_not_grow`].
const FOLDER: &str = "MITSUKE_LIMITED_FOLDER";

/// The text that the originals consist of.
const MARKER: &str = "quxmarkerofbytes";

/// Stores originals of a megabyte until nothing goes in any more.
fn fill_with_markers(store: &SqliteStore, name: &str) -> Vec<i64> {
    let mut ids = Vec::new();
    loop {
        let mut new = picture(name);
        new.bytes = format!("{name}{:04}{MARKER}", ids.len()).repeat(50_000).into_bytes();
        new.bytes.truncate(1_000_000);
        match new.try_insert(store) {
            Ok(mitsuke_store::Inserted::Created(image_id)) => ids.push(image_id),
            Err(StoreError::DiskFull(_)) => return ids,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
#[ignore = "a process whose files may not grow runs it"]
fn deletions_in_a_process_whose_files_may_not_grow() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = open_with(Path::new(&folder), without_mark(0));
    let first = fill_with_markers(&store, "a");
    // The log is folded into the database, which has room for these.
    assert!(store.delete_image(first[0]).unwrap());
    assert_eq!(noted(Path::new(&folder)), 0);
    let second = fill_with_markers(&store, "b");
    assert!(first.len() > 3 && second.len() > 3, "{first:?} {second:?}");
    // The database may not grow to what the log holds by now.
    for image_id in &second[..3] {
        assert!(store.delete_image(*image_id).unwrap());
    }
    assert_eq!(noted(Path::new(&folder)), 1);
}

/// Returns whether the database notes that free pages hold deleted bytes.
fn noted(folder: &Path) -> i64 {
    let select = "SELECT CAST(total(value) AS INTEGER) FROM store_facts WHERE name = 'unwiped'";
    rusqlite::Connection::open(folder.join("mitsuke.db")).unwrap().query_row(select, [], |row| row.get(0)).unwrap()
}

#[test]
#[cfg(unix)]
fn bytes_that_a_deletion_leaves_behind_for_want_of_room_are_overwritten_later() {
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new("bash")
        // Bash counts in units of 1,024 bytes.
        .args(["-c", "trap '' XFSZ; ulimit -f 6000; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "full_disk::deletions_in_a_process_whose_files_may_not_grow", "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&printed));
    assert_eq!(noted(folder.path()), 1);
    let store = open(folder.path());
    let ids = newest_ids(&store);
    assert!(ids.len() > 4);
    ids.iter().for_each(|image_id| assert!(store.delete_image(*image_id).unwrap()));
    let holds_marker = || {
        let files = ["mitsuke.db", "mitsuke.db-wal"].map(|name| fs::read(folder.path().join(name)).unwrap_or_default());
        files.iter().any(|bytes| bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes()))
    };
    let started = std::time::Instant::now();
    while holds_marker() {
        assert!(started.elapsed() < std::time::Duration::from_secs(200), "the marker stays");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    store.close().unwrap();
    drop(store);
    assert_eq!(noted(folder.path()), 0);
}
