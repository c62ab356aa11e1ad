//! The lock that keeps a second process out of the data directory.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::directory::create_private;
use super::error::from_io;
use crate::StoreError;

/// The lock of a directory, held until this value is dropped or the process ends.
///
/// The directory itself is locked, because the lock of a file in it is lost with the file. The file is locked too, because
/// earlier versions of this program know no other lock.
pub(super) struct DirectoryLock {
    /// `None` where the file system locks no directories.
    _directory: Option<File>,
    _file: File,
}

/// Locks a directory for this process.
///
/// # Errors
/// [`StoreError::Locked`] while another process holds the lock.
pub(super) fn lock_directory(directory: &Path) -> Result<DirectoryLock, StoreError> {
    let locked_directory = match File::open(directory).map(|folder| (folder.try_lock(), folder)) {
        Ok((Ok(()), folder)) => Some(folder),
        Ok((Err(TryLockError::WouldBlock), _)) => return Err(StoreError::Locked(directory.to_owned())),
        Ok((Err(TryLockError::Error(error)), _)) | Err(error) => {
            log::warn!(
                "{} cannot be locked, so that only mitsuke.lock keeps a second server out: {error}",
                directory.display()
            );
            None
        }
    };
    let path = directory.join("mitsuke.lock");
    let file = create_private(&path).map_err(|error| from_io(&format!("opening {}", path.display()), &error))?;
    match file.try_lock() {
        Ok(()) => Ok(DirectoryLock { _directory: locked_directory, _file: file }),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(from_io(&format!("locking {}", path.display()), &error)),
    }
}
