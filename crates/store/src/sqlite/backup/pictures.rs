//! Originals in a backup: one file for each hash.

use std::fs;

use rusqlite::Connection;

use super::files;
use super::folder::Folder;
use crate::sqlite::values::unsigned;
use crate::{BackupError, ImageId, Sha256, StoreError};

/// The facts of an original that a backup needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Original {
    pub(super) image_id: ImageId,
    pub(super) sha256: Sha256,
    pub(super) bytes: u64,
}

impl Original {
    /// Reads at most `limit` originals after the image `after`, in the order of their ids. `database` is the name of the
    /// attached database.
    pub(super) fn page(
        connection: &Connection,
        database: &str,
        after: ImageId,
        limit: i64,
    ) -> Result<Vec<Self>, StoreError> {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT image_id, sha256, byte_count FROM {database}.images WHERE image_id > ? ORDER BY image_id LIMIT ?"
        ))?;
        let rows = statement.query_map([after, limit], |row| {
            Ok(Self { image_id: row.get(0)?, sha256: Sha256(row.get(1)?), bytes: unsigned(row, 2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns whether the backup has a file of the right size for this original.
    pub(super) fn is_in(&self, folder: &Folder) -> bool {
        fs::metadata(folder.picture(&self.sha256)).is_ok_and(|file| file.is_file() && file.len() == self.bytes)
    }

    /// Returns whether the backup has this original, byte for byte.
    pub(super) fn is_whole_in(&self, folder: &Folder) -> bool {
        self.is_in(folder) && files::hash_file(&folder.picture(&self.sha256)).is_ok_and(|hash| hash == self.sha256)
    }

    /// Writes the bytes into the backup; returns false and writes nothing when they are not those of this original.
    pub(super) fn put(&self, folder: &Folder, bytes: &[u8]) -> Result<bool, BackupError> {
        if Sha256::of(bytes) != self.sha256 {
            return Ok(false);
        }
        let path = folder.picture(&self.sha256);
        if let Some(parent) = path.parent() {
            files::make_folder(parent)?;
        }
        files::write_file(&path, bytes)?;
        Ok(true)
    }

    /// Reads the bytes out of the backup; `None` when they are missing or are not those of this original.
    pub(super) fn read(&self, folder: &Folder) -> Result<Option<Vec<u8>>, BackupError> {
        let path = folder.picture(&self.sha256);
        match fs::read(&path) {
            Ok(bytes) if Sha256::of(&bytes) == self.sha256 => Ok(Some(bytes)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BackupError::file(format!("reading {}", path.display()))(error)),
        }
    }
}
