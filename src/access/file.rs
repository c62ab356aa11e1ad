//! The file of keys: names, scopes, times and hashes. The keys themselves are in no file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;

use super::{KeyDigest, Scope};

/// Most characters of a name.
const MAX_NAME: usize = 64;
/// Most bytes of a file that is read. A key takes about 250.
const MAX_BYTES: u64 = 4 << 20;

/// The reason why a file of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("{} cannot be used: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The file is not what `mitsuke key` writes.
    #[error("{} cannot be understood: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The mistake.
        reason: String,
    },
    /// The change is not possible.
    #[error("{0}")]
    Refused(String),
}

/// A key as the file holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredKey {
    /// The name, which logs show.
    pub name: String,
    /// The scope of the key.
    pub scope: Scope,
    /// The time at which the key was made.
    #[serde(with = "rfc3339")]
    pub created_at: OffsetDateTime,
    /// The time from which on the key opens nothing; none for a key that does not expire.
    #[serde(with = "rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// The SHA-256 of the key in hexadecimal digits.
    pub sha256: String,
}

impl StoredKey {
    /// Tells whether the key has expired.
    #[must_use]
    pub fn has_expired(&self, now: OffsetDateTime) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// The contents of a file of keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// The keys, in the order in which they were made.
    pub keys: Vec<StoredKey>,
}

impl KeyFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When the file cannot be read or is not of the form that [`KeyFile::change`] writes. A missing file is an error
    /// of the kind [`io::ErrorKind::NotFound`].
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let failed = |cause| KeyFileError::Io { path: path.to_owned(), cause };
        if fs::metadata(path).map_err(failed)?.len() > MAX_BYTES {
            return Err(malformed(path, format!("it has more than {MAX_BYTES} bytes")));
        }
        let text = fs::read_to_string(path).map_err(failed)?;
        let file: Self = serde_json::from_str(&text).map_err(|error| malformed(path, error.to_string()))?;
        for (index, key) in file.keys.iter().enumerate() {
            check_name(&key.name).map_err(|reason| malformed(path, reason))?;
            if file.keys.iter().take(index).any(|before| before.name == key.name) {
                return Err(malformed(path, format!("two keys are named {}", key.name)));
            }
            if KeyDigest::from_hex(&key.sha256).is_none() {
                return Err(malformed(path, format!("`sha256` of {} has not 64 hexadecimal digits", key.name)));
            }
        }
        Ok(file)
    }

    /// Changes a file, which is made when there is none. Other commands wait meanwhile, and a server that reads finds
    /// either the old or the new contents.
    ///
    /// # Errors
    /// When the file cannot be read or written, and the error of `change`, after which the file is as before.
    pub fn change<T>(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, KeyFileError>,
    ) -> Result<T, KeyFileError> {
        let failed = |cause| KeyFileError::Io { path: path.to_owned(), cause };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            make_folder(folder).map_err(failed)?;
        }
        let lock = private(&beside(path, "lock"), false).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut keys = match Self::read(path) {
            Ok(keys) => keys,
            Err(KeyFileError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(error),
        };
        let changed = change(&mut keys)?;
        keys.write(path).map_err(failed)?;
        Ok(changed)
    }

    /// Writes a new file and puts it in the place of the old one.
    fn write(&self, path: &Path) -> io::Result<()> {
        let partial = beside(path, "partial");
        let mut file = private(&partial, true)?;
        let text = serde_json::to_string_pretty(self)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&partial, path)
    }

    /// Adds a key.
    ///
    /// # Errors
    /// When the name is taken or not allowed.
    pub fn add(&mut self, key: StoredKey) -> Result<(), KeyFileError> {
        check_name(&key.name).map_err(KeyFileError::Refused)?;
        if self.keys.iter().any(|known| known.name == key.name) {
            let refusal = format!("a key is named {} already; revoke it, or choose another name", key.name);
            return Err(KeyFileError::Refused(refusal));
        }
        self.keys.push(key);
        Ok(())
    }

    /// Removes a key.
    ///
    /// # Errors
    /// When no key has that name.
    pub fn revoke(&mut self, name: &str) -> Result<(), KeyFileError> {
        let before = self.keys.len();
        self.keys.retain(|key| key.name != name);
        if self.keys.len() == before {
            return Err(KeyFileError::Refused(format!("no key is named {name}; `mitsuke key list` names all")));
        }
        Ok(())
    }
}

/// Checks the name of a key. Logs and metrics show names, and a few names are the server's own.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty()
        || name.len() > MAX_NAME
        || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    {
        return Err(format!("a name has 1 to {MAX_NAME} letters, digits, `-`, `_` or `.`"));
    }
    if name == "-" || name == "local" || name.starts_with("env-") {
        return Err(format!("the name {name} is one of the server's own; choose another one"));
    }
    Ok(())
}

fn malformed(path: &Path, reason: String) -> KeyFileError {
    KeyFileError::Malformed { path: path.to_owned(), reason }
}

/// Returns the path of a file beside another one.
fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(extension);
    path.with_file_name(name)
}

/// Opens a file, which is made when there is none, that only its owner can read.
fn private(path: &Path, emptied: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(emptied);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a folder that only its owner can enter; one that is there stays as it is.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    fn key(name: &str) -> StoredKey {
        StoredKey {
            name: name.to_owned(),
            scope: Scope::Read,
            created_at: datetime!(2026-11-28 10:00 UTC),
            expires_at: None,
            sha256: KeyDigest::of(name).to_hex(),
        }
    }

    #[test]
    fn changes_add_up_and_a_refused_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/keys.json");
        KeyFile::change(&path, |file| file.add(key("a"))).unwrap();
        KeyFile::change(&path, |file| file.add(key("b"))).unwrap();
        let taken = KeyFile::change(&path, |file| file.add(key("a"))).unwrap_err();
        assert!(taken.to_string().contains("is named a already"), "{taken}");
        KeyFile::change(&path, |file| file.revoke("a")).unwrap();
        assert!(KeyFile::change(&path, |file| file.revoke("a")).is_err());
        assert_eq!(KeyFile::read(&path).unwrap().keys, [key("b")]);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_files() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/keys.json");
        KeyFile::change(&path, |file| file.add(key("a"))).unwrap();
        for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn several_commands_at_once_lose_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        std::thread::scope(|scope| {
            for n in 0..16 {
                let path = &path;
                scope.spawn(move || KeyFile::change(path, |file| file.add(key(&format!("key-{n}")))).unwrap());
            }
        });
        assert_eq!(KeyFile::read(&path).unwrap().keys.len(), 16);
    }

    #[test]
    fn a_file_of_another_form_is_refused_with_its_mistake() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let good = serde_json::to_value(KeyFile { keys: vec![key("a")] }).unwrap();
        let changed = |name: &str, value: &str| {
            let mut file = good.clone();
            file["keys"][0][name] = value.into();
            file.to_string()
        };
        let twice = serde_json::to_string(&KeyFile { keys: vec![key("a"), key("a")] }).unwrap();
        for (text, words) in [
            (String::new(), "EOF"),
            ("[]".to_owned(), "keys"),
            (changed("scope", "root"), "unknown variant"),
            (changed("sha256", "ab"), "64 hexadecimal digits"),
            (changed("name", "a b"), "letters, digits"),
            (changed("name", "local"), "the server's own"),
            (changed("name", "env-1"), "the server's own"),
            (changed("key", "x"), "unknown field"),
            (twice, "two keys are named a"),
        ] {
            fs::write(&path, &text).unwrap();
            let error = KeyFile::read(&path).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("keys.json"), "{text}: {error}");
            assert!(KeyFile::change(&path, |file| file.add(key("b"))).is_err(), "nothing is written over it");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("keys.json");
            fs::write(&path, bytes).unwrap();
            prop_assert!(KeyFile::read(&path).is_err());
        }
    }
}
