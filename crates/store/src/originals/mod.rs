//! Originals outside of the tables: a folder of files by hash, and files that stay where they lie.
//!
//! A row of IMAGE_FILES says where an original lies; an image without one has its original in the database. The SHA-256 of
//! the image is compared with what is read, whatever the home, so that neither a home nor its files need to be trusted.
//!
//! A file is written before its row, and removed after it. Nothing is removed because a row is missing: a deletion writes
//! the hash into REMOVED_FILES in its own transaction, and only that row lets a store remove a file.

mod folder;
mod homes;
mod in_place;
mod store;

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use time::OffsetDateTime;

use crate::files::FileError;
use crate::{RoomState, Sha256, StoreError};

pub use folder::Folder;
pub(crate) use homes::Homes;
pub use in_place::{InPlace, LinkError, LinkFolders, OpenedLink};
pub use store::{HomeCounts, LinkedFile, LinkedImage, MoveStep, OriginalsStore};

/// The place where an original lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Home {
    /// The database, beside the facts of the image.
    #[default]
    Database,
    /// The folder of originals, as a file that is named by its hash.
    Folder,
    /// The file that was registered where it lies.
    InPlace,
}

impl Home {
    /// All homes.
    pub const ALL: [Self; 3] = [Self::Database, Self::Folder, Self::InPlace];

    /// The names of the homes that new originals may get.
    pub const NAMES: [&str; 2] = ["database", "folder"];

    /// Returns the name of the home.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Folder => "folder",
            Self::InPlace => "in-place",
        }
    }

    /// Returns the number that stands for the home in IMAGE_FILES; the database, which has no row there, is 0.
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Database => 0,
            Self::Folder => 1,
            Self::InPlace => 2,
        }
    }

    /// Returns the home that a number stands for.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for a number that stands for none.
    pub(crate) fn of_number(number: i64) -> Result<Self, StoreError> {
        let home = Self::ALL.into_iter().find(|home| home.number() == number);
        home.ok_or_else(|| StoreError::Damaged(format!("{number} is no home of originals")))
    }
}

impl FromStr for Home {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let home = Self::ALL.into_iter().find(|home| home.name() == text);
        home.ok_or_else(|| format!("`{text}` is no home of originals: there are database, folder and in-place"))
    }
}

/// The facts by which a home finds an original.
#[derive(Debug, Clone, Copy)]
pub struct OriginalKey<'a> {
    /// The hash of the original.
    pub sha256: &'a Sha256,
    /// The size of the original in bytes.
    pub bytes: u64,
    /// The path of a file that lies in place; `None` in other homes.
    pub path: Option<&'a str>,
}

/// The size of a file and the time of its last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    /// The size in bytes.
    pub bytes: u64,
    /// The time in nanoseconds since 1970-01-01T00:00:00Z.
    pub modified_ns: i64,
}

/// A file of a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundOriginal {
    /// The hash that names the file.
    pub sha256: Sha256,
    /// The size in bytes.
    pub bytes: u64,
    /// The time of the last change.
    pub modified: OffsetDateTime,
}

/// The reason why a home of originals does not do what is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HomeError {
    /// The whole home is not there or does not answer, as a disk that is not mounted. Nothing is known about its files.
    #[error("{0}")]
    Away(String),
    /// There is no room for the file.
    #[error("{0}")]
    Full(String),
    /// One file cannot be read or written.
    #[error("{0}")]
    Failed(String),
}

impl From<FileError> for HomeError {
    fn from(error: FileError) -> Self {
        if error.is_full() { Self::Full(error.to_string()) } else { Self::Failed(error.to_string()) }
    }
}

impl From<HomeError> for StoreError {
    fn from(error: HomeError) -> Self {
        match error {
            HomeError::Full(reason) => Self::DiskFull(reason),
            HomeError::Away(reason) | HomeError::Failed(reason) => Self::Unavailable(reason),
        }
    }
}

/// A home of originals outside of the tables. Every call blocks.
pub trait OriginalHome: Send + Sync {
    /// Writes an original, which is durable when the call returns. Equal bytes that are there stay and get the time of now;
    /// other bytes under the same name are replaced.
    ///
    /// # Errors
    /// See [`HomeError`].
    fn put(&self, sha256: &Sha256, bytes: &[u8]) -> Result<(), HomeError>;

    /// Reads the bytes of a range, without those behind the end; `None` when there is no such file. Nothing is verified here.
    ///
    /// # Errors
    /// See [`HomeError`].
    fn read(&self, key: &OriginalKey<'_>, range: Range<u64>) -> Result<Option<Vec<u8>>, HomeError>;

    /// Returns size and time of a file without reading it; `None` when there is no such file.
    ///
    /// # Errors
    /// See [`HomeError`].
    fn look(&self, key: &OriginalKey<'_>) -> Result<Option<FileState>, HomeError>;

    /// Removes a file if it is there, for good. Only the removal of what REMOVED_FILES names calls this method.
    ///
    /// # Errors
    /// See [`HomeError`].
    fn remove(&self, sha256: &Sha256) -> Result<(), HomeError>;

    /// Lists the files whose hash begins with the byte `prefix`.
    ///
    /// # Errors
    /// See [`HomeError`].
    fn list(&self, prefix: u8) -> Result<Vec<FoundOriginal>, HomeError>;

    /// Returns the room on the disk of the home; `None` where it is not known or nothing is written.
    fn room(&self) -> Option<RoomState> {
        None
    }
}

/// The homes that a store may use. The default keeps originals in the database alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OriginalsOptions {
    /// The home of the originals of new images: the database or the folder.
    pub home: Home,
    /// The folder of originals; `None` for a store that has none.
    pub folder: Option<PathBuf>,
    /// The folders whose files may be registered where they lie.
    pub link_folders: Vec<PathBuf>,
    /// The free bytes on the disk of the folder below which uploads are refused; `None` for an automatic mark.
    pub min_free_bytes: Option<u64>,
}

/// Turns a failure to read a file into what it says: about this file, or about the whole home.
fn reading_failed(doing: String, error: &io::Error) -> HomeError {
    use io::ErrorKind::{IsADirectory, PermissionDenied};
    let reason = format!("{doing}: {error}");
    let about_file = matches!(error.kind(), PermissionDenied | IsADirectory) || is_broken_block(error);
    if about_file { HomeError::Failed(reason) } else { HomeError::Away(reason) }
}

#[cfg(unix)]
fn is_broken_block(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::IO)
}

#[cfg(not(unix))]
fn is_broken_block(_error: &io::Error) -> bool {
    false
}

/// Reads a range of an open file without the bytes behind its end.
fn read_range(file: &mut std::fs::File, range: Range<u64>) -> io::Result<Vec<u8>> {
    use io::{Read as _, Seek as _};
    file.seek(io::SeekFrom::Start(range.start))?;
    let mut bytes = Vec::new();
    file.take(range.end.saturating_sub(range.start)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns size and time of an open file.
fn state_of(metadata: &std::fs::Metadata) -> FileState {
    let modified = metadata.modified().map_or(OffsetDateTime::UNIX_EPOCH, OffsetDateTime::from);
    let modified_ns = i64::try_from(modified.unix_timestamp_nanos()).unwrap_or(i64::MAX);
    FileState { bytes: metadata.len(), modified_ns }
}
