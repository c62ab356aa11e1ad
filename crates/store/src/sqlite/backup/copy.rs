//! The making of a copy.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _};
use time::OffsetDateTime;

use super::folder::{DATABASE, Folder};
use super::pictures::Original;
use super::tables::{SOURCE, Schema};
use super::{check, prune, tables};
use crate::files;
use crate::sqlite::values::unsigned;
use crate::{
    BACKUP_FORMAT, BackupError, BackupOptions, BackupProgress, BackupStep, Home, ImageId, Manifest, Sha256, StoreError,
};

/// The originals that are listed at once.
const PAGE: i64 = 1_000;

/// The images between two reports of the progress of steps that only look.
const REPORT: u64 = 1_000;

/// Reads the file of an original with a hash and a size.
type ReadFile<'a> = dyn Fn(&Sha256, u64) -> Result<Option<Vec<u8>>, StoreError> + 'a;

/// The store that is backed up.
pub(in crate::sqlite) struct Source<'a> {
    /// The path of its database.
    pub(in crate::sqlite) database: &'a Path,
    /// Reads the bytes of an original; `None` when the image is gone.
    pub(in crate::sqlite) content: &'a dyn Fn(ImageId) -> Result<Option<Vec<u8>>, StoreError>,
    /// Reads the file of an original with a hash and a size out of the folder of originals, whether its bytes are right or
    /// not; `None` when it is not there. Files of deleted images stay until the backup is made.
    pub(in crate::sqlite) file: &'a ReadFile<'a>,
}

/// The work on one copy.
struct Work<'a> {
    folder: &'a Folder,
    options: BackupOptions,
    tell: &'a mut dyn FnMut(BackupProgress),
    stop: &'a dyn Fn() -> bool,
    progress: BackupProgress,
}

/// Adds a copy to the backup in the folder `to`.
pub(in crate::sqlite) fn back_up(
    source: &Source<'_>,
    to: &Path,
    options: BackupOptions,
    tell: &mut dyn FnMut(BackupProgress),
    stop: &dyn Fn() -> bool,
) -> Result<Manifest, BackupError> {
    let folder = Folder::create(to)?;
    let _lock = folder.lock()?;
    folder.remove_unfinished()?;
    let progress = BackupProgress { step: BackupStep::Pictures, done: 0, total: 0, written: 0 };
    let mut work = Work { folder: &folder, options, tell, stop, progress };
    let name = folder.new_name(OffsetDateTime::now_utc());
    let unfinished = files::partial_of(&folder.copy(&name));
    files::make_folder(&unfinished)?;
    let made = work.make(source, &name, &unfinished);
    if made.is_err() {
        // The error is the one to report; the next backup removes what is left.
        _ = files::remove(&unfinished);
    }
    made
}

impl Work<'_> {
    fn make(&mut self, source: &Source<'_>, name: &str, unfinished: &Path) -> Result<Manifest, BackupError> {
        let database = unfinished.join(DATABASE);
        drop(files::create_file(&database)?);
        let connection = tables::open(&database, source.database)?;
        refuse_another_store(self.folder, &identity(&connection)?)?;
        self.copy_pictures(source, &connection)?;
        let mut manifest = self.copy_rows(source, &connection, name)?;
        drop(connection);
        self.verify(&database, &mut manifest)?;
        Folder::write_manifest(unfinished, &manifest)?;
        files::rename(unfinished, &self.folder.copy(name))?;
        if let Some(keep) = self.options.keep {
            self.begin(BackupStep::Pruning, 0);
            prune::prune(self.folder, keep)?;
        }
        Ok(manifest)
    }

    /// Copies the originals that the backup does not have. Images come and go meanwhile, so this is only the larger part.
    fn copy_pictures(&mut self, source: &Source<'_>, connection: &Connection) -> Result<(), BackupError> {
        let sql = format!("SELECT value FROM {SOURCE}.store_facts WHERE name = 'image_count'");
        let images = connection.query_row(&sql, [], |row| unsigned(row, 0)).map_err(StoreError::from)?;
        self.begin(BackupStep::Pictures, images);
        let mut after = 0;
        loop {
            let page = Original::page(connection, SOURCE, after, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.image_id;
            for original in &page {
                self.go_on()?;
                if original.home != Home::InPlace && !self.has(original) {
                    match (source.content)(original.image_id) {
                        Ok(Some(bytes)) => {
                            self.put(original, &bytes)?;
                        }
                        // An image that is gone has no row in the copy, and one that is damaged is named there.
                        Ok(None) | Err(StoreError::Damaged(_)) => {}
                        Err(error) if error.lost_original().is_some() => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                self.advance();
            }
        }
    }

    /// Copies the rows as they are at one moment, and the originals of those rows that have come since.
    fn copy_rows(&mut self, source: &Source<'_>, connection: &Connection, name: &str) -> Result<Manifest, BackupError> {
        self.begin(BackupStep::Rows, 0);
        let schema = Schema::read(connection)?;
        connection.execute_batch("BEGIN").map_err(StoreError::from)?;
        let made_at = OffsetDateTime::now_utc();
        let mut manifest = manifest(connection, name, made_at)?;
        schema.copy_rows(connection)?;
        self.begin(BackupStep::Rows, manifest.images);
        let mut after = 0;
        loop {
            let page = Original::page(connection, SOURCE, after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = last.image_id;
            for original in &page {
                self.go_on()?;
                if original.home != Home::InPlace && !original.is_in(self.folder) {
                    let bytes = match original.home {
                        Home::Folder => (source.file)(&original.sha256, original.bytes)?,
                        _ => stored_bytes(connection, original.image_id)?,
                    };
                    if !bytes.map_or(Ok(false), |bytes| self.put(original, &bytes))? {
                        manifest.damaged.push(original.image_id);
                    }
                }
                self.advance();
            }
        }
        connection.execute_batch("COMMIT").map_err(StoreError::from)?;
        schema.finish(connection)?;
        Ok(manifest)
    }

    /// Opens the copy again, and compares it with what was read and with the originals of the backup.
    fn verify(&mut self, database: &Path, manifest: &mut Manifest) -> Result<(), BackupError> {
        self.begin(BackupStep::Verifying, manifest.images);
        files::sync_file(database)?;
        let connection = check::open(database)?;
        check::database(&connection, manifest)?;
        let damaged: BTreeSet<ImageId> = manifest.damaged.iter().copied().collect();
        let mut after = 0;
        loop {
            let page = Original::page(&connection, "main", after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = last.image_id;
            for original in &page {
                self.go_on()?;
                let is_kept = original.home == Home::InPlace || original.is_in(self.folder);
                if !is_kept && !damaged.contains(&original.image_id) {
                    return Err(BackupError::Damaged(format!(
                        "the original of image {} was written and is not there",
                        original.image_id
                    )));
                }
                self.advance();
            }
        }
        drop(connection);
        manifest.database_bytes =
            std::fs::metadata(database).map_err(BackupError::file(format!("reading {}", database.display())))?.len();
        manifest.database_sha256 = files::hash_file(database)?.to_string();
        Ok(())
    }

    /// Returns whether the backup has an original, and looks as closely as the options ask for.
    fn has(&self, original: &Original) -> bool {
        if self.options.verify { original.is_whole_in(self.folder) } else { original.is_in(self.folder) }
    }

    fn put(&mut self, original: &Original, bytes: &[u8]) -> Result<bool, BackupError> {
        let is_whole = original.put(self.folder, bytes)?;
        if is_whole {
            self.progress.written += bytes.len() as u64;
        }
        Ok(is_whole)
    }

    fn go_on(&self) -> Result<(), BackupError> {
        if (self.stop)() { Err(BackupError::Stopped) } else { Ok(()) }
    }

    fn begin(&mut self, step: BackupStep, total: u64) {
        self.progress = BackupProgress { step, done: 0, total, ..self.progress };
        (self.tell)(self.progress);
    }

    fn advance(&mut self) {
        self.progress.done += 1;
        if self.progress.step == BackupStep::Pictures || self.progress.done.is_multiple_of(REPORT) {
            (self.tell)(self.progress);
        }
    }
}

/// Returns the random text that tells the store apart from others.
fn identity(connection: &Connection) -> Result<String, StoreError> {
    let sql = format!("SELECT value FROM {SOURCE}.store_facts WHERE name = 'identity'");
    Ok(connection.query_row(&sql, [], |row| row.get(0))?)
}

/// Refuses a folder that holds copies of another store: its older copies would be removed in favour of these.
fn refuse_another_store(folder: &Folder, identity: &str) -> Result<(), BackupError> {
    match folder.manifests()?.iter().find(|manifest| manifest.identity != identity) {
        Some(manifest) => Err(BackupError::Unusable(format!(
            "the copy {} there is of another store. Name another folder for this one",
            manifest.name
        ))),
        None => Ok(()),
    }
}

/// Describes the attached store as the snapshot of the connection's transaction shows it.
fn manifest(connection: &Connection, name: &str, made_at: OffsetDateTime) -> Result<Manifest, StoreError> {
    let number = |sql: &str| connection.query_row(sql, [], |row| unsigned(row, 0));
    let mut statement = connection.prepare(&format!(
        "SELECT model_name || ' ' || model_version FROM {SOURCE}.embedding_models ORDER BY model_id"
    ))?;
    let models = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let epoch = connection
        .query_row(
            &format!("SELECT lower(hex(epoch)) FROM {SOURCE}.store_epochs ORDER BY number DESC LIMIT 1"),
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(Manifest {
        format: BACKUP_FORMAT,
        name: name.to_owned(),
        made_at,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema: connection.query_row(&format!("PRAGMA {SOURCE}.user_version"), [], |row| row.get(0))?,
        identity: identity(connection)?,
        epoch: epoch.unwrap_or_default(),
        images: number(&format!("SELECT count(*) FROM {SOURCE}.images"))?,
        pictures_bytes: number(&format!("SELECT coalesce(sum(byte_count), 0) FROM {SOURCE}.images"))?,
        linked: number(&format!("SELECT count(*) FROM {SOURCE}.image_files WHERE home = 2"))?,
        linked_bytes: number(&format!(
            "SELECT coalesce(sum(i.byte_count), 0) FROM {SOURCE}.image_files f
             JOIN {SOURCE}.images i ON i.image_id = f.image_id WHERE f.home = 2"
        ))?,
        models,
        database_bytes: 0,
        database_sha256: String::new(),
        damaged: Vec::new(),
    })
}

/// Reads the bytes of an original out of the snapshot, whether they are right or not.
fn stored_bytes(connection: &Connection, image_id: ImageId) -> Result<Option<Vec<u8>>, StoreError> {
    let bytes = connection
        .prepare_cached(&format!("SELECT image_data FROM {SOURCE}.image_contents WHERE image_id = ?"))?
        .query_row([image_id], |row| row.get(0))
        .optional();
    match bytes.map_err(StoreError::from) {
        Err(StoreError::Damaged(reason)) => {
            log::error!("the original of image {image_id} cannot be read: {reason}");
            Ok(None)
        }
        read => read,
    }
}

/// Returns the hashes of all images of a copy.
pub(super) fn hashes(connection: &Connection) -> Result<Vec<Sha256>, StoreError> {
    let mut statement = connection.prepare("SELECT sha256 FROM images")?;
    let hashes = statement.query_map([], |row| Ok(Sha256(row.get(0)?)))?;
    Ok(hashes.collect::<Result<_, _>>()?)
}
