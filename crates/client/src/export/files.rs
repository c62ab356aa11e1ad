//! The originals of an export on disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::error::ExportError;
use crate::client::Client;
use crate::download::{FILE_UNWRITABLE, Original};
use crate::failure::{Failure, FailureKind};
use crate::hash::hash;

/// The folder of the pictures below that of the export.
pub const PICTURES: &str = "pictures";

/// The folder of downloads that are not whole.
const UNFINISHED: &str = ".unfinished";

/// The outcome for the file of an original.
#[derive(Debug)]
pub enum Fetched {
    /// The file was there already, with the bytes of the image.
    Kept,
    /// The file is new, or has been replaced.
    New,
    /// The image has been deleted from the server.
    Deleted,
    /// The original is not to be had, for this reason.
    Missing(Failure),
}

/// The folder of an export.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
}

impl Files {
    /// Makes the folders where they are missing.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub fn open(folder: &Path) -> Result<Self, ExportError> {
        for folder in [folder.join(PICTURES), folder.join(UNFINISHED)] {
            fs::create_dir_all(&folder).map_err(ExportError::at(&folder))?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// Sees to it that the file `name` below the folder of the export holds the bytes of an original.
    ///
    /// # Errors
    /// When no other original could be fetched either.
    pub async fn fetch(&self, client: &Client, original: Original<'_>, name: &str) -> Result<Fetched, ExportError> {
        let (path, sha256) = (self.folder.join(name), original.sha256.to_owned());
        let (kept, bytes) = (path.clone(), original.bytes);
        let has_bytes = move || has(&kept, bytes, &sha256).unwrap_or(false);
        if tokio::task::spawn_blocking(has_bytes).await? {
            return Ok(Fetched::Kept);
        }
        // The beginning that an earlier run has left may be damaged, in which case everything is fetched again.
        let unfinished = self.folder.join(UNFINISHED).join(original.image_id.to_string());
        for _ in 0..2 {
            if let Err(failure) = client.download(original, &unfinished).await {
                return missing(failure);
            }
            let (from, to, sha256) = (unfinished.clone(), path.clone(), original.sha256.to_owned());
            match tokio::task::spawn_blocking(move || keep(&from, &to, bytes, &sha256)).await? {
                Ok(true) => return Ok(Fetched::New),
                Ok(false) => {}
                Err(error) => {
                    let detail = format!("{}: {error}", path.display());
                    return Ok(Fetched::Missing(Failure::new(FailureKind::Rejected, FILE_UNWRITABLE, detail)));
                }
            }
        }
        Ok(Fetched::Missing(Failure::new(
            FailureKind::Rejected,
            "bytes_differ",
            "the bytes that arrived are not those of the image",
        )))
    }

    /// Removes the folder of unfinished downloads if nothing is left in it.
    pub fn close(self) {
        // The next run makes the folder again; a download of an image that has been deleted keeps it.
        drop(fs::remove_dir(self.folder.join(UNFINISHED)));
    }
}

/// Tells a failure that concerns one original from one that all others would meet too.
fn missing(failure: Failure) -> Result<Fetched, ExportError> {
    match (failure.kind, &*failure.code) {
        (_, "image_not_found") => Ok(Fetched::Deleted),
        (_, FILE_UNWRITABLE) => Err(failure.into()),
        (FailureKind::Rejected | FailureKind::ServerError, _) => Ok(Fetched::Missing(failure)),
        _ => Err(failure.into()),
    }
}

/// Gives a download its name, once it is on disk, if it has the bytes of the original. Otherwise removes it and returns
/// false.
fn keep(from: &Path, to: &Path, bytes: u64, sha256: &str) -> io::Result<bool> {
    if !has(from, bytes, sha256)? {
        fs::remove_file(from)?;
        return Ok(false);
    }
    File::options().write(true).open(from)?.sync_all()?;
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::rename(from, to)?;
    Ok(true)
}

/// Returns whether a file has these bytes.
fn has(path: &Path, bytes: u64, sha256: &str) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() != bytes {
        return Ok(false);
    }
    Ok(hash(&[], &mut file)?.0 == sha256)
}
