//! The data directory: what lies in it, and who may read it.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::Path;

use rusqlite::Connection;

use super::error::from_io;
use super::mark;
use crate::{Folder, StoreError};

/// The folder of the snapshots of vector indexes.
pub(super) const SNAPSHOTS: &str = "vectors";

/// The name of the database.
pub(super) const DATABASE: &str = "mitsuke.db";

/// The folder of originals, unless a setting names another.
pub(super) const ORIGINALS: &str = "originals";

/// The files beside the database that hold what it holds.
const SIDE_FILES: [&str; 2] = ["mitsuke.db-wal", "mitsuke.db-shm"];

/// The note of the service that its sample pictures are being registered.
const SEED_NOTE: &str = "registering-images";

/// Makes the directory and its folders, which only their owner may enter.
///
/// # Errors
/// When a folder cannot be made.
pub(super) fn create(directory: &Path) -> Result<(), StoreError> {
    let snapshots = directory.join(SNAPSHOTS);
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&snapshots).map_err(|error| from_io(&format!("creating {}", snapshots.display()), &error))?;
    make_private(directory);
    make_private(&snapshots);
    Ok(())
}

/// Creates the database as a file that only its owner may read, unless it is there, and takes the rights of everybody else
/// from the files that are there. SQLite gives the files that it makes beside the database the same rights.
///
/// # Errors
/// When the database cannot be created.
pub(super) fn create_database(directory: &Path) -> Result<(), StoreError> {
    let database = directory.join(DATABASE);
    if !database.exists() {
        // No connection of this process is open to the file yet. Closing a descriptor of an open database would release
        // its locks.
        create_private(&database).map_err(|error| from_io(&format!("creating {}", database.display()), &error))?;
    }
    make_private(&database);
    SIDE_FILES
        .iter()
        .map(|name| directory.join(name))
        .filter(|path| path.exists())
        .for_each(|path| make_private(&path));
    let snapshots = fs::read_dir(directory.join(SNAPSHOTS)).into_iter().flatten().flatten();
    snapshots.for_each(|entry| make_private(&entry.path()));
    Ok(())
}

/// Opens a file for reading and writing, and creates it with no rights for others than its owner.
pub(super) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Takes the rights of everybody but the owner from a file or folder. A failure is only logged: some file systems know no
/// rights, and some mounted folders belong to another user.
fn make_private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let changed = fs::metadata(path).and_then(|metadata| {
            let mode = metadata.permissions().mode();
            if mode & 0o077 == 0 {
                return Ok(());
            }
            fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o7700))
        });
        if let Err(error) = changed {
            log::warn!("{} may be open to other users of this machine: {error}", path.display());
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// Refuses a directory whose database is missing or empty while something that belongs to one lies there.
///
/// # Errors
/// [`StoreError::Damaged`], with what to do.
pub(super) fn refuse_missing(directory: &Path) -> Result<(), StoreError> {
    let bytes = fs::metadata(directory.join(DATABASE)).map_or(0, |metadata| metadata.len());
    if bytes > 0 { Ok(()) } else { refuse_left_overs(directory, "is missing or empty") }
}

/// Refuses an open database without tables like [`refuse_missing`].
///
/// # Errors
/// [`StoreError::Damaged`], with what to do.
pub(super) fn refuse_empty(directory: &Path, connection: &Connection) -> Result<(), StoreError> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 { Ok(()) } else { refuse_left_overs(directory, "holds no tables") }
}

fn refuse_left_overs(directory: &Path, state: &str) -> Result<(), StoreError> {
    let Some(left_over) = left_over(directory) else { return Ok(()) };
    Err(StoreError::Damaged(format!(
        "{} {state}, but {left_over} of a store lies beside it. Put the database back, run `mitsuke restore`, or move \
         everything out of {} to begin with an empty store",
        directory.join(DATABASE).display(),
        directory.display()
    )))
}

/// Names something in the directory that only a store with a database leaves there.
fn left_over(directory: &Path) -> Option<String> {
    if mark::read(directory).is_some() {
        return Some(mark::NAME.to_owned());
    }
    if fs::metadata(directory.join("mitsuke.db-wal")).is_ok_and(|metadata| metadata.len() > 0) {
        return Some("mitsuke.db-wal".to_owned());
    }
    if directory.join(SEED_NOTE).exists() {
        return Some(SEED_NOTE.to_owned());
    }
    if Folder::is_marked(&directory.join(ORIGINALS)) {
        return Some(ORIGINALS.to_owned());
    }
    let snapshots = fs::read_dir(directory.join(SNAPSHOTS)).into_iter().flatten().flatten();
    let mut indexes = snapshots.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "idx"));
    indexes.next().map(|entry| format!("{SNAPSHOTS}/{}", entry.file_name().to_string_lossy()))
}
