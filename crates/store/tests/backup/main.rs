//! Backups of the embedded store, restores from them, the copy before an upgrade, and deletions on a full disk.

mod full_disk;
mod restored;
mod upgrade;

use std::fs;
use std::path::{Path, PathBuf};

use mitsuke_store::sqlite::{RestoreOptions, Restored, SqliteOptions, SqliteStore, copies, restore};
use mitsuke_store::{
    BackupError, BackupOptions, BackupProgress, BackupStep, BackupStore as _, EmbeddingStore as _, Home,
    ImageStore as _, Manifest, OriginalsOptions, Sha256, Store, StoreError,
};
use mitsuke_store_testing::fixtures::*;
use tempfile::TempDir;

/// Everything that a store answers about its images and models, in words.
type Contents = Vec<String>;

/// Returns everything that a store answers about its images and models. Thumbnails are made of originals and left out.
fn contents(store: &dyn Store) -> Contents {
    let mut lines = Vec::new();
    let ids = sorted(newest_ids(store));
    for image in store.images(&ids).unwrap() {
        let content = store.content(image.image_id).unwrap();
        lines.push(format!("{image:?} {content:?}"));
    }
    for model in store.models().unwrap() {
        lines.push(format!("{model:?} {:?}", store.coverage(model.model_id).unwrap()));
        let embeddings = store.embeddings(model.model_id, None, 1_000).unwrap();
        if let Some((_, query)) = embeddings.first() {
            lines.push(format!("{:?}", nearest_ids(store, &model, query, 50)));
        }
        lines.push(format!("{embeddings:?}"));
        lines.push(format!("{:?}", store.embedding_failures(model.model_id, None, 1_000).unwrap()));
    }
    for term in ["猫", "ネコ", "cat", "7", "sampler"] {
        lines.push(format!("{term} {:?}", found(store, &[term])));
    }
    lines
}

fn open(directory: &Path) -> SqliteStore {
    open_with_home(directory, Home::Database)
}

/// Opens a store with a folder of originals, and a home for new ones.
fn open_with_home(directory: &Path, home: Home) -> SqliteStore {
    let originals = OriginalsOptions { home, folder: Some(directory.join("originals")), ..OriginalsOptions::default() };
    SqliteStore::open(directory, SqliteOptions { originals, ..SqliteOptions::default() }).unwrap()
}

/// A store with its backup.
struct Kept {
    store: SqliteStore,
    data: TempDir,
    backup: TempDir,
}

impl Kept {
    fn new() -> Self {
        Self::with_home(Home::Database)
    }

    /// Makes an empty store whose new originals go into a home.
    fn with_home(home: Home) -> Self {
        let (data, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        Self { store: open_with_home(data.path(), home), data, backup }
    }

    /// Adds a copy, and returns its manifest and the bytes of originals that were written.
    fn try_back_up(&self, options: BackupOptions) -> Result<(Manifest, u64), BackupError> {
        let mut written = 0;
        let mut tell = |progress: BackupProgress| written = progress.written;
        let manifest = self.store.back_up(self.backup.path(), options, &mut tell, &|| false)?;
        Ok((manifest, written))
    }

    fn back_up(&self) -> (Manifest, u64) {
        self.try_back_up(BackupOptions::default()).unwrap()
    }

    fn picture(&self, bytes: &[u8]) -> PathBuf {
        let name = Sha256::of(bytes).to_string();
        self.backup.path().join("pictures").join(&name[..2]).join(name)
    }

    /// Restores a copy into a folder.
    fn restore(&self, copy: Option<&str>, into: &Path, allow_damaged: bool) -> Result<Restored, BackupError> {
        restore_from(self.backup.path(), copy, into, allow_damaged)
    }
}

/// Restores a copy of a backup into a folder.
fn restore_from(backup: &Path, copy: Option<&str>, into: &Path, allow_damaged: bool) -> Result<Restored, BackupError> {
    let (from, into) = (backup.to_owned(), into.to_owned());
    let originals = OriginalsOptions { folder: Some(into.join("originals")), ..OriginalsOptions::default() };
    restore(&RestoreOptions { from, copy: copy.map(str::to_owned), into, originals, allow_damaged }, &mut |_| ())
}

/// Changes the bytes of a stored original behind the store's back, as rot does.
fn rot(data: &Path, image_id: i64) {
    let db = rusqlite::Connection::open(data.join("mitsuke.db")).unwrap();
    let changed = db
        .execute("UPDATE image_contents SET image_data = zeroblob(length(image_data)) WHERE image_id = ?", [image_id])
        .unwrap();
    assert_eq!(changed, 1);
}

#[test]
fn a_further_copy_writes_only_the_originals_that_are_new() {
    let kept = Kept::new();
    for name in ["one", "three"] {
        picture(name).insert(&kept.store);
    }
    let (first, written) = kept.back_up();
    assert_eq!((first.images, first.pictures_bytes, written), (2, 8, 8));
    let before = fs::metadata(kept.picture(b"one")).unwrap().modified().unwrap();
    picture("fourth").insert(&kept.store);
    let (second, written) = kept.back_up();
    assert_eq!((second.images, written), (3, 6));
    assert_eq!(fs::metadata(kept.picture(b"one")).unwrap().modified().unwrap(), before);
    let names: Vec<String> = copies(kept.backup.path()).unwrap().into_iter().map(|copy| copy.name).collect();
    assert_eq!(names, [first.name, second.name]);
}

#[cfg(unix)]
#[test]
fn nobody_else_reads_a_backup() {
    use std::os::unix::fs::PermissionsExt as _;
    let kept = Kept::new();
    picture("one").insert(&kept.store);
    let root = kept.backup.path().join("new");
    kept.store.back_up(&root, BackupOptions::default(), &mut |_| (), &|| false).unwrap();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700, "{}", folder.display());
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
            }
        }
    }
}

#[test]
fn a_damaged_original_is_named_and_a_good_one_of_an_earlier_copy_is_kept() {
    let kept = Kept::new();
    let [saved, lost] = ["saved", "lost"];
    let saved_id = picture(saved).insert(&kept.store);
    kept.back_up();
    let lost_id = picture(lost).insert(&kept.store);
    for image_id in [saved_id, lost_id] {
        rot(kept.data.path(), image_id);
    }
    let (manifest, _) = kept.try_back_up(BackupOptions { verify: true, keep: None }).unwrap();
    assert_eq!(manifest.damaged, [lost_id]);
    assert_eq!(fs::read(kept.picture(saved.as_bytes())).unwrap(), saved.as_bytes());
    assert!(!kept.picture(lost.as_bytes()).exists());

    let into = tempfile::tempdir().unwrap();
    let restored = kept.restore(None, into.path(), false).unwrap();
    assert_eq!(restored.damaged, [lost_id]);
    let store = open(into.path());
    assert_eq!(store.content(saved_id).unwrap().unwrap().bytes, saved.as_bytes());
    assert!(store.image(lost_id).unwrap().is_some());
}

#[test]
fn verifying_replaces_an_original_that_the_disk_of_the_backup_has_damaged() {
    let kept = Kept::new();
    picture("one").insert(&kept.store);
    kept.back_up();
    fs::write(kept.picture(b"one"), b"0ne").unwrap();
    assert_eq!(kept.back_up().1, 0, "the size alone tells nothing");
    let (_, written) = kept.try_back_up(BackupOptions { verify: true, keep: None }).unwrap();
    assert_eq!(written, 3);
    assert_eq!(fs::read(kept.picture(b"one")).unwrap(), b"one");
}

#[test]
fn older_copies_go_with_the_originals_that_only_they_had() {
    let kept = Kept::new();
    let ids = ["one", "two", "three"].map(|name| picture(name).insert(&kept.store));
    let (first, _) = kept.back_up();
    kept.store.delete_image(ids[0]).unwrap();
    let (second, _) = kept.back_up();
    kept.store.delete_image(ids[1]).unwrap();
    let (third, _) = kept.try_back_up(BackupOptions { verify: false, keep: Some(2) }).unwrap();
    let names: Vec<String> = copies(kept.backup.path()).unwrap().into_iter().map(|copy| copy.name).collect();
    assert_eq!(names, [second.name.clone(), third.name]);
    assert!(!names.contains(&first.name));
    assert_eq!([b"one".as_slice(), b"two", b"three"].map(|bytes| kept.picture(bytes).exists()), [false, true, true]);
    let into = tempfile::tempdir().unwrap();
    kept.restore(Some(&second.name), into.path(), false).unwrap();
    assert_eq!(sorted(newest_ids(&open(into.path()))), ids[1..]);
}

#[test]
fn a_backup_that_is_stopped_leaves_no_copy_and_is_gone_on_with() {
    let kept = Kept::new();
    for n in 0..20 {
        picture(&n.to_string()).insert(&kept.store);
    }
    let asked = std::cell::Cell::new(0);
    let stop = || asked.replace(asked.get() + 1) >= 10;
    let stopped = kept.store.back_up(kept.backup.path(), BackupOptions::default(), &mut |_| (), &stop);
    assert!(matches!(stopped, Err(BackupError::Stopped)), "{stopped:?}");
    assert_eq!(fs::read_dir(kept.backup.path().join("copies")).unwrap().count(), 0);
    // 0 to 9 have one byte each, and the others two.
    assert_eq!(kept.back_up().1, 20);
}

#[test]
fn a_folder_takes_the_copies_of_one_store_only() {
    let kept = Kept::new();
    kept.back_up();
    let other = Kept::new();
    let refused = other.store.back_up(kept.backup.path(), BackupOptions::default(), &mut |_| (), &|| false);
    assert!(matches!(refused, Err(BackupError::Unusable(_))), "{refused:?}");
    assert_eq!(copies(kept.backup.path()).unwrap().len(), 1);
}

#[test]
fn only_one_program_writes_to_a_backup() {
    let kept = Kept::new();
    picture("one").insert(&kept.store);
    let mut second = None;
    let mut tell = |progress: BackupProgress| {
        if progress.step == BackupStep::Rows && second.is_none() {
            second = Some(kept.store.back_up(kept.backup.path(), BackupOptions::default(), &mut |_| (), &|| false));
        }
    };
    kept.store.back_up(kept.backup.path(), BackupOptions::default(), &mut tell, &|| false).unwrap();
    assert!(matches!(second, Some(Err(BackupError::InUse(_)))), "{second:?}");
}

#[test]
fn a_closed_store_is_not_backed_up() {
    let kept = Kept::new();
    kept.store.close().unwrap();
    let refused = kept.try_back_up(BackupOptions::default());
    assert!(matches!(refused, Err(BackupError::Store(StoreError::Unavailable(_)))), "{refused:?}");
}
