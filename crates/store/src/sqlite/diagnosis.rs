//! Checks of a data directory that may be in use by a server. They open the database for reading, take no lock of the
//! directory, and change nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use mitsuke_image::READER_VERSION;
use mitsuke_index::UnitVector;
use rusqlite::{Connection, OpenFlags, params};

use super::compact::FreePages;
use super::content::{Lost, read_verified};
use super::directory::DATABASE;
use super::mark::{LOST_COMMITS, fact};
use super::statements::ids;
use super::{check, damage, directory, images, models, readings, values};
use crate::originals::Homes;
use crate::{CheckPart, CheckStep, Finding, ImageId, Model, ModelId, OriginalsOptions, StoreError};

/// The time that a diagnosis may spend on the pages of the database.
const PAGES_TIME: Duration = Duration::from_secs(10);

/// The tables that a diagnosis looks at, from the most important one on.
const DIAGNOSED: [&str; 6] =
    ["store_facts", "embedding_models", "images", "image_descriptions", "image_tags", "image_embeddings"];

/// The time that a reader waits for a lock of the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

fn open(directory: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(directory.join(DATABASE), flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// Says whether a data directory holds texts that an older version of the reader has read. `None` when there is no
/// database, or one that cannot be read, or one that the server has not brought up to date yet. Leaves everything as it
/// was.
#[must_use]
pub fn diagnose_texts(directory: &Path) -> Option<Finding> {
    if !directory.join(DATABASE).is_file() {
        return None;
    }
    let outdated = readings::count_read_before(&open(directory).ok()?, READER_VERSION).ok()?;
    Some(Finding::of_outdated_texts(outdated))
}

/// Says whether the database in a data directory is as it was written, as far as that can be told in some seconds, and
/// what the server has found out about it. Returns nothing for a directory without a store.
#[must_use]
pub fn diagnose_database(directory: &Path) -> Vec<Finding> {
    const WHAT: &str = "database";
    const RESTORE: &str = "Stop the server, keep a copy of the folder, and restore a backup: `mitsuke restore BACKUP`.";
    if let Err(error) = directory::refuse_missing(directory) {
        return vec![Finding::problem(WHAT, error.to_string(), RESTORE)];
    }
    if !directory.join(DATABASE).is_file() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let examined = open(directory).and_then(|connection| {
        let (damage, complete) = pages(&connection)?;
        match damage.first() {
            Some(first) => {
                let found = format!("it is damaged in {} places, the first of which is: {first}", damage.len());
                findings.push(Finding::problem(WHAT, found, RESTORE));
            }
            None if complete => findings.push(Finding::good(WHAT, "its pages are in order")),
            None => findings.push(Finding::good(
                WHAT,
                "its pages are in order, as far as 10 seconds reach; `mitsuke check` reads all of them",
            )),
        }
        Ok(connection)
    });
    match examined {
        Ok(connection) => findings.extend(facts(&connection)),
        Err(error) => {
            findings.push(Finding::problem(WHAT, format!("it cannot be read: {error}"), RESTORE));
        }
    }
    findings
}

/// Checks the pages of some tables, until the time is over. Returns what is wrong, and whether all tables were checked.
fn pages(connection: &Connection) -> Result<(Vec<String>, bool), StoreError> {
    let started = Instant::now();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let handle = connection.get_interrupt_handle();
    let watchdog = std::thread::spawn(move || {
        if stopped.recv_timeout(PAGES_TIME).is_err() {
            handle.interrupt();
        }
    });
    let mut damage = Vec::new();
    let mut complete = true;
    for table in DIAGNOSED {
        match check::quick_check(connection, table) {
            Ok(found) => damage.extend(found.into_iter().map(|found| format!("{table}: {found}"))),
            // The watchdog has ended the check.
            Err(StoreError::Unavailable(_)) if started.elapsed() >= PAGES_TIME => {
                complete = false;
                break;
            }
            Err(error) => {
                drop(stop);
                _ = watchdog.join();
                return Err(error);
            }
        }
    }
    // A message ends the wait at once, and a watchdog that is over receives none.
    _ = stop.send(());
    _ = watchdog.join();
    Ok((damage, complete))
}

/// Says what the server has found out about the store. A database of an older schema knows nothing.
fn facts(connection: &Connection) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Ok(damaged @ 1..) = damage::count_all(connection) {
        findings.push(Finding::note(
            "pictures",
            format!("the stored bytes of {damaged} pictures are damaged, and are not given out"),
            "`mitsuke check` lists them. Upload the files again, or stop the server and run `mitsuke check --repair \
             --from BACKUP`.",
        ));
    }
    if let Ok(Some(lost @ 1..)) = fact(connection, LOST_COMMITS) {
        findings.push(Finding::note(
            "lost changes",
            format!("{lost} changes that were answered as stored are missing, as after the loss of mitsuke.db-wal"),
            "Upload what is missing again, or restore a backup. `mitsuke check --repair` acknowledges the loss.",
        ));
    }
    let bytes = connection.path().and_then(|path| std::fs::metadata(path).ok()).map_or(0, |metadata| metadata.len());
    if let Some(advice) = FreePages::read(connection).ok().and_then(|free| free.advice(bytes)) {
        let (found, advice) = advice.split_once(". ").unwrap_or((&advice, ""));
        findings.push(Finding::note("space", found, format!("{advice}.")));
    }
    findings
}

/// Returns what is wrong with the pages of the database in a data directory. Reads the whole file.
///
/// # Errors
/// When the database cannot be opened.
pub fn check_pages(directory: &Path) -> Result<Vec<String>, StoreError> {
    check::whole_file(&open(directory)?)
}

/// A stored embedding that was drawn for a comparison with its picture.
#[derive(Debug, Clone, PartialEq)]
pub struct SampledEmbedding {
    /// The row of the embedding.
    pub(super) embedding_id: i64,
    /// The model.
    pub model_id: ModelId,
    /// The image.
    pub image_id: ImageId,
    /// The stored vector.
    pub vector: UnitVector,
}

/// A check of a store that may be in use by a server.
pub struct ReadOnlyCheck {
    db: Connection,
    homes: Homes,
}

impl ReadOnlyCheck {
    /// Opens the database in a data directory for reading, with its homes of originals.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] and [`StoreError::Unavailable`] for a database of another version;
    /// [`StoreError::Damaged`] for one that is missing or cannot be read.
    pub fn open(directory: &Path, originals: &OriginalsOptions) -> Result<Self, StoreError> {
        directory::refuse_missing(directory)?;
        let connection = open(directory)?;
        let (found, known) = super::migrate::versions(&connection)?;
        match found.cmp(&known) {
            std::cmp::Ordering::Greater => Err(StoreError::NewerSchema { found, known }),
            std::cmp::Ordering::Less => Err(StoreError::Unavailable(format!(
                "the database has schema version {found}: start the server once, which brings it up to {known}"
            ))),
            std::cmp::Ordering::Equal => {
                let sql = "SELECT value FROM store_facts WHERE name = 'identity'";
                let identity: String = connection.query_row(sql, [], |row| row.get(0))?;
                Ok(Self { db: connection, homes: Homes::new(originals, &identity, "") })
            }
        }
    }

    /// Returns the number of changes that were answered as stored and are missing.
    ///
    /// # Errors
    /// The errors of the database.
    pub fn lost_commits(&self) -> Result<u64, StoreError> {
        Ok(fact(&self.db, LOST_COMMITS)?.unwrap_or_default().unsigned_abs())
    }

    /// Checks at most `limit` items of one part after the place `after`, like
    /// [`IntegrityStore::check_part`](crate::IntegrityStore::check_part) without repairs. The vector indexes are those of
    /// a running server and are not looked at.
    ///
    /// # Errors
    /// The errors of the database.
    pub fn check_part(&self, part: CheckPart, after: Option<i64>, limit: usize) -> Result<CheckStep, StoreError> {
        let db = &self.db;
        match part {
            CheckPart::Pages => Ok(CheckStep {
                checked: 1,
                faults: check::whole_file(db)?.into_iter().map(|found| check::fault(part, None, found)).collect(),
                next: None,
            }),
            CheckPart::Pictures => self.pictures(after, limit),
            CheckPart::Embeddings => check::embeddings(db, after, limit),
            CheckPart::Index => Ok(CheckStep::default()),
            CheckPart::Orphans => self.orphans(after),
            CheckPart::Texts => check::texts(db, after, limit).map(|(step, _)| step),
        }
    }

    /// Lists the models.
    ///
    /// # Errors
    /// The errors of the database.
    pub fn models(&self) -> Result<Vec<Model>, StoreError> {
        models::all(&self.db)
    }

    /// Draws at most `count` embeddings of a model. One that cannot be read is left out, because
    /// [`CheckPart::Embeddings`] finds it.
    ///
    /// # Errors
    /// The errors of the database.
    pub fn sample(&self, model_id: ModelId, count: usize) -> Result<Vec<SampledEmbedding>, StoreError> {
        let drawn = ids(
            &self.db,
            "SELECT embedding_id FROM image_embeddings WHERE model_id = ? ORDER BY random() LIMIT ?",
            params![model_id, values::count(count)],
        )?;
        let mut sample = Vec::with_capacity(drawn.len());
        for embedding_id in drawn {
            let found = check::embeddings_after(&self.db, Some(embedding_id - 1), 1)?;
            for embedding in found.into_iter().filter(|embedding| embedding.embedding_id == embedding_id) {
                let Ok(vector) = embedding.vector else { continue };
                sample.push(SampledEmbedding { embedding_id, model_id, image_id: embedding.image_id, vector });
            }
        }
        Ok(sample)
    }

    /// Reads the bytes of an original that has its hash; `None` for a damaged or missing one, which
    /// [`CheckPart::Pictures`] finds.
    ///
    /// # Errors
    /// The errors of the database.
    pub fn original(&self, image_id: ImageId) -> Result<Option<Vec<u8>>, StoreError> {
        match read_verified(&self.homes, || images::content(&self.db, image_id)) {
            Ok(content) => Ok(content.map(|content| content.bytes)),
            Err(Lost::Damaged(..) | Lost::Away(_)) => Ok(None),
            Err(Lost::Failed(error)) => Err(error),
        }
    }

    fn orphans(&self, after: Option<i64>) -> Result<CheckStep, StoreError> {
        let Some(prefix) = check::prefix_after(after) else {
            let next = check::place_behind(None, check::has_folder(&self.homes));
            return Ok(CheckStep { next, ..check::orphans(&self.db)? });
        };
        let (checked, unused) = check::unused_files(&self.db, &self.homes, prefix)?;
        let faults = unused.iter().map(check::unused_file).collect();
        Ok(CheckStep { checked, faults, next: check::place_behind(Some(prefix), true) })
    }

    fn pictures(&self, after: Option<i64>, limit: usize) -> Result<CheckStep, StoreError> {
        let batch = check::images_after(&self.db, after, limit)?;
        let mut faults = Vec::new();
        for image_id in &batch {
            let found = match read_verified(&self.homes, || images::content(&self.db, *image_id)) {
                Ok(Some(_)) | Err(Lost::Away(_)) => continue,
                Ok(None) => format!("image {image_id} has no stored bytes"),
                Err(Lost::Damaged(_, found)) => format!("the stored bytes of image {image_id} are damaged: {found}"),
                Err(Lost::Failed(error)) => return Err(error),
            };
            faults.push(check::fault(CheckPart::Pictures, Some(*image_id), found));
        }
        Ok(CheckStep {
            checked: batch.len() as u64,
            faults,
            next: if batch.len() < limit { None } else { batch.last().copied() },
        })
    }
}
