//! The embedded store as a [`Store`].

mod backups;
mod images;
mod integrity;
mod originals;
mod searches;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mitsuke_index::UnitVector;

use super::directory_lock::lock_directory;
use super::error::from_io;
use super::index_cache::last_change;
use super::mark::{self, Mark};
use super::options::SqliteOptions;
use super::originals as rows;
use super::room::{Room, bound_pages, release_reserve};
use super::shared::{Opened, Shared};
use super::statements::count_images;
use super::task::Task;
use super::{
    backup, connection, directory, document, embeddings, epochs, facts_fill, migrate, models, wal, wipe, worker,
};
use crate::originals::Homes;
use crate::{
    Coverage, EmbeddingFailure, EmbeddingStore, ImageId, Model, ModelId, ModelStore, NewModel, Occasion, Store,
    StoreError,
};

/// The time that closing waits for background work. A training of a very large index takes longer and is given up.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// The number of files of deleted images that one call removes.
const REMOVALS: usize = 1_000;

/// The number of embeddings that one transaction deletes. Other calls may write between two such transactions.
const DELETE_BATCH: usize = 5_000;

/// The embedded store: an SQLite database, with vector indexes, words and facts in memory.
pub struct SqliteStore {
    shared: Arc<Shared>,
    /// Receives a message when the worker has ended; `None` once the store is closed.
    worker_ended: Mutex<Option<Receiver<()>>>,
    /// The room on the disk.
    room: Room,
    /// The homes of originals.
    homes: Homes,
    /// The number of backups that are being made. They read files of images that are deleted meanwhile.
    backups: AtomicUsize,
}

impl SqliteStore {
    /// Opens the store in `directory`, creates both if they do not exist, and brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another process has the directory open; [`StoreError::NewerSchema`] when a newer
    /// version of this program has written the database; [`StoreError::Damaged`] when the file is damaged, or is not a
    /// database of Mitsuke.
    pub fn open(directory: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let opened = match Self::open_database(directory, &options) {
            // A start writes a little, and then lets images be deleted.
            Err(StoreError::DiskFull(reason)) if release_reserve(directory) => {
                log::warn!("the store opens although the disk is full: {reason}");
                Self::open_database(directory, &options)?
            }
            opened => opened?,
        };
        let room = Room::new(directory, &options);
        let homes = Homes::new(&options.originals, &opened.identity, &owner_of(directory));
        homes.open(rows::any_in_folder(&opened.writer)?)?;
        let (tasks, receiver) = mpsc::channel();
        let shared = Arc::new(Shared::start(opened, options, tasks)?);
        let (ended, worker_ended) = mpsc::channel();
        let worker_state = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("mitsuke-store".into())
            .spawn(move || {
                worker::run(&worker_state, &receiver);
                // The state is dropped before the message, so that whoever receives it holds the last one.
                drop(worker_state);
                _ = ended.send(());
            })
            .map_err(|error| from_io("starting the background worker", &error))?;
        let store =
            Self { shared, worker_ended: Mutex::new(Some(worker_ended)), room, homes, backups: AtomicUsize::new(0) };
        store.clear_folder();
        Ok(store)
    }

    /// Locks the directory, brings its database up to date, and begins an epoch.
    fn open_database(directory: &Path, options: &SqliteOptions) -> Result<Opened, StoreError> {
        directory::create(directory)?;
        let lock = lock_directory(directory)?;
        backup::finish_or_refuse(directory)?;
        directory::refuse_missing(directory)?;
        directory::create_database(directory)?;
        let database = directory.join(directory::DATABASE);
        wal::tell_damage(&database);
        let writer = connection::open_writer(&database, options.busy_timeout)?;
        directory::refuse_empty(directory, &writer)?;
        // An older schema counts no commits, so the comparison comes before the database is brought up to date.
        let history = mark::compare(directory, &writer)?;
        let mut writer = backup::before_upgrade(writer, &database, options)?;
        bound_pages(&writer, options)?;
        migrate::migrate(&mut writer)?;
        let epoch = epochs::begin(&mut writer)?;
        history.record(&writer)?;
        let identity: String =
            writer.query_row("SELECT value FROM store_facts WHERE name = 'identity'", [], |row| row.get(0))?;
        let mark = Mark::create(directory, &writer, &identity, epoch)?;
        // The directory belongs to this process, so all owners of leases have ended. Without leases, a backfill goes on
        // at once after a kill.
        models::release_all_backfills(&writer)?;
        document::reindex_if_outdated(&mut writer)?;
        facts_fill::fill_if_outdated(&mut writer)?;
        Ok(Opened { database, snapshots: directory.join(directory::SNAPSHOTS), lock, writer, identity, epoch, mark })
    }

    /// Returns whether every vector index is built and the facts of all images are in memory. Until then searches and
    /// filters read the rows.
    #[must_use]
    pub fn indexes_ready(&self) -> bool {
        self.shared.memory.facts.is_ready() && self.shared.caches().iter().all(|cache| cache.index().is_some())
    }

    /// Returns whether searches are as fast as they get: everything is in memory, and no vector index is about to be
    /// trained.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.indexes_ready() && !self.shared.caches().iter().any(|cache| cache.needs_training())
    }

    fn check_dimension(&self, model_id: ModelId, vector: &UnitVector) -> Result<(), StoreError> {
        let expected = self.shared.cache(model_id)?.dimension;
        if vector.dimension() == expected {
            Ok(())
        } else {
            Err(StoreError::ModelDimension { model_id, expected, found: vector.dimension() })
        }
    }

    /// Applies a committed embedding to the index of its model. The caller holds the writer.
    fn apply_embedding(&self, model_id: ModelId, image_id: ImageId, vector: &UnitVector, change: i64) {
        if let Ok(cache) = self.shared.cache(model_id) {
            cache.apply_insert(image_id, vector, change);
            self.shared.schedule_maintenance(&cache);
        }
    }

    /// Applies the committed deletion of an image to every index. The caller holds the writer.
    fn apply_delete(&self, image_id: ImageId) {
        for cache in self.shared.caches() {
            cache.apply_delete(image_id);
            self.shared.schedule_maintenance(&cache);
        }
        self.shared.wipe.note();
        self.shared.compact.note();
        self.shared.send(Task::Deleted);
    }
}

/// Names the store in a data directory for the marker of its folder of originals.
fn owner_of(directory: &Path) -> String {
    std::fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned()).display().to_string()
}

impl ModelStore for SqliteStore {
    fn register_model(&self, model: &NewModel) -> Result<Model, StoreError> {
        self.shared.write(
            |db| models::register(db, model),
            |model| self.shared.add_index(model.model_id, model.vector_dimension),
        )
    }

    fn models(&self) -> Result<Vec<Model>, StoreError> {
        self.shared.read(|db| models::all(db))
    }

    fn current_model(&self) -> Result<Option<Model>, StoreError> {
        self.shared.read(|db| models::current(db))
    }

    fn set_current_model(&self, model_id: ModelId, allow_partial: bool) -> Result<Model, StoreError> {
        self.shared.write(|db| models::set_current(db, model_id, allow_partial), |_| ())
    }

    fn set_maintained(&self, model_id: ModelId, maintained: bool) -> Result<Model, StoreError> {
        self.shared.write(|db| models::set_maintained(db, model_id, maintained), |_| ())
    }

    fn coverage(&self, model_id: ModelId) -> Result<Coverage, StoreError> {
        self.shared.read(|db| models::coverage(db, model_id))
    }

    fn claim_backfill(&self, model_id: ModelId, owner: &str, lease: Duration) -> Result<bool, StoreError> {
        self.shared.write(|db| models::claim_backfill(db, model_id, owner, lease), |_| ())
    }

    fn release_backfill(&self, model_id: ModelId, owner: &str) -> Result<(), StoreError> {
        self.shared.write(|db| models::release_backfill(db, model_id, owner), |()| ())
    }
}

impl EmbeddingStore for SqliteStore {
    fn embedding(&self, model_id: ModelId, image_id: ImageId) -> Result<Option<UnitVector>, StoreError> {
        self.shared.cache(model_id)?;
        self.shared.read(|db| embeddings::embedding(db, model_id, image_id))
    }

    fn embeddings(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        limit: usize,
    ) -> Result<Vec<(ImageId, UnitVector)>, StoreError> {
        self.shared.cache(model_id)?;
        self.shared.read(|db| embeddings::embeddings(db, model_id, after, limit))
    }

    fn embeddings_of(
        &self,
        model_id: ModelId,
        image_ids: &[ImageId],
    ) -> Result<Vec<(ImageId, UnitVector)>, StoreError> {
        self.shared.cache(model_id)?;
        self.shared.read(|db| embeddings::embeddings_of(db, model_id, image_ids))
    }

    fn put_embedding(&self, model_id: ModelId, image_id: ImageId, vector: &UnitVector) -> Result<bool, StoreError> {
        self.check_dimension(model_id, vector)?;
        let change = self.shared.write(
            |db| embeddings::put(db, model_id, image_id, vector),
            |change| {
                if let Some(change) = change {
                    self.apply_embedding(model_id, image_id, vector, *change);
                }
            },
        )?;
        Ok(change.is_some())
    }

    fn put_embedding_failure(&self, model_id: ModelId, image_id: ImageId, reason: &str) -> Result<bool, StoreError> {
        self.shared.cache(model_id)?;
        self.shared.write(|db| embeddings::put_failure(db, model_id, image_id, reason), |_| ())
    }

    fn embedding_failures(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        limit: usize,
    ) -> Result<Vec<EmbeddingFailure>, StoreError> {
        self.shared.cache(model_id)?;
        self.shared.read(|db| embeddings::failures(db, model_id, after, limit))
    }

    fn images_without_embedding(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        skip_failed: bool,
        limit: usize,
    ) -> Result<Vec<ImageId>, StoreError> {
        self.shared.cache(model_id)?;
        self.shared.read(|db| embeddings::images_without(db, model_id, after, skip_failed, limit))
    }

    fn delete_embeddings(&self, model_id: ModelId) -> Result<u64, StoreError> {
        let cache = self.shared.cache(model_id)?;
        let mut removed = 0;
        loop {
            let (deleted, _) = self.shared.write(
                |db| {
                    let deleted = embeddings::delete_batch(db, model_id, DELETE_BATCH)?;
                    Ok((deleted, last_change(db)?))
                },
                |(_, last_change)| {
                    cache.apply_delete_all(*last_change);
                    self.shared.schedule_maintenance(&cache);
                },
            )?;
            removed += deleted as u64;
            if deleted < DELETE_BATCH {
                self.shared.compact.note();
                self.shared.send(Task::Deleted);
                return Ok(removed);
            }
        }
    }
}

impl Store for SqliteStore {
    fn check(&self) -> Result<(), StoreError> {
        self.shared.read(|db| count_images(db).map(|_| ()))
    }

    fn maintain(&self, _occasion: Occasion, _tell: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        self.remove_files(REMOVALS)
    }

    fn close(&self) -> Result<(), StoreError> {
        let waiting = self.worker_ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(worker_ended) = waiting else { return Ok(()) };
        self.shared.closed.store(true, Ordering::Release);
        self.shared.send(Task::Stop);
        let worker_has_ended = worker_ended.recv_timeout(CLOSE_TIMEOUT).is_ok();
        if !worker_has_ended {
            log::warn!("background work was not finished and is given up");
        }
        // The lock waits for the last write.
        let mut writer = self.shared.writer();
        for cache in self.shared.caches() {
            cache.save(|| ());
        }
        if let Err(error) = wipe::merge_at_close(&mut writer) {
            log::warn!("the texts of deleted images are removed from the text index at the next start: {error}");
        }
        self.shared.readers.close_idle();
        // A failure loses nothing, because the next start reads the log again.
        if let Err(error) = writer.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);") {
            log::warn!("the write-ahead log could not be folded into the database: {error}");
        }
        // A worker that was given up keeps the directory locked until it ends.
        if worker_has_ended {
            drop(self.shared.directory_lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
        Ok(())
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // close() logs its failures, and drop has no caller to return them to.
        _ = self.close();
    }
}
