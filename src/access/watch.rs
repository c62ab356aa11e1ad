//! A file of keys that a server reads again when it changes.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use time::OffsetDateTime;

use super::{KeyDigest, KeyFile, KeyFileError, KeyName, Scope};

/// The time between two looks at the file.
const INTERVAL: Duration = Duration::from_secs(1);

/// The name of these messages for log filters. That of the module would be switched off with the access log.
const LOG: &str = "mitsuke::keys";

/// A key of the file, ready to be compared.
#[derive(Debug, Clone)]
pub struct FileKey {
    /// The name.
    pub name: KeyName,
    /// The scope of the key.
    pub scope: Scope,
    /// The time from which on the key opens nothing.
    pub expires_at: Option<OffsetDateTime>,
    /// The hash of the key.
    pub digest: KeyDigest,
}

/// A file of keys. A change of the file counts after a second at most.
pub struct WatchedFile {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    /// The keys; none as long as the file has never been there.
    keys: Option<Vec<FileKey>>,
    looked_at: Instant,
    seen: Seen,
}

/// The facts that tell one state of the file from another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Missing,
    There { modified: Option<SystemTime>, bytes: u64, inode: u64 },
    Unreadable,
}

impl WatchedFile {
    /// Reads a file, which may be missing.
    ///
    /// # Errors
    /// When the file is there and cannot be used.
    pub fn open(path: PathBuf) -> Result<Self, KeyFileError> {
        // The look comes before the reading, so that a change between the two is read at the next look.
        let seen = look(&path);
        let keys = match KeyFile::read(&path) {
            Ok(file) => Some(ready(&file)),
            Err(KeyFileError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { path, state: Mutex::new(State { keys, looked_at: Instant::now(), seen }) })
    }

    /// Uses the keys that count now. It gets none while the file has never been there, so that nobody needs a key.
    pub fn with<T>(&self, work: impl FnOnce(Option<&[FileKey]>) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked_at.elapsed() >= INTERVAL {
            state.looked_at = Instant::now();
            self.refresh(&mut state);
        }
        work(state.keys.as_deref())
    }

    fn refresh(&self, state: &mut State) {
        let seen = look(&self.path);
        if seen == state.seen {
            return;
        }
        match KeyFile::read(&self.path) {
            Ok(file) => {
                log::info!(target: LOG, "{} is read again; its keys: {}", self.path.display(), file.keys.len());
                state.keys = Some(ready(&file));
            }
            Err(KeyFileError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
                if state.keys.is_some() {
                    log::error!(
                        target: LOG,
                        "{} is missing, so that no key of it opens any more. Put it back, or add a key; a start without \
                         it needs no key",
                        self.path.display()
                    );
                    state.keys = Some(Vec::new());
                }
            }
            // The keys that were read last go on to count: locking everybody out helps nobody.
            Err(error) => log::error!(target: LOG, "{error}. The keys that were read before go on to count"),
        }
        state.seen = seen;
    }
}

fn look(path: &std::path::Path) -> Seen {
    match fs::metadata(path) {
        Ok(metadata) => {
            #[cfg(unix)]
            let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
            #[cfg(not(unix))]
            let inode = 0;
            Seen::There { modified: metadata.modified().ok(), bytes: metadata.len(), inode }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Seen::Missing,
        Err(_) => Seen::Unreadable,
    }
}

fn ready(file: &KeyFile) -> Vec<FileKey> {
    let keys = file.keys.iter().filter_map(|key| {
        let digest = KeyDigest::from_hex(&key.sha256)?;
        let name = KeyName(key.name.as_str().into());
        Some(FileKey { name, scope: key.scope, expires_at: key.expires_at, digest })
    });
    keys.collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use time::macros::datetime;

    use super::*;
    use crate::access::StoredKey;

    fn add(path: &Path, name: &str) {
        let key = StoredKey {
            name: name.to_owned(),
            scope: Scope::Read,
            created_at: datetime!(2026-11-28 10:00 UTC),
            expires_at: None,
            sha256: KeyDigest::of(name).to_hex(),
        };
        KeyFile::change(path, |file| file.add(key)).unwrap();
    }

    /// Returns the names after a look that does not wait for the interval.
    fn names(watched: &WatchedFile) -> Option<Vec<String>> {
        let past = Instant::now().checked_sub(INTERVAL).unwrap();
        watched.state.lock().unwrap().looked_at = past;
        watched.with(|keys| Some(keys?.iter().map(|key| key.name.to_string()).collect()))
    }

    #[test]
    fn changes_count_and_a_file_that_goes_away_or_breaks_opens_nothing_new() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let watched = WatchedFile::open(path.clone()).unwrap();
        assert_eq!(names(&watched), None, "no key is needed before the first one");
        add(&path, "a");
        assert_eq!(names(&watched), Some(vec!["a".to_owned()]));
        add(&path, "b");
        assert_eq!(names(&watched).unwrap().len(), 2);
        fs::write(&path, "{").unwrap();
        assert_eq!(names(&watched).unwrap().len(), 2, "the last good keys stay");
        fs::remove_file(&path).unwrap();
        assert_eq!(names(&watched), Some(vec![]), "the server does not open to everybody");
        add(&path, "c");
        assert_eq!(names(&watched), Some(vec!["c".to_owned()]));
    }

    #[test]
    fn a_broken_file_at_the_start_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        fs::write(&path, "{").unwrap();
        assert!(WatchedFile::open(path).is_err());
    }
}
