//! Checks of the database of a copy.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::{BackupError, Manifest, StoreError};

/// Opens the database of a copy to read it.
pub(super) fn open(database: &Path) -> Result<Connection, BackupError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(database, flags).map_err(|error| StoreError::from(error).into())
}

/// Checks the pages of a database, the references between its rows, and the counts that its manifest states.
pub(super) fn database(connection: &Connection, manifest: &Manifest) -> Result<(), BackupError> {
    let text = |sql: &str| -> Result<String, BackupError> {
        connection.query_row(sql, [], |row| row.get(0)).map_err(|error| BackupError::Damaged(error.to_string()))
    };
    let pages = text("PRAGMA integrity_check(1)")?;
    if pages != "ok" {
        return Err(BackupError::Damaged(pages));
    }
    let counted = text("SELECT count(*) || ' ' || coalesce(sum(byte_count), 0) FROM images")?;
    let stated = format!("{} {}", manifest.images, manifest.pictures_bytes);
    if counted != stated {
        return Err(BackupError::Damaged(format!("it has {counted} images and bytes in place of {stated}")));
    }
    let lost = text("SELECT count(*) || '' FROM pragma_foreign_key_check")?;
    if lost != "0" {
        return Err(BackupError::Damaged(format!("{lost} rows refer to rows that are not there")));
    }
    Ok(())
}
