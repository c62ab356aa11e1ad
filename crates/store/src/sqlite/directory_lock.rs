//! The lock that keeps a second process out of the data directory.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::error::from_io;
use crate::StoreError;

/// Locks a directory for this process. The system releases the lock with the file, or with the process.
///
/// # Errors
/// [`StoreError::Locked`] while another process holds the lock.
pub(super) fn lock_directory(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join("mitsuke.lock");
    let file = File::options()
        .create(true)
        .write(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| from_io(&format!("opening {}", path.display()), &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(directory.to_owned())),
        Err(TryLockError::Error(error)) => Err(from_io(&format!("locking {}", path.display()), &error)),
    }
}
