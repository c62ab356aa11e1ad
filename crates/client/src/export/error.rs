//! The reasons why an export breaks off.

use std::io;
use std::path::{Path, PathBuf};

use tokio::task::JoinError;

use crate::failure::{ConnectError, Failure};

/// The reason why an export breaks off. The same command continues from there.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The server cannot be reached, or does not accept the key.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server refuses a request, or does not answer any more.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The folder cannot be written.
    #[error("{}: {cause}", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        cause: io::Error,
    },
    /// Another export writes into the folder.
    #[error("another `mitsuke export` writes into {}. Wait for it, or name another folder", .0.display())]
    Locked(PathBuf),
    /// A step on the blocking pool panicked; the panic's message is in the log of the process.
    #[error("the export broke off")]
    BrokenOff(#[from] JoinError),
}

impl ExportError {
    /// Returns a function that adds a path to an error of the system.
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Folder { path: path.to_owned(), cause }
    }
}
