//! The files that a manifest names: their names cannot leave the folder, and their contents have a known SHA-256.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::ClipError;

/// A relative path that stays below the model folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

impl FileName {
    /// Checks a name such as `image.pt` or `reference/cat.png`.
    ///
    /// # Errors
    /// A sentence about the fault when the name is empty, absolute, or has a part like `..`.
    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        // A backslash separates folders on Windows only. It is refused everywhere, so that a model folder has the same
        // meaning on every system.
        let normal = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if name.is_empty() || !normal || name.contains(['\\', '\0', ':']) {
            return Err(format!("`{name}` must be a relative path below the model folder, with `/` between parts"));
        }
        Ok(Self(name.to_owned()))
    }

    /// Returns the name as a relative path.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// Returns the name that the manifest states.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A file of a model folder and the digest that its contents must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFile {
    /// The path of the file, relative to the folder.
    pub name: FileName,
    /// The SHA-256 of the contents, 64 lower-case hex digits.
    pub sha256: String,
}

impl ModelFile {
    /// Checks that `sha256` is a digest.
    ///
    /// # Errors
    /// A sentence about the fault when `sha256` is not 64 hex digits.
    pub(crate) fn new(name: FileName, sha256: &str) -> Result<Self, String> {
        if sha256.len() != 64 || !sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("`{sha256}` is not 64 hex digits"));
        }
        Ok(Self { name, sha256: sha256.to_ascii_lowercase() })
    }

    /// Returns the path of the file in `folder`.
    #[must_use]
    pub fn path(&self, folder: &Path) -> PathBuf {
        folder.join(self.name.as_path())
    }

    /// Fails with an error about `field` when the file does not exist in `folder`.
    pub(super) fn check_exists(&self, folder: &Path, field: &str) -> Result<(), ClipError> {
        if self.path(folder).is_file() {
            return Ok(());
        }
        let reason = format!("there is no file `{}` in {}", self.name.as_str(), folder.display());
        Err(ClipError::Manifest { field: field.to_owned(), reason })
    }

    /// Compares the contents with the digest. The contents are read as a stream.
    pub(crate) fn verify(&self, folder: &Path) -> Result<(), ClipError> {
        let path = self.path(folder);
        match File::open(&path).and_then(sha256_hex) {
            Ok(found) if found == self.sha256 => Ok(()),
            Ok(found) => Err(ClipError::Sha256 { path, expected: self.sha256.clone(), found }),
            Err(cause) => Err(ClipError::Read { path, cause }),
        }
    }
}

/// Returns the SHA-256 of a stream as lower-case hex, in constant memory.
fn sha256_hex(mut stream: impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => hasher.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
