//! The folder of originals: one file for each hash.
//!
//! ```text
//! ROOT/mitsuke-originals.json    which store the folder belongs to
//! ROOT/ab/cd/abcd…               an original; 65,536 leaves
//! ROOT/incoming/…                files that are being written
//! ```

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{FileState, FoundOriginal, HomeError, OriginalHome, OriginalKey, read_range, reading_failed, state_of};
use crate::disk::room_of;
use crate::files::{self, FileError};
use crate::{RoomState, Sha256, StoreError};

/// The name of the marker.
const MARKER: &str = "mitsuke-originals.json";

/// The folder of files that are being written.
const INCOMING: &str = "incoming";

/// The number of the layout of the folder.
const FORMAT: u32 = 1;

/// The store that a folder belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    /// The number of the layout.
    format: u32,
    /// The random text that tells the store apart from others.
    identity: String,
    /// The data directory or the database of the store, for people. A copy of a store has its identity and another owner.
    owner: String,
}

/// The folder of originals of one store.
pub struct Folder {
    root: PathBuf,
    marker: Marker,
    min_free_bytes: Option<u64>,
    /// The number of files that this value has begun to write, for their names.
    written: AtomicU64,
}

impl Folder {
    /// Names the folder at `root` as that of the store with this identity; `owner` says in words which store it is. Nothing
    /// is read or written before [`Self::claim`].
    #[must_use]
    pub fn new(root: &Path, identity: &str, owner: &str, min_free_bytes: Option<u64>) -> Self {
        let marker = Marker { format: FORMAT, identity: identity.to_owned(), owner: owner.to_owned() };
        Self { root: root.to_owned(), marker, min_free_bytes, written: AtomicU64::new(0) }
    }

    /// Returns the path of the folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Takes the folder for the store, and makes it if it does not exist. A store that `holds_some` originals there does
    /// not make it: a folder without marker then is one that is not mounted, which is told to the log.
    ///
    /// # Errors
    /// [`StoreError::Misconfigured`] when the folder belongs to another store; [`StoreError::Unavailable`] and
    /// [`StoreError::DiskFull`] when it cannot be made.
    pub fn claim(&self, holds_some: bool) -> Result<(), StoreError> {
        match self.read_marker() {
            Ok(Some(found)) if found.format != FORMAT => Err(StoreError::Misconfigured(format!(
                "the folder of originals {} has layout {}, and this program knows {FORMAT}: use a newer program",
                self.root.display(),
                found.format
            ))),
            Ok(Some(found)) if found.identity != self.marker.identity => Err(StoreError::Misconfigured(format!(
                "the folder {} keeps the originals of another store ({}). Set MITSUKE_ORIGINALS_DIR to a folder of this \
                 store",
                self.root.display(),
                found.owner
            ))),
            Ok(Some(_)) => Ok(()),
            Ok(None) if holds_some => {
                log::error!("{}", self.absence());
                Ok(())
            }
            Ok(None) => Ok(self.make().map_err(HomeError::from)?),
            Err(error) => Err(StoreError::Unavailable(format!("reading {}: {error}", self.marker_path().display()))),
        }
    }

    fn make(&self) -> Result<(), FileError> {
        files::make_folder(&self.root)?;
        files::make_folder(&self.root.join(INCOMING))?;
        let json = serde_json::to_vec_pretty(&self.marker).unwrap_or_default();
        files::write_file(&self.marker_path(), &json)
    }

    /// Returns whether a folder has the marker of a store, of this or another one.
    #[must_use]
    pub fn is_marked(root: &Path) -> bool {
        root.join(MARKER).is_file()
    }

    /// Returns the owner that the marker names if it is another one than this store, as for a copy of a store.
    #[must_use]
    pub fn other_owner(&self) -> Option<String> {
        let found = self.read_marker().ok()??;
        (found.owner != self.marker.owner).then_some(found.owner)
    }

    /// Writes this store into the marker as the owner, in place of one that is gone.
    ///
    /// # Errors
    /// The errors of the file system.
    pub(crate) fn take_over(&self) -> Result<(), StoreError> {
        Ok(self.make().map_err(HomeError::from)?)
    }

    /// Removes what was not finished and is older than `age`. Nothing is removed in a folder of another store.
    pub(crate) fn clear_incoming(&self, age: Duration) {
        if self.check_marker().is_err() || self.other_owner().is_some() {
            return;
        }
        let now = SystemTime::now();
        for entry in fs::read_dir(self.root.join(INCOMING)).into_iter().flatten().flatten() {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let is_old = modified.is_ok_and(|at| now.duration_since(at).is_ok_and(|passed| passed >= age));
            if is_old && let Err(error) = fs::remove_file(entry.path()) {
                log::debug!("{} is not removed: {error}", entry.path().display());
            }
        }
    }

    fn marker_path(&self) -> PathBuf {
        self.root.join(MARKER)
    }

    fn read_marker(&self) -> io::Result<Option<Marker>> {
        match fs::read(self.marker_path()) {
            Ok(json) => Ok(Some(serde_json::from_slice(&json)?)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Checks that the folder is there and that of the store.
    fn check_marker(&self) -> Result<(), HomeError> {
        match self.read_marker() {
            Ok(Some(found)) if found.identity == self.marker.identity => Ok(()),
            _ => Err(HomeError::Away(self.absence())),
        }
    }

    fn absence(&self) -> String {
        format!(
            "the folder of originals {} is not there or is not this store's (MITSUKE_ORIGINALS_DIR). Mount it, or set the \
             setting to the folder that this store wrote to",
            self.root.display()
        )
    }

    fn leaf(&self, name: &str) -> PathBuf {
        self.root.join(name.get(..2).unwrap_or_default()).join(name.get(2..4).unwrap_or_default())
    }

    /// Returns the path of an original.
    pub(crate) fn path(&self, sha256: &Sha256) -> PathBuf {
        let name = sha256.to_string();
        self.leaf(&name).join(name)
    }

    /// Renews the time of a file that holds these bytes already; returns false when it does not.
    fn renew(path: &Path, sha256: &Sha256, bytes: &[u8]) -> Result<bool, FileError> {
        let has_size = fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == bytes.len() as u64);
        if !has_size || !files::hash_file(path).is_ok_and(|found| found == *sha256) {
            return Ok(false);
        }
        let renewed = File::options().write(true).open(path).and_then(|file| {
            file.set_modified(SystemTime::now())?;
            file.sync_all()
        });
        match renewed {
            Ok(()) => path.parent().map_or(Ok(true), |leaf| files::sync_folder(leaf).map(|()| true)),
            // The removal of a deleted image came first.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(FileError::of(format!("writing {}", path.display()))(error)),
        }
    }

    fn write(&self, path: &Path, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        let incoming = self.root.join(INCOMING);
        files::make_folder(&incoming)?;
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let partial = incoming.join(format!("{name}.{}.{number}{}", std::process::id(), files::PARTIAL));
        let mut file = files::create_file(&partial)?;
        let written = file
            .write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(FileError::of(format!("writing {}", partial.display())))
            .and_then(|()| {
                make_leaf(&self.root, &self.leaf(name))?;
                files::rename(&partial, path)
            });
        if written.is_err() {
            _ = fs::remove_file(&partial);
        }
        written
    }
}

/// Makes a leaf and the folder above it, and makes their names last.
fn make_leaf(root: &Path, leaf: &Path) -> Result<(), FileError> {
    if leaf.is_dir() {
        return Ok(());
    }
    files::make_folder(leaf)?;
    files::sync_folder(root)?;
    leaf.parent().map_or(Ok(()), files::sync_folder)
}

impl OriginalHome for Folder {
    fn put(&self, sha256: &Sha256, bytes: &[u8]) -> Result<(), HomeError> {
        self.check_marker()?;
        let name = sha256.to_string();
        let path = self.leaf(&name).join(&name);
        if Self::renew(&path, sha256, bytes)? {
            return Ok(());
        }
        Ok(self.write(&path, &name, bytes)?)
    }

    fn read(&self, key: &OriginalKey<'_>, range: Range<u64>) -> Result<Option<Vec<u8>>, HomeError> {
        let path = self.path(key.sha256);
        let read = File::open(&path).and_then(|mut file| read_range(&mut file, range));
        match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.check_marker().map(|()| None),
            Err(error) => Err(reading_failed(format!("reading {}", path.display()), &error)),
        }
    }

    fn look(&self, key: &OriginalKey<'_>) -> Result<Option<FileState>, HomeError> {
        let path = self.path(key.sha256);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(metadata.is_file().then(|| state_of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.check_marker().map(|()| None),
            Err(error) => Err(reading_failed(format!("looking at {}", path.display()), &error)),
        }
    }

    fn remove(&self, sha256: &Sha256) -> Result<(), HomeError> {
        self.check_marker()?;
        let path = self.path(sha256);
        match fs::remove_file(&path) {
            Ok(()) => Ok(path.parent().map_or(Ok(()), files::sync_folder)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(HomeError::Failed(format!("removing {}: {error}", path.display()))),
        }
    }

    fn list(&self, prefix: u8) -> Result<Vec<FoundOriginal>, HomeError> {
        self.check_marker()?;
        let top = self.root.join(format!("{prefix:02x}"));
        let mut found = Vec::new();
        for leaf in entries(&top)? {
            for path in entries(&leaf)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                // A name that is no hash in its place is no original, and not this store's business.
                let Some(sha256) = Sha256::parse(name).filter(|hash| self.path(hash) == path) else { continue };
                // A file that has been removed meanwhile is not there.
                let Ok(metadata) = fs::metadata(&path) else { continue };
                let modified = metadata.modified().map_or(OffsetDateTime::UNIX_EPOCH, OffsetDateTime::from);
                found.push(FoundOriginal { sha256, bytes: metadata.len(), modified });
            }
        }
        Ok(found)
    }

    fn room(&self) -> Option<RoomState> {
        room_of(&self.root, self.min_free_bytes)
    }
}

/// Returns the paths in a folder; none for a folder that is not there.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, HomeError> {
    let listed = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    match listed {
        Ok(paths) => Ok(paths),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(HomeError::Failed(format!("reading {}: {error}", folder.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: &[u8] = b"the bytes of a picture";

    fn folder(root: &Path) -> Folder {
        let folder = Folder::new(root, "a", "the first store", None);
        folder.claim(false).unwrap();
        folder
    }

    fn key(sha256: &Sha256) -> OriginalKey<'_> {
        OriginalKey { sha256, bytes: BYTES.len() as u64, path: None }
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let folder = folder(directory.path());
        let hash = Sha256::of(BYTES);
        assert_eq!(folder.read(&key(&hash), 0..99).unwrap(), None);
        // A write that was cut off has left its part under another name.
        let left = directory.path().join(INCOMING).join("left.partial");
        fs::write(&left, &BYTES[..4]).unwrap();
        assert_eq!(folder.look(&key(&hash)).unwrap(), None);
        folder.put(&hash, BYTES).unwrap();
        assert_eq!(folder.read(&key(&hash), 0..u64::MAX).unwrap().unwrap(), BYTES);
        assert_eq!(folder.read(&key(&hash), 4..9).unwrap().unwrap(), BYTES[4..9]);
        assert_eq!(folder.read(&key(&hash), 999..u64::MAX).unwrap().unwrap(), b"");
        assert_eq!(folder.look(&key(&hash)).unwrap().unwrap().bytes, BYTES.len() as u64);
        folder.clear_incoming(Duration::from_secs(3_600));
        assert!(left.exists());
        folder.clear_incoming(Duration::ZERO);
        assert_eq!(fs::read_dir(directory.path().join(INCOMING)).unwrap().count(), 0);
        let listed = folder.list(hash.0[0]).unwrap();
        assert_eq!(listed.iter().map(|found| found.sha256).collect::<Vec<_>>(), [hash]);
        assert!(folder.list(hash.0[0] ^ 1).unwrap().is_empty());
        folder.remove(&hash).unwrap();
        folder.remove(&hash).unwrap();
        assert_eq!(folder.read(&key(&hash), 0..99).unwrap(), None);
    }

    #[test]
    fn equal_bytes_stay_with_a_new_time_and_other_bytes_are_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let folder = folder(directory.path());
        let hash = Sha256::of(BYTES);
        folder.put(&hash, BYTES).unwrap();
        let path = folder.path(&hash);
        let old = SystemTime::now() - Duration::from_secs(7_200);
        File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        folder.put(&hash, BYTES).unwrap();
        let age = SystemTime::now().duration_since(fs::metadata(&path).unwrap().modified().unwrap()).unwrap();
        assert!(age < Duration::from_secs(60), "{age:?}");
        let mut other = BYTES.to_vec();
        other[0] ^= 1;
        for damaged in [&other[..], b"short"] {
            fs::write(&path, damaged).unwrap();
            folder.put(&hash, BYTES).unwrap();
            assert_eq!(fs::read(&path).unwrap(), BYTES);
        }
    }

    #[test]
    fn a_folder_of_another_store_is_refused_and_a_missing_one_is_away() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("originals");
        let first = folder(&root);
        let hash = Sha256::of(BYTES);
        first.put(&hash, BYTES).unwrap();
        let second = Folder::new(&root, "b", "the second store", None);
        let refused = second.claim(false).unwrap_err();
        assert!(matches!(&refused, StoreError::Misconfigured(text) if text.contains("the first store")), "{refused}");
        assert!(matches!(second.put(&hash, BYTES), Err(HomeError::Away(_))));
        // A copy of a store has its identity.
        let copy = Folder::new(&root, "a", "a copy", None);
        copy.claim(true).unwrap();
        assert_eq!((copy.other_owner().as_deref(), first.other_owner()), (Some("the first store"), None));

        fs::rename(&root, directory.path().join("elsewhere")).unwrap();
        first.claim(true).unwrap();
        assert!(!root.exists());
        for answer in [first.read(&key(&hash), 0..9).map(drop), first.put(&hash, BYTES), first.remove(&hash)] {
            assert!(matches!(answer, Err(HomeError::Away(_))), "{answer:?}");
        }
        assert!(matches!(first.list(hash.0[0]), Err(HomeError::Away(_))));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("originals");
        let folder = folder(&root);
        let hash = Sha256::of(BYTES);
        folder.put(&hash, BYTES).unwrap();
        let path = folder.path(&hash);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&root.join(MARKER))), (0o600, 0o600));
        for above in path.ancestors().skip(1).take(3) {
            assert_eq!(mode(above), 0o700, "{}", above.display());
        }
    }
}
