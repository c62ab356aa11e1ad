//! The restore of a store from a copy.
//!
//! The new database is made beside the old one under another name. Only when it is whole does everything that lay there
//! move into a folder of its own, and the new database takes its place. A note says that a restore is under way: a store
//! whose database has been moved away and not been replaced yet does not start as an empty one.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};
use time::OffsetDateTime;
use time::macros::format_description;

use super::folder::{DATABASE, Folder};
use super::pictures::Original;
use super::{check, files};
use crate::sqlite::directory_lock::lock_directory;
use crate::sqlite::values::micros;
use crate::{BackupError, BackupProgress, BackupStep, ImageId, Manifest, StoreError};

/// The note that says that a restore is under way. It holds the name of the folder that the old files move to.
const NOTE: &str = "mitsuke.restoring";

/// The name of the database until it is whole.
const UNFINISHED: &str = "mitsuke.db.restoring";

/// The files that belong to the old database. The database comes first: what moves after it is of no use without it, and a start in
/// between finds no database and the note.
const REPLACED: [&str; 7] = [
    DATABASE,
    "mitsuke.db-wal",
    "mitsuke.db-shm",
    "mitsuke.db-journal",
    "mitsuke.mark",
    "vectors",
    // The note of the registration of sample pictures that was broken off (seed.rs of the program).
    "registering-images",
];

/// The originals that are listed at once.
const PAGE: i64 = 1_000;

/// The choice of a copy, and the place to restore it to.
#[derive(Debug, Clone)]
pub struct RestoreOptions {
    /// The folder of the backup.
    pub from: PathBuf,
    /// The name of the copy; the newest one if none is named.
    pub copy: Option<String>,
    /// The data directory.
    pub into: PathBuf,
    /// Restores the rest when the backup lacks originals; the images without one are then listed as damaged.
    pub allow_damaged: bool,
}

/// A restored store.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The copy that it was restored from.
    pub manifest: Manifest,
    /// The folder that holds what lay there before; `None` when nothing did.
    pub replaced: Option<PathBuf>,
    /// The images whose original the backup does not have.
    pub damaged: Vec<ImageId>,
}

/// Restores a store from a backup. What lies in the data directory moves into a folder of its own there.
///
/// # Errors
/// See [`BackupError`]; [`StoreError::Locked`] while a server has the directory open. Until the last moment an error leaves
/// the directory as it was.
pub fn restore(options: &RestoreOptions, tell: &mut dyn FnMut(BackupProgress)) -> Result<Restored, BackupError> {
    let folder = Folder::open(&options.from)?;
    let manifest = folder.manifest(options.copy.as_deref())?;
    let into = options.into.as_path();
    files::make_folder(into)?;
    let _lock = lock_directory(into)?;
    let unfinished = into.join(UNFINISHED);
    let made = make(&folder, &manifest, &unfinished, options, tell);
    let damaged = match made {
        Ok(damaged) => damaged,
        Err(error) => {
            // The error is the one to report; the next restore removes what is left.
            _ = files::remove(&unfinished);
            return Err(error);
        }
    };
    let replaced = put_in_place(into, &unfinished)?;
    Ok(Restored { manifest, replaced, damaged })
}

/// Makes the whole database under its unfinished name, and returns the images without an original.
fn make(
    folder: &Folder,
    manifest: &Manifest,
    unfinished: &Path,
    options: &RestoreOptions,
    tell: &mut dyn FnMut(BackupProgress),
) -> Result<Vec<ImageId>, BackupError> {
    let copy = folder.copy(&manifest.name).join(DATABASE);
    check_room(&options.into, manifest)?;
    tell(BackupProgress { step: BackupStep::Rows, done: 0, total: manifest.images, written: 0 });
    if files::hash_file(&copy)?.to_string() != manifest.database_sha256 {
        return Err(BackupError::Damaged(format!("{} is not the file that was written", copy.display())));
    }
    for left in ["", "-journal", "-wal", "-shm"] {
        files::remove(&options.into.join(format!("{UNFINISHED}{left}")))?;
    }
    drop(files::create_file(unfinished)?);
    fs::copy(&copy, unfinished).map_err(BackupError::file(format!("copying {}", copy.display())))?;
    files::make_private(unfinished);
    let connection =
        Connection::open_with_flags(unfinished, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(StoreError::from)?;
    // A restore that breaks off is begun anew, so the database needs no journal until it is whole.
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN").map_err(StoreError::from)?;
    let damaged = put_originals(&connection, folder, manifest, options.allow_damaged, tell)?;
    connection.execute_batch("COMMIT").map_err(StoreError::from)?;
    tell(BackupProgress { step: BackupStep::Verifying, done: 0, total: manifest.images, written: 0 });
    check::database(&connection, manifest)?;
    connection.close().map_err(|(_, error)| StoreError::from(error))?;
    files::sync_file(unfinished)?;
    Ok(damaged)
}

/// Puts the originals of the backup into the database.
fn put_originals(
    connection: &Connection,
    folder: &Folder,
    manifest: &Manifest,
    allow_damaged: bool,
    tell: &mut dyn FnMut(BackupProgress),
) -> Result<Vec<ImageId>, BackupError> {
    let mut progress = BackupProgress { step: BackupStep::Pictures, done: 0, total: manifest.images, written: 0 };
    let (mut damaged, mut after) = (Vec::new(), 0);
    loop {
        let page = Original::page(connection, "main", after, PAGE)?;
        let Some(last) = page.last() else { return Ok(damaged) };
        after = last.image_id;
        for original in &page {
            let bytes = original.read(folder)?;
            if bytes.is_none() {
                if !allow_damaged && !manifest.damaged.contains(&original.image_id) {
                    return Err(BackupError::Damaged(format!(
                        "the original of image {} is missing or damaged ({}). --allow-damaged restores the others",
                        original.image_id,
                        folder.picture(&original.sha256).display()
                    )));
                }
                damaged.push(original.image_id);
                note_damage(connection, original.image_id)?;
            }
            let bytes = bytes.unwrap_or_default();
            connection
                .prepare_cached("INSERT INTO image_contents (image_id, image_data) VALUES (?, ?)")
                .and_then(|mut insert| insert.execute(params![original.image_id, bytes]))
                .map_err(StoreError::from)?;
            progress.done += 1;
            progress.written += bytes.len() as u64;
            tell(progress);
        }
    }
}

/// Lists an image as damaged, in a schema that has such a list.
fn note_damage(connection: &Connection, image_id: ImageId) -> Result<(), StoreError> {
    let lists = connection.table_exists(None, "image_damage")?;
    if lists {
        connection.execute(
            "INSERT OR REPLACE INTO image_damage (image_id, found_at) VALUES (?, ?)",
            params![image_id, micros(OffsetDateTime::now_utc())],
        )?;
    }
    Ok(())
}

/// Moves what lies there into a folder of its own, and the whole database to its place.
fn put_in_place(into: &Path, unfinished: &Path) -> Result<Option<PathBuf>, BackupError> {
    let note = into.join(NOTE);
    // A restore that was cut off here has moved a part already, and the rest belongs to that part.
    let earlier = fs::read_to_string(&note).ok().filter(|name| is_folder_name(name));
    let name = earlier.unwrap_or_else(|| folder_name(into));
    files::write_file(&note, name.as_bytes())?;
    let replaced = into.join(&name);
    for part in REPLACED.map(|part| into.join(part)) {
        if part.symlink_metadata().is_ok() {
            files::make_folder(&replaced)?;
            let to = replaced.join(part.file_name().unwrap_or_default());
            files::rename(&part, &to)?;
        }
    }
    files::sync_folder(into)?;
    files::rename(unfinished, &into.join(DATABASE))?;
    files::remove(&note)?;
    files::sync_folder(into)?;
    Ok(replaced.is_dir().then_some(replaced))
}

/// Returns the name of a folder that is not there yet, made of the time.
fn folder_name(into: &Path) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]-[minute]-[second]Z");
    let time = OffsetDateTime::now_utc().format(format).unwrap_or_default();
    let name = format!("before-restore-{time}");
    let mut names = std::iter::once(name.clone()).chain((2..).map(|number| format!("{name}-{number}")));
    names.find(|name| !into.join(name).exists()).unwrap_or(name)
}

fn is_folder_name(name: &str) -> bool {
    name.starts_with("before-restore-") && Path::new(name).components().count() == 1
}

/// Refuses to open a data directory whose database a restore has moved away and not replaced yet. The note of a restore
/// that ended in any other way is removed: the database that is there is the old or the new one, and whole.
///
/// # Errors
/// [`StoreError::Damaged`], with what to do.
pub(in crate::sqlite) fn finish_or_refuse(directory: &Path) -> Result<(), StoreError> {
    let note = directory.join(NOTE);
    if !note.exists() {
        return Ok(());
    }
    if directory.join(DATABASE).exists() {
        for left in [note, directory.join(UNFINISHED)] {
            files::remove(&left).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        }
        return Ok(());
    }
    Err(StoreError::Damaged(format!(
        "a restore into {} was cut off. Run `mitsuke restore` again; what lay there before is in {}",
        directory.display(),
        fs::read_to_string(note).unwrap_or_default()
    )))
}

/// Checks that the disk has room for the copy and its originals.
fn check_room(into: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let wanted = manifest.database_bytes + manifest.pictures_bytes + manifest.pictures_bytes / 50;
    match crate::sqlite::room::free_bytes(into) {
        Some(free) if free < wanted => Err(BackupError::Unusable(format!(
            "the restored store needs {wanted} bytes, and the disk of {} has {free} free",
            into.display()
        ))),
        _ => Ok(()),
    }
}
