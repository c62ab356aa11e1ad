//! Originals in each home, and moves between them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use mitsuke_store::{
    DamageReason, Home, HomeCounts, ImageId, Inserted, LinkFolders, LinkedFile, Occasion, Sha256, Store, StoreError,
    Verified,
};

use crate::fixtures::*;

/// A store with a folder of originals and a folder whose files it may use where they lie. New originals go into its
/// database.
pub struct WithHomes {
    /// The store.
    pub store: TestStore,
    /// The folder of originals.
    pub folder: PathBuf,
    /// The folder of files that stay where they lie; its path is canonical.
    pub linked: PathBuf,
}

impl WithHomes {
    /// Returns the path that an original has in the folder.
    #[must_use]
    pub fn file_of(&self, bytes: &[u8]) -> PathBuf {
        let name = Sha256::of(bytes).to_string();
        self.folder.join(&name[..2]).join(&name[2..4]).join(name)
    }

    /// Returns the number of originals in the folder.
    #[must_use]
    pub fn files(&self) -> usize {
        let in_folder = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        in_folder(&self.folder)
            .filter(|path| path.is_dir() && !path.ends_with("incoming"))
            .flat_map(|path| in_folder(&path).collect::<Vec<_>>())
            .flat_map(|path| in_folder(&path).collect::<Vec<_>>())
            .count()
    }

    /// Writes a file that stays where it lies, and registers it.
    fn link(&self, name: &str, bytes: &[u8]) -> (ImageId, PathBuf) {
        let path = self.linked.join(name);
        fs::write(&path, bytes).unwrap();
        let (text, modified_ns) = self.look(&path);
        (picture(name).bytes(bytes).linked_at(&text, modified_ns).insert(&*self.store), path)
    }

    fn look(&self, path: &Path) -> (String, i64) {
        let opened = LinkFolders::new(std::slice::from_ref(&self.linked)).open(path).unwrap();
        (path.display().to_string(), opened.state.modified_ns)
    }
}

/// Moves all originals of a home. Returns the number of those that were moved, and those that were not.
fn move_all(store: &dyn Store, from: Home, to: Home) -> (u64, Vec<ImageId>) {
    let (mut moved, mut skipped, mut after) = (0, Vec::new(), None);
    loop {
        let step = store.move_originals(from, to, after, 2).unwrap();
        moved += step.moved;
        skipped.extend(step.skipped);
        let Some(next) = step.next else { return (moved, skipped) };
        assert!(Some(next) > after);
        after = Some(next);
    }
}

fn large() -> Vec<u8> {
    (0..700_000).map(|at| (at * 31 % 251) as u8).collect()
}

pub fn originals_move_there_and_back_byte_for_byte(homes: &WithHomes) {
    let store = &*homes.store;
    let contents = [b"a".to_vec(), b"".to_vec(), large(), b"d".to_vec(), b"e".to_vec()];
    let ids: Vec<_> = contents.iter().zip(0..).map(|(c, n)| picture(&format!("{n}")).bytes(c).insert(store)).collect();
    let check = |expected: HomeCounts| {
        assert_eq!(store.count_homes().unwrap(), expected);
        for (image_id, bytes) in ids.iter().zip(&contents) {
            assert_eq!(store.content(*image_id).unwrap().unwrap().bytes, *bytes);
            assert_eq!(store.content_part(*image_id, 0, 5).unwrap().unwrap().bytes, bytes[..bytes.len().min(6)]);
            assert_eq!(store.verify_image(*image_id).unwrap(), Verified::Whole);
        }
    };
    check(HomeCounts { database: 5, ..HomeCounts::default() });
    assert_eq!(move_all(store, Home::Database, Home::Folder), (5, vec![]));
    check(HomeCounts { folder: 5, ..HomeCounts::default() });
    assert_eq!(homes.files(), 5);
    assert_eq!(move_all(store, Home::Database, Home::Folder), (0, vec![]));
    // New originals go where the options say, and both homes answer together.
    let late = picture("late").insert(store);
    assert_eq!(store.count_homes().unwrap(), HomeCounts { database: 1, folder: 5, in_place: 0 });
    store.delete_image(late).unwrap();
    // A damaged original stays where it is, and the others move.
    let file = homes.file_of(&contents[2]);
    fs::write(&file, b"other").unwrap();
    assert_eq!(move_all(store, Home::Folder, Home::Database), (4, vec![ids[2]]));
    fs::write(&file, &contents[2]).unwrap();
    assert_eq!(move_all(store, Home::Folder, Home::Database), (1, vec![]));
    check(HomeCounts { database: 5, ..HomeCounts::default() });
    assert_eq!(homes.files(), 0);
}

pub fn a_deleted_image_leaves_no_file(homes: &WithHomes) {
    let store = &*homes.store;
    let ids: Vec<_> = ["a", "b", "c"].iter().map(|name| picture(name).insert(store)).collect();
    move_all(store, Home::Database, Home::Folder);
    assert!(store.delete_image(ids[0]).unwrap());
    assert!(!homes.file_of(b"a").exists() && homes.file_of(b"b").exists());
    store.change_images(&ids, &mitsuke_store::ImageChange::Delete).unwrap();
    store.maintain(Occasion::Regular, &mut |_| ()).unwrap();
    assert_eq!(homes.files(), 0);
}

pub fn the_same_bytes_come_back_after_a_delete(homes: &WithHomes) {
    let store = &*homes.store;
    let first = picture("a").insert(store);
    move_all(store, Home::Database, Home::Folder);
    store.delete_image(first).unwrap();
    let second = picture("a").insert(store);
    move_all(store, Home::Database, Home::Folder);
    store.maintain(Occasion::Regular, &mut |_| ()).unwrap();
    assert_eq!(store.content(second).unwrap().unwrap().bytes, b"a");
    assert_eq!((store.content(first).unwrap(), homes.files()), (None, 1));
}

pub fn a_linked_picture_is_read_where_it_lies(homes: &WithHomes) {
    let store = &*homes.store;
    let (image_id, path) = homes.link("a.png", b"abcdef");
    assert_eq!(store.count_homes().unwrap(), HomeCounts { in_place: 1, ..HomeCounts::default() });
    assert_eq!(store.content(image_id).unwrap().unwrap().bytes, b"abcdef");
    assert_eq!(store.verify_image(image_id).unwrap(), Verified::Whole);
    let text = path.display().to_string();
    assert_eq!(store.images_at_path(&text).unwrap(), [image_id]);
    let listed = store.linked_files(None, 10).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].image_id, &*listed[0].path, listed[0].bytes), (image_id, &*text, 6));
    assert!(store.linked_files(Some(image_id), 10).unwrap().is_empty());
    assert!(matches!(picture("copy").bytes(b"abcdef").try_insert(store), Ok(Inserted::Known(id)) if id == image_id));
    // The file belongs to its owner.
    assert!(store.delete_image(image_id).unwrap());
    assert!(path.exists() && store.images_at_path(&text).unwrap().is_empty());
    // A move copies the file into the store and leaves it where it lies.
    let (again, _) = homes.link("a.png", b"abcdef");
    assert_eq!(move_all(store, Home::InPlace, Home::Folder), (1, vec![]));
    assert!(path.exists() && homes.file_of(b"abcdef").exists());
    fs::remove_file(&path).unwrap();
    assert_eq!(store.content(again).unwrap().unwrap().bytes, b"abcdef");
}

pub fn a_linked_picture_is_missing_changed_and_found_again(homes: &WithHomes) {
    let store = &*homes.store;
    let (image_id, path) = homes.link("a.png", b"abcdef");
    let lost = || matches!(store.content(image_id), Err(StoreError::OriginalMissing(id)) if id == image_id);
    let reason = || store.damaged_images(None, 9).unwrap().first().map(|damaged| damaged.reason);
    // Another file in the folder says that the folder is there.
    fs::write(homes.linked.join("other.png"), b"x").unwrap();
    let moved = homes.linked.join("moved.png");
    fs::rename(&path, &moved).unwrap();
    assert!(lost());
    assert!(matches!(store.content_part(image_id, 0, 2), Err(StoreError::OriginalMissing(_))));
    assert_eq!((store.verify_image(image_id).unwrap(), reason()), (Verified::Damaged, Some(DamageReason::Missing)));
    let (text, modified_ns) = homes.look(&moved);
    assert!(store.relink(image_id, &LinkedFile { path: &text, modified_ns }).unwrap());
    assert_eq!((reason(), store.content(image_id).unwrap().unwrap().bytes), (None, b"abcdef".to_vec()));
    for changed in [&b"abcdeF"[..], b"abcdefg", b"abc"] {
        fs::write(&moved, changed).unwrap();
        assert!(lost());
        assert_eq!((store.verify_image(image_id).unwrap(), reason()), (Verified::Damaged, Some(DamageReason::Changed)));
    }
    fs::write(&moved, b"abcdef").unwrap();
    assert_eq!((store.verify_image(image_id).unwrap(), reason()), (Verified::Whole, None));
    assert!(store.note_link(image_id, Some(DamageReason::Changed)).unwrap());
    assert!(!store.note_link(image_id, Some(DamageReason::Changed)).unwrap());
    assert!(store.note_link(image_id, None).unwrap());
    // An empty folder is one that is not mounted: nothing is known, and nothing is noted.
    for file in [moved.clone(), homes.linked.join("other.png")] {
        fs::remove_file(file).unwrap();
    }
    assert!(lost());
    assert_eq!((store.verify_image(image_id).unwrap(), reason()), (Verified::Away, None));
    // Uploading the bytes heals what is lost.
    fs::write(homes.linked.join("other.png"), b"x").unwrap();
    assert_eq!(store.verify_image(image_id).unwrap(), Verified::Damaged);
    assert!(matches!(picture("again").bytes(b"abcdef").try_insert(store), Ok(Inserted::Known(id)) if id == image_id));
    assert_eq!((reason(), store.content(image_id).unwrap().unwrap().bytes), (None, b"abcdef".to_vec()));
    assert_eq!(store.count_homes().unwrap(), HomeCounts { database: 1, ..HomeCounts::default() });
    assert!(!store.relink(image_id, &LinkedFile { path: &text, modified_ns }).unwrap());
}

pub fn a_range_of_a_file_is_verified(homes: &WithHomes) {
    let store = &*homes.store;
    let bytes = large();
    let image_id = picture("large").bytes(&bytes).insert(store);
    move_all(store, Home::Database, Home::Folder);
    for (first, last) in [(0, 0), (3, 9), (262_143, 262_144), (524_288, 699_999), (0, 699_999), (699_999, u64::MAX)] {
        let part = store.content_part(image_id, first, last).unwrap().unwrap();
        let end = usize::try_from(last).unwrap_or(usize::MAX).min(bytes.len() - 1);
        assert_eq!(part.bytes, bytes[first as usize..=end], "{first}–{last}");
        assert_eq!((part.first, part.total), (first, 700_000));
    }
    let file = homes.file_of(&bytes);
    let mut damaged = bytes.clone();
    damaged[300_000] ^= 1;
    fs::write(&file, &damaged).unwrap();
    assert!(matches!(store.content_part(image_id, 299_999, 300_001), Err(StoreError::ImageDamaged(_))));
    assert!(matches!(store.content(image_id), Err(StoreError::ImageDamaged(_))));
    // An insert of equal bytes repairs the file where it lies.
    assert!(matches!(picture("large").bytes(&bytes).try_insert(store), Ok(Inserted::Known(id)) if id == image_id));
    assert_eq!(fs::read(&file).unwrap(), bytes);
    assert!(store.damaged_images(None, 9).unwrap().is_empty());
    fs::remove_file(&file).unwrap();
    assert!(matches!(store.content(image_id), Err(StoreError::OriginalMissing(_))));
    assert!(store.repair_content(image_id, &bytes).unwrap());
    assert_eq!(store.content(image_id).unwrap().unwrap().bytes, bytes);
    // A folder that is away is no damage.
    let elsewhere = homes.folder.with_extension("away");
    fs::rename(&homes.folder, &elsewhere).unwrap();
    assert!(matches!(store.content(image_id), Err(StoreError::Unavailable(_))));
    assert!(matches!(store.verify_image(image_id), Err(StoreError::Unavailable(_))));
    assert!(store.delete_image(image_id).unwrap());
    assert!(store.damaged_images(None, 9).unwrap().is_empty() && !homes.folder.exists());
    fs::rename(&elsewhere, &homes.folder).unwrap();
    store.maintain(Occasion::Regular, &mut |_| ()).unwrap();
    assert_eq!(homes.files(), 0);
}

/// Makes a file look as if it had been written long ago, so that a check may take it for one that nobody is writing.
pub fn make_old(path: &Path) {
    let old = SystemTime::now() - Duration::from_secs(2 * 3_600);
    fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
}
