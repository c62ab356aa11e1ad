//! Backups of the embedded store, and restores from them.
//!
//! ```text
//! BACKUP/pictures/ab/ab12…                            one file for each hash, shared by all copies
//! BACKUP/copies/2026-11-28T10-00-00Z/mitsuke.db       the rows, without the bytes of pictures
//! BACKUP/copies/2026-11-28T10-00-00Z/manifest.json    what the copy holds
//! ```
//!
//! A further copy writes only the rows and the originals that no earlier copy has written.

mod check;
mod copy;
mod folder;
mod pictures;
mod prune;
mod restore;
mod tables;
mod upgrade;

use std::path::Path;

pub(super) use copy::{Source, back_up};
pub(super) use restore::finish_or_refuse;
pub use restore::{RestoreOptions, Restored, restore};
pub(super) use upgrade::before_upgrade;
pub use upgrade::upgrade_copies;

use crate::{BackupError, Manifest};

/// Reads the manifests of all copies in a backup, oldest first. A folder without any part of a backup holds none.
///
/// # Errors
/// When the folder cannot be read, or is no backup.
pub fn copies(backup: &Path) -> Result<Vec<Manifest>, BackupError> {
    if !backup.join("copies").exists() {
        return Ok(Vec::new());
    }
    folder::Folder::open(backup)?.manifests()
}
