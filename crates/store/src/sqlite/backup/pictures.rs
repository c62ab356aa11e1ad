//! Originals in a backup: one file for each hash.

use std::fs;

use rusqlite::Connection;

use super::folder::Folder;
use crate::files;
use crate::sqlite::values::unsigned;
use crate::{BackupError, Home, ImageId, Sha256, StoreError};

/// The facts of an original that a backup needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Original {
    pub(super) image_id: ImageId,
    pub(super) sha256: Sha256,
    pub(super) bytes: u64,
    pub(super) home: Home,
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
        // A database of an earlier version keeps all originals in itself.
        let home = if connection.table_exists(Some(database), "image_files")? {
            format!("coalesce((SELECT f.home FROM {database}.image_files f WHERE f.image_id = i.image_id), 0)")
        } else {
            "0".to_owned()
        };
        let mut statement = connection.prepare_cached(&format!(
            "SELECT i.image_id, i.sha256, i.byte_count, {home} FROM {database}.images i WHERE i.image_id > ?
             ORDER BY i.image_id LIMIT ?"
        ))?;
        let mut rows = statement.query([after, limit])?;
        let mut page = Vec::new();
        while let Some(row) = rows.next()? {
            page.push(Self {
                image_id: row.get(0)?,
                sha256: Sha256(row.get(1)?),
                bytes: unsigned(row, 2)?,
                home: Home::of_number(row.get(3)?)?,
            });
        }
        Ok(page)
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
