//! The reasons why an upload cannot begin, or breaks off.

use std::io;
use std::path::PathBuf;

use tokio::task::JoinError;

use super::captions::CaptionError;
use super::upload_log::LogError;
use crate::client::ClientError;
use crate::failure::ConnectError;

/// The reason why an upload cannot begin, or breaks off.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// A folder or file that the user names is not there.
    #[error("{}: {cause}", path.display())]
    Root {
        /// The folder or file.
        path: PathBuf,
        /// The error of the system.
        cause: io::Error,
    },
    /// The captions cannot be used.
    #[error("the captions cannot be used: {0}")]
    Captions(#[from] CaptionError),
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// No client can be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The server cannot be reached, or does not accept the key.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A step on the blocking pool panicked; the panic's message is in the log of the process.
    #[error("the upload broke off; nothing that was stored is lost, and the same command continues from here")]
    BrokenOff(#[from] JoinError),
}
