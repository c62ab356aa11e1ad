//! Backups: copies of a store from which it can be restored.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;

use crate::{ImageId, StoreError};

/// The number of the layout of backups that this program writes, and the only one that it reads.
pub const BACKUP_FORMAT: u32 = 1;

/// The advice for stores that are backed up with tools of their own.
const ELSEWHERE: &str = "An Oracle database is backed up with its own tools; docs/oracle-backup.md says how.";

/// The facts about one copy in a backup. The file `manifest.json` of the copy holds them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The number of the layout, [`BACKUP_FORMAT`].
    pub format: u32,
    /// The name of the copy, which is the name of its folder.
    pub name: String,
    /// The time at which the rows were read.
    #[serde(with = "rfc3339")]
    pub made_at: OffsetDateTime,
    /// The version of the program that made the copy.
    pub program: String,
    /// The version of the schema.
    pub schema: i64,
    /// The random text that tells the store apart from others.
    pub identity: String,
    /// The start of the store that the copy was made in, in hexadecimal digits; empty for a store that counts none.
    pub epoch: String,
    /// The number of images.
    pub images: u64,
    /// The bytes of all originals.
    pub pictures_bytes: u64,
    /// The number of images whose original lies in place. The backup has their facts and not their bytes.
    #[serde(default)]
    pub linked: u64,
    /// The bytes of the originals that lie in place.
    #[serde(default)]
    pub linked_bytes: u64,
    /// The models, each as its name and version.
    pub models: Vec<String>,
    /// The size of the database of the copy in bytes.
    pub database_bytes: u64,
    /// The SHA-256 of the database of the copy, in hexadecimal digits.
    pub database_sha256: String,
    /// The images whose original is damaged in the store. The backup keeps an original of them only if an earlier copy
    /// has saved it.
    pub damaged: Vec<ImageId>,
}

/// A part of the making of a copy, or of a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupStep {
    /// Originals are copied.
    Pictures,
    /// Rows are copied.
    Rows,
    /// The copy is compared with what was read.
    Verifying,
    /// Older copies are removed.
    Pruning,
}

impl BackupStep {
    /// Returns the name of the step in lowercase.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pictures => "pictures",
            Self::Rows => "rows",
            Self::Verifying => "verifying",
            Self::Pruning => "pruning",
        }
    }
}

/// The progress of a backup or restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupProgress {
    /// The step that is being done.
    pub step: BackupStep,
    /// The images of the step that are done.
    pub done: u64,
    /// The images of the step.
    pub total: u64,
    /// The bytes of originals that have been written.
    pub written: u64,
}

/// The choices of a backup.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BackupOptions {
    /// Reads every original of the backup again and compares it with its hash; otherwise only its size is compared.
    pub verify: bool,
    /// The number of copies to keep, the new one included; older ones are removed. `None` removes none.
    pub keep: Option<usize>,
}

/// The reason why a backup was not made, or a store not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// This kind of store is backed up in another way; the text says how.
    #[error("{0}")]
    NotHere(&'static str),
    /// A file of the backup cannot be read or written.
    #[error("{doing}: {cause}")]
    File {
        /// The operation and the file.
        doing: String,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// Another program is writing to the backup.
    #[error("another program is writing to {0}. Try again when it has finished")]
    InUse(String),
    /// The folder cannot be used for this backup, or the backup not for this restore; the text says why.
    #[error("{0}")]
    Unusable(String),
    /// The backup is damaged; the text says where.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// The caller has stopped the work. What was written is used by the next backup.
    #[error("stopped")]
    Stopped,
}

impl BackupError {
    /// Makes an error of a file operation; `doing` says which operation.
    pub(crate) fn file(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |cause| Self::File { doing, cause }
    }
}

/// The room on the disk of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomState {
    /// The bytes that are free.
    pub free: u64,
    /// The bytes that have to be free for uploads.
    pub wanted: u64,
}

impl RoomState {
    /// Returns whether uploads are refused.
    #[must_use]
    pub const fn is_low(self) -> bool {
        self.free < self.wanted
    }
}

/// Backs a store up, and tells the room on its disk.
pub trait BackupStore {
    /// Adds a copy of the store to the backup in the folder `to`, which is made if it does not exist. The copy holds the
    /// store as it was at one moment. `tell` receives the progress, and `stop` is asked between originals whether the work
    /// is to end; it may block to let other work go first. The default is for stores with tools of their own.
    ///
    /// # Errors
    /// See [`BackupError`]. A backup that fails leaves the copies that were there.
    fn back_up(
        &self,
        to: &Path,
        options: BackupOptions,
        tell: &mut dyn FnMut(BackupProgress),
        stop: &dyn Fn() -> bool,
    ) -> Result<Manifest, BackupError> {
        let _ = (to, options, tell, stop);
        Err(BackupError::NotHere(ELSEWHERE))
    }

    /// Reads the manifests of all copies in a backup, oldest first. A folder without any part of a backup holds none.
    /// The default is for stores with tools of their own.
    ///
    /// # Errors
    /// When the folder cannot be read, or is no backup.
    fn copies(&self, backup: &Path) -> Result<Vec<Manifest>, BackupError> {
        let _ = backup;
        Err(BackupError::NotHere(ELSEWHERE))
    }

    /// Returns the room on the disk; `None` where it is not known, as for a database on another machine.
    fn room(&self) -> Option<RoomState> {
        None
    }
}
