//! The copy of the database that is made before its schema is upgraded.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::folder;
use crate::StoreError;
use crate::disk;
use crate::files::{self, FileError};
use crate::sqlite::options::SqliteOptions;
use crate::sqlite::{connection, migrate};

/// The beginning of the name of a copy, which ends with the version of its schema.
const PREFIX: &str = "mitsuke.db.schema-";

/// Copies the database when its schema is older than that of this program, and returns a connection to it. An earlier copy
/// is removed then. The connection is the only one, and no server reads meanwhile.
///
/// # Errors
/// [`StoreError::DiskFull`] when there is no room for the copy; the errors of reading and writing.
pub(in crate::sqlite) fn before_upgrade(
    writer: Connection,
    database: &Path,
    options: &SqliteOptions,
) -> Result<Connection, StoreError> {
    let version: i64 = writer.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 || version >= migrate::known_version() || !options.upgrade_copy {
        return Ok(writer);
    }
    // Closing any descriptor of a file drops all locks that the process has on it, so that SQLite must have it closed while
    // it is copied. The log is empty then: everything is in the one file.
    writer.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    writer.close().map_err(|(_, error)| error)?;
    copy(database, version)?;
    connection::open_writer(database, options.busy_timeout)
}

fn copy(database: &Path, version: i64) -> Result<(), StoreError> {
    let directory = database.parent().unwrap_or(Path::new("."));
    let to = directory.join(format!("{PREFIX}{version}"));
    let partial = files::partial_of(&to);
    let bytes = fs::metadata(database).map(|file| file.len()).unwrap_or_default();
    log::info!(
        "copying the database ({bytes} bytes) to {} before its schema is upgraded from version {version}",
        to.display()
    );
    let copied = clone(database, &partial)
        .and_then(|cloned| if cloned { Ok(()) } else { copy_bytes(database, &partial, bytes) })
        .and_then(|()| {
            files::make_private(&partial);
            check(&partial)
        })
        .and_then(|()| files::rename(&partial, &to).map_err(into_store_error));
    if let Err(error) = copied {
        // The error is the one to report; the next start removes what is left.
        _ = files::remove(&partial);
        return Err(error);
    }
    for old in upgrade_copies(directory).into_iter().filter(|path| *path != to) {
        files::remove(&old).map_err(into_store_error)?;
    }
    Ok(())
}

/// Lets both files share their bytes where the file system can, which takes no room; returns whether it can.
fn clone(database: &Path, to: &Path) -> Result<bool, StoreError> {
    let target = files::create_file(to).map_err(into_store_error)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let source = fs::File::open(database)
            .map_err(|error| super::super::error::from_io(&format!("opening {}", database.display()), &error))?;
        if rustix::fs::ioctl_ficlone(&target, &source).is_ok() {
            return Ok(true);
        }
    }
    drop(target);
    Ok(false)
}

fn copy_bytes(database: &Path, to: &Path, bytes: u64) -> Result<(), StoreError> {
    let directory = to.parent().unwrap_or(Path::new("."));
    if let Some(free) = disk::free_bytes(directory).filter(|free| *free < bytes) {
        return Err(StoreError::DiskFull(format!(
            "a copy of the database is made before its schema is upgraded, which takes {bytes} bytes, and {free} are free. \
             Give the disk room, or back the store up elsewhere and set MITSUKE_UPGRADE_COPY=false"
        )));
    }
    fs::copy(database, to)
        .and_then(|_| fs::File::options().write(true).open(to)?.sync_all())
        .map_err(|error| super::super::error::from_io(&format!("copying {}", database.display()), &error))
}

/// Checks the pages of the copy, so that the upgrade does not begin without one that can be used.
fn check(copy: &Path) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    // A copy in WAL mode without a log is read as it lies there, and nothing is written beside it.
    let mut name = String::from("file:");
    for byte in copy.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' => name.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => name.push(char::from(*byte)),
            byte => name.push_str(&format!("%{byte:02x}")),
        }
    }
    let connection = Connection::open_with_flags(format!("{name}?immutable=1"), flags)?;
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged(format!(
        "the database is damaged ({found}), and its schema is not upgraded. Use the program that wrote it, or restore a \
         backup"
    )))
}

fn into_store_error(FileError { doing, cause }: FileError) -> StoreError {
    super::super::error::from_io(&doing, &cause)
}

/// Returns the copies of a data directory's database that were made before upgrades.
#[must_use]
pub fn upgrade_copies(directory: &Path) -> Vec<PathBuf> {
    let entries = folder::entries(directory).unwrap_or_default();
    let is_copy = |path: &PathBuf| {
        let version = path.file_name().and_then(OsStr::to_str).and_then(|name| name.strip_prefix(PREFIX));
        version.is_some_and(|version| version.parse::<u32>().is_ok())
    };
    entries.into_iter().map(|(_, path)| path).filter(is_copy).collect()
}
