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

use super::check;
use super::folder::{DATABASE, Folder};
use super::pictures::Original;
use crate::files::{self, FileError};
use crate::originals::Folder as Originals;
use crate::sqlite::directory_lock::lock_directory;
use crate::sqlite::values::micros;
use crate::{
    BackupError, BackupProgress, BackupStep, Home, ImageId, Manifest, OriginalHome as _, OriginalsOptions, StoreError,
};

/// The note that says that a restore is under way. It holds the name of the folder that the old files move to.
const NOTE: &str = "mitsuke.restoring";

/// The name of the database until it is whole.
const UNFINISHED: &str = "mitsuke.db.restoring";

/// The folder of originals in a data directory.
const ORIGINALS: &str = crate::sqlite::directory::ORIGINALS;

/// The name of the folder of originals until the database is whole.
const UNFINISHED_ORIGINALS: &str = "originals.restoring";

/// The files that belong to the old database. The database comes first: what moves after it is of no use without it, and a start in
/// between finds no database and the note.
const REPLACED: [&str; 8] = [
    DATABASE,
    "mitsuke.db-wal",
    "mitsuke.db-shm",
    "mitsuke.db-journal",
    "mitsuke.mark",
    "vectors",
    ORIGINALS,
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
    /// The homes of originals. Originals of the folder go into the folder that is named here, and into the database when none
    /// is.
    pub originals: OriginalsOptions,
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
    /// The number of images whose original lies in place, where the backup has left it.
    pub linked: u64,
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
    let (damaged, linked) = match made {
        Ok(made) => made,
        Err(error) => {
            // The error is the one to report; the next restore removes what is left.
            _ = files::remove(&unfinished);
            _ = files::remove(&into.join(UNFINISHED_ORIGINALS));
            return Err(error);
        }
    };
    let replaced = put_in_place(into, &unfinished)?;
    Ok(Restored { manifest, replaced, damaged, linked })
}

/// Makes the whole database under its unfinished name, and returns the images without an original and the number of those
/// whose original lies in place.
fn make(
    folder: &Folder,
    manifest: &Manifest,
    unfinished: &Path,
    options: &RestoreOptions,
    tell: &mut dyn FnMut(BackupProgress),
) -> Result<(Vec<ImageId>, u64), BackupError> {
    let copy = folder.copy(&manifest.name).join(DATABASE);
    tell(BackupProgress { step: BackupStep::Rows, done: 0, total: manifest.images, written: 0 });
    if files::hash_file(&copy)?.to_string() != manifest.database_sha256 {
        return Err(BackupError::Damaged(format!("{} is not the file that was written", copy.display())));
    }
    for left in ["", "-journal", "-wal", "-shm"] {
        files::remove(&options.into.join(format!("{UNFINISHED}{left}")))?;
    }
    files::remove(&options.into.join(UNFINISHED_ORIGINALS))?;
    let home = RestoredHome::new(options, manifest)?;
    check_room(&home, options, manifest, &check::open(&copy)?)?;
    drop(files::create_file(unfinished)?);
    fs::copy(&copy, unfinished).map_err(BackupError::file(format!("copying {}", copy.display())))?;
    files::make_private(unfinished);
    let connection =
        Connection::open_with_flags(unfinished, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(StoreError::from)?;
    // A restore that breaks off is begun anew, so the database needs no journal until it is whole.
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN").map_err(StoreError::from)?;
    let damaged = put_originals(&connection, folder, manifest, &home, options.allow_damaged, tell)?;
    connection.execute_batch("COMMIT").map_err(StoreError::from)?;
    tell(BackupProgress { step: BackupStep::Verifying, done: 0, total: manifest.images, written: 0 });
    check::database(&connection, manifest)?;
    connection.close().map_err(|(_, error)| StoreError::from(error))?;
    files::sync_file(unfinished)?;
    Ok((damaged.images, damaged.linked))
}

/// The home that originals of the folder are restored to.
enum RestoredHome {
    /// The database, for a restore that names no folder.
    Database,
    /// A folder in the data directory, which takes its place together with the database.
    Beside(Originals),
    /// A folder elsewhere. What lies there stays, and equal files are not written again.
    Elsewhere(Originals),
}

impl RestoredHome {
    fn new(options: &RestoreOptions, manifest: &Manifest) -> Result<Self, BackupError> {
        let Some(root) = options.originals.folder.as_deref() else { return Ok(Self::Database) };
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let owner = options.into.canonicalize().unwrap_or_else(|_| absolute(&options.into)).display().to_string();
        let folder = |root: &Path| Originals::new(root, &manifest.identity, &owner, options.originals.min_free_bytes);
        Ok(if absolute(root) == absolute(&options.into.join(ORIGINALS)) {
            Self::Beside(folder(&options.into.join(UNFINISHED_ORIGINALS)))
        } else {
            Self::Elsewhere(folder(root))
        })
    }

    fn folder(&self) -> Option<&Originals> {
        match self {
            Self::Database => None,
            Self::Beside(folder) | Self::Elsewhere(folder) => Some(folder),
        }
    }

    /// Puts an original where its row says that it lies, and returns whether that is the folder.
    fn put(&self, original: &Original, bytes: &[u8]) -> Result<bool, BackupError> {
        let Some(folder) = self.folder().filter(|_| original.home == Home::Folder) else { return Ok(false) };
        folder.claim(false)?;
        folder.put(&original.sha256, bytes).map_err(StoreError::from)?;
        Ok(true)
    }
}

/// The images of a restore that have no original.
#[derive(Default)]
struct Without {
    /// The images whose original the backup lacks.
    images: Vec<ImageId>,
    /// The number of images whose original lies in place.
    linked: u64,
}

/// Puts the originals of the backup into the database.
fn put_originals(
    connection: &Connection,
    folder: &Folder,
    manifest: &Manifest,
    home: &RestoredHome,
    allow_damaged: bool,
    tell: &mut dyn FnMut(BackupProgress),
) -> Result<Without, BackupError> {
    let mut progress = BackupProgress { step: BackupStep::Pictures, done: 0, total: manifest.images, written: 0 };
    let (mut damaged, mut after) = (Without::default(), 0);
    loop {
        let page = Original::page(connection, "main", after, PAGE)?;
        let Some(last) = page.last() else { return Ok(damaged) };
        after = last.image_id;
        for original in &page {
            progress.done += 1;
            if original.home == Home::InPlace {
                damaged.linked += 1;
                continue;
            }
            let bytes = original.read(folder)?;
            if bytes.is_none() {
                if !allow_damaged && !manifest.damaged.contains(&original.image_id) {
                    return Err(BackupError::Damaged(format!(
                        "the original of image {} is missing or damaged ({}). --allow-damaged restores the others",
                        original.image_id,
                        folder.picture(&original.sha256).display()
                    )));
                }
                damaged.images.push(original.image_id);
                note_damage(connection, original.image_id)?;
            }
            let is_whole = bytes.is_some();
            let bytes = bytes.unwrap_or_default();
            if !(is_whole && home.put(original, &bytes)?) {
                put_into_database(connection, original, &bytes)?;
            }
            progress.written += bytes.len() as u64;
            tell(progress);
        }
    }
}

/// Puts the bytes of an original into the database, wherever its row says that it lay.
fn put_into_database(connection: &Connection, original: &Original, bytes: &[u8]) -> Result<(), StoreError> {
    if original.home != Home::Database {
        connection.prepare_cached("DELETE FROM image_files WHERE image_id = ?")?.execute([original.image_id])?;
    }
    connection
        .prepare_cached("INSERT INTO image_contents (image_id, image_data) VALUES (?, ?)")?
        .execute(params![original.image_id, bytes])?;
    Ok(())
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
    put_originals_in_place(into)?;
    files::remove(&note)?;
    files::sync_folder(into)?;
    Ok(replaced.is_dir().then_some(replaced))
}

/// Gives the restored folder of originals its place, if there is one and nothing else is there.
fn put_originals_in_place(into: &Path) -> Result<(), FileError> {
    let (unfinished, place) = (into.join(UNFINISHED_ORIGINALS), into.join(ORIGINALS));
    if unfinished.is_dir() && !place.exists() { files::rename(&unfinished, &place) } else { Ok(()) }
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
        return finish(directory, &note).map_err(|error| StoreError::Unavailable(error.to_string()));
    }
    Err(StoreError::Damaged(format!(
        "a restore into {} was cut off. Run `mitsuke restore` again; what lay there before is in {}",
        directory.display(),
        fs::read_to_string(note).unwrap_or_default()
    )))
}

/// Ends a restore that was cut off beside a database: before its first change, or after the new database has come.
fn finish(directory: &Path, note: &Path) -> Result<(), FileError> {
    let unfinished = directory.join(UNFINISHED);
    if !unfinished.exists() {
        put_originals_in_place(directory)?;
    }
    files::remove(&unfinished)?;
    files::remove(&directory.join(UNFINISHED_ORIGINALS))?;
    files::remove(note)
}

/// Checks that the disks have room for the copy and its originals. Originals of a folder elsewhere may lie there already, so
/// that its disk is not looked at before they are written.
fn check_room(
    home: &RestoredHome,
    options: &RestoreOptions,
    manifest: &Manifest,
    copy: &Connection,
) -> Result<(), BackupError> {
    let mut pictures = manifest.pictures_bytes.saturating_sub(manifest.linked_bytes);
    if matches!(home, RestoredHome::Elsewhere(_)) && copy.table_exists(None, "image_files").map_err(StoreError::from)? {
        let sql = "SELECT coalesce(sum(i.byte_count), 0) FROM images i JOIN image_files f ON f.image_id = i.image_id
                   WHERE f.home = 1";
        let elsewhere: i64 = copy.query_row(sql, [], |row| row.get(0)).map_err(StoreError::from)?;
        pictures = pictures.saturating_sub(elsewhere.unsigned_abs());
    }
    let wanted = manifest.database_bytes + pictures + pictures / 50;
    match crate::disk::free_bytes(&options.into) {
        Some(free) if free < wanted => Err(BackupError::Unusable(format!(
            "the restored store needs {wanted} bytes, and the disk of {} has {free} free",
            options.into.display()
        ))),
        _ => Ok(()),
    }
}
