//! The embedded store: SQLite for everything that must not be lost, vector indexes in memory beside it.
//!
//! One directory holds it all: `mitsuke.db` (with its write-ahead log), snapshots of the vector indexes in
//! `vectors/`, and `mitsuke.lock`, which keeps a second process out. Only the database matters; the
//! snapshots are made again from it when they are missing, damaged or old.

mod cache;
mod connection;
mod core;
mod document;
mod embeddings;
mod error;
mod expression;
mod filter;
mod images;
mod keyword;
mod migrate;
mod models;
mod nearest;
mod vectors;
mod worker;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use self::core::{Core, lock_directory};
use super::{
    Content, Coverage, Cursor, EmbeddingFailure, EmbeddingStore, Filter, HybridSearch, Image, ImageId, ImagePatch,
    ImageStore, Inserted, KeywordHit, KeywordSearch, Model, ModelId, ModelStore, NewImage, NewModel, RankedImage,
    SearchStore, Sha256, Store, StoreError, VectorHit, VectorSearch, fuse_legs,
};
use mitsuke_index::IndexParams;
use mitsuke_index::UnitVector;
use worker::Task;

/// How long closing waits for background work. Training a very large index takes longer, and is then given up.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Embeddings that are deleted in one transaction; between two of them others may write.
const DELETED_AT_ONCE: usize = 5_000;

/// How the embedded store works. The defaults suit everybody; tests change them.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// Settings of the vector indexes.
    pub index: IndexParams,
    /// Most connections that read at the same time.
    pub readers: usize,
    /// How long a call waits for a lock or a free connection.
    pub busy_timeout: Duration,
    /// Changes of a vector index after which its snapshot is written anew (more for a large one).
    pub snapshot_every: u64,
    /// Changes newer than the snapshot up to which [`SqliteStore::open`] takes them over itself; more are
    /// left to the background, and searches are exact and slower until it is done.
    pub catch_up_at_open: u64,
    /// When a filter lets so few images through, they are compared one by one: cheaper than searching the index for them.
    pub compared_one_by_one: usize,
    /// Matches of a full-text search that are ranked; of more, the newest are.
    pub ranked_matches: usize,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            index: IndexParams::default(),
            readers: std::thread::available_parallelism().map_or(4, |n| (2 * n.get()).clamp(4, 32)),
            busy_timeout: Duration::from_secs(5),
            snapshot_every: 5_000,
            catch_up_at_open: 10_000,
            compared_one_by_one: 500,
            ranked_matches: 5_000,
        }
    }
}

/// The embedded store.
pub struct SqliteStore {
    core: Arc<Core>,
    /// Hears when the worker has ended; `None` once somebody has waited for it.
    worker_ended: Mutex<Option<Receiver<()>>>,
}

impl SqliteStore {
    /// Opens the store in `directory`, creating both if need be, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another process has it open; [`StoreError::NewerSchema`] when a newer
    /// version of this program has written it.
    pub fn open(directory: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let snapshots = directory.join("vectors");
        std::fs::create_dir_all(&snapshots)
            .map_err(|error| error::of_io(&format!("creating {}", snapshots.display()), &error))?;
        let lock = lock_directory(directory)?;
        let database = directory.join("mitsuke.db");
        let mut writer = connection::open_writer(&database, options.busy_timeout)?;
        migrate::migrate(&mut writer)?;
        // Whoever had one is gone, since the directory is ours: a backfill goes on at once after a kill.
        models::forget_leases(&writer)?;
        document::reindex_if_outdated(&mut writer)?;
        let (tasks, receiver) = mpsc::channel();
        let core = Arc::new(Core::start(database, snapshots, lock, writer, options, tasks)?);
        let (ended, worker_ended) = mpsc::channel();
        let shared = Arc::clone(&core);
        std::thread::Builder::new()
            .name("mitsuke-store".into())
            .spawn(move || {
                worker::run(&shared, &receiver);
                // Let go of the core before anybody is told, so that whoever waits finds the directory unlocked.
                drop(shared);
                _ = ended.send(());
            })
            .map_err(|error| error::of_io("starting the background worker", &error))?;
        Ok(Self { core, worker_ended: Mutex::new(Some(worker_ended)) })
    }

    /// Whether every vector index is built; until then searches read all rows.
    #[must_use]
    pub fn indexes_ready(&self) -> bool {
        self.core.caches().iter().all(|cache| cache.index().is_some())
    }

    fn check_dimension(&self, model_id: ModelId, vector: &UnitVector) -> Result<(), StoreError> {
        let expected = self.core.cache(model_id)?.dimension;
        if vector.dimension() == expected {
            Ok(())
        } else {
            Err(StoreError::ModelDimension { model_id, expected, found: vector.dimension() })
        }
    }

    /// Runs a vector search on a snapshot of the database. The caller has checked the query's dimension.
    fn nearest(&self, db: &Connection, search: &VectorSearch<'_>) -> Result<Vec<VectorHit>, StoreError> {
        let index = self.core.cache(search.model_id)?.index();
        let embedded = usize::try_from(models::coverage(db, search.model_id)?.embedded).unwrap_or(usize::MAX);
        let few = self.core.options.compared_one_by_one;
        vectors::View { connection: db, embedded, index: index.as_deref(), few }.search(search)
    }

    /// Takes over a committed embedding. Runs while the writer is held.
    fn embedding_committed(&self, model_id: ModelId, image_id: ImageId, vector: &UnitVector, change: i64) {
        if let Ok(cache) = self.core.cache(model_id) {
            cache.inserted(image_id, vector, change);
            self.core.ask_for_work(&cache);
        }
    }
}

impl ImageStore for SqliteStore {
    fn insert_image(&self, image: &NewImage<'_>) -> Result<Inserted, StoreError> {
        for (model_id, vector) in image.embeddings {
            self.check_dimension(*model_id, vector)?;
        }
        let insertion = self.core.write(
            |db| images::insert(db, image),
            |insertion| {
                if let Inserted::Created(image_id) = insertion.inserted {
                    for ((model_id, vector), change) in image.embeddings.iter().zip(&insertion.changes) {
                        self.embedding_committed(*model_id, image_id, vector, *change);
                    }
                }
            },
        )?;
        Ok(insertion.inserted)
    }

    fn image(&self, image_id: ImageId) -> Result<Option<Image>, StoreError> {
        self.core.read(|db| images::image(db, image_id))
    }

    fn images(&self, image_ids: &[ImageId]) -> Result<Vec<Image>, StoreError> {
        self.core.read(|db| images::images(db, image_ids))
    }

    fn image_by_sha256(&self, sha256: &Sha256) -> Result<Option<Image>, StoreError> {
        self.core.read(|db| images::by_sha256(db, sha256))
    }

    fn images_by_sha256(&self, hashes: &[Sha256]) -> Result<Vec<(Sha256, ImageId)>, StoreError> {
        self.core.read(|db| images::ids_by_sha256(db, hashes))
    }

    fn content(&self, image_id: ImageId) -> Result<Option<Content>, StoreError> {
        self.core.read(|db| images::content(db, image_id))
    }

    fn newest(&self, filter: &Filter, cursor: Option<Cursor>, limit: usize) -> Result<Vec<Image>, StoreError> {
        self.core.read(|db| images::newest(db, filter, cursor, 0, limit))
    }

    fn newest_page(&self, filter: &Filter, offset: usize, limit: usize) -> Result<Vec<Image>, StoreError> {
        self.core.read(|db| images::newest(db, filter, None, offset, limit))
    }

    fn update_image(&self, image_id: ImageId, patch: &ImagePatch) -> Result<Option<Image>, StoreError> {
        self.core.write(|db| images::update(db, image_id, patch), |_| ())
    }

    fn delete_image(&self, image_id: ImageId) -> Result<bool, StoreError> {
        self.core.write(
            |db| images::delete(db, image_id),
            |deleted| {
                if *deleted {
                    for cache in self.core.caches() {
                        cache.removed(image_id);
                        self.core.ask_for_work(&cache);
                    }
                }
            },
        )
    }

    fn count_images(&self) -> Result<u64, StoreError> {
        self.core.read(|db| images::total(db))
    }
}

impl ModelStore for SqliteStore {
    fn register_model(&self, model: &NewModel) -> Result<Model, StoreError> {
        self.core.write(
            |db| models::register(db, model),
            |model| self.core.model_registered(model.model_id, model.vector_dimension),
        )
    }

    fn models(&self) -> Result<Vec<Model>, StoreError> {
        self.core.read(|db| models::all(db))
    }

    fn current_model(&self) -> Result<Option<Model>, StoreError> {
        self.core.read(|db| models::current(db))
    }

    fn set_current_model(&self, model_id: ModelId, allow_partial: bool) -> Result<Model, StoreError> {
        self.core.write(|db| models::set_current(db, model_id, allow_partial), |_| ())
    }

    fn set_maintained(&self, model_id: ModelId, maintained: bool) -> Result<Model, StoreError> {
        self.core.write(|db| models::set_maintained(db, model_id, maintained), |_| ())
    }

    fn coverage(&self, model_id: ModelId) -> Result<Coverage, StoreError> {
        self.core.read(|db| models::coverage(db, model_id))
    }

    fn claim_backfill(&self, model_id: ModelId, owner: &str, lease: Duration) -> Result<bool, StoreError> {
        self.core.write(|db| models::claim_backfill(db, model_id, owner, lease), |_| ())
    }

    fn release_backfill(&self, model_id: ModelId, owner: &str) -> Result<(), StoreError> {
        self.core.write(|db| models::release_backfill(db, model_id, owner), |()| ())
    }
}

impl EmbeddingStore for SqliteStore {
    fn embedding(&self, model_id: ModelId, image_id: ImageId) -> Result<Option<UnitVector>, StoreError> {
        self.core.cache(model_id)?;
        self.core.read(|db| embeddings::one(db, model_id, image_id))
    }

    fn embeddings(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        limit: usize,
    ) -> Result<Vec<(ImageId, UnitVector)>, StoreError> {
        self.core.cache(model_id)?;
        self.core.read(|db| embeddings::some(db, model_id, after, limit))
    }

    fn put_embedding(&self, model_id: ModelId, image_id: ImageId, vector: &UnitVector) -> Result<bool, StoreError> {
        self.check_dimension(model_id, vector)?;
        let change = self.core.write(
            |db| embeddings::put(db, model_id, image_id, vector),
            |change| {
                if let Some(change) = change {
                    self.embedding_committed(model_id, image_id, vector, *change);
                }
            },
        )?;
        Ok(change.is_some())
    }

    fn put_embedding_failure(&self, model_id: ModelId, image_id: ImageId, reason: &str) -> Result<bool, StoreError> {
        self.core.cache(model_id)?;
        self.core.write(|db| embeddings::put_failure(db, model_id, image_id, reason), |_| ())
    }

    fn embedding_failures(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        limit: usize,
    ) -> Result<Vec<EmbeddingFailure>, StoreError> {
        self.core.cache(model_id)?;
        self.core.read(|db| embeddings::failures(db, model_id, after, limit))
    }

    fn images_without_embedding(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        skip_failed: bool,
        limit: usize,
    ) -> Result<Vec<ImageId>, StoreError> {
        self.core.cache(model_id)?;
        self.core.read(|db| embeddings::missing(db, model_id, after, skip_failed, limit))
    }

    fn delete_embeddings(&self, model_id: ModelId) -> Result<u64, StoreError> {
        let cache = self.core.cache(model_id)?;
        let mut removed = 0;
        loop {
            let (some, _) = self.core.write(
                |db| {
                    let some = models::delete_some_embeddings(db, model_id, DELETED_AT_ONCE)?;
                    Ok((some, cache::last_change(db)?))
                },
                |(_, last_change)| {
                    cache.emptied(*last_change);
                    self.core.ask_for_work(&cache);
                },
            )?;
            removed += some as u64;
            if some < DELETED_AT_ONCE {
                return Ok(removed);
            }
        }
    }
}

impl SearchStore for SqliteStore {
    fn search_vector(&self, search: &VectorSearch<'_>) -> Result<Vec<VectorHit>, StoreError> {
        self.check_dimension(search.model_id, search.query)?;
        self.core.read(|db| self.nearest(db, search))
    }

    fn search_keyword(&self, search: &KeywordSearch<'_>) -> Result<Vec<KeywordHit>, StoreError> {
        self.core.read(|db| keyword::search(db, search, self.core.options.ranked_matches))
    }

    // One snapshot for both legs and the embeddings.
    fn search_hybrid(&self, search: &HybridSearch<'_>) -> Result<Vec<RankedImage>, StoreError> {
        self.check_dimension(search.model_id, search.query)?;
        self.core.read(|db| {
            let vector = search.vector_leg().map_or(Ok(Vec::new()), |leg| self.nearest(db, &leg))?;
            let ranked = self.core.options.ranked_matches;
            let keyword = search.keyword_leg().map_or(Ok(Vec::new()), |leg| keyword::search(db, &leg, ranked))?;
            fuse_legs(search, &vector, &keyword, |image_id| embeddings::one(db, search.model_id, image_id))
        })
    }
}

impl Store for SqliteStore {
    fn check(&self) -> Result<(), StoreError> {
        self.core.read(|db| images::total(db).map(|_| ()))
    }

    fn close(&self) -> Result<(), StoreError> {
        let waiting = self.worker_ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(worker_ended) = waiting else { return Ok(()) };
        self.core.closed.store(true, Ordering::Release);
        self.core.send(Task::Stop);
        if worker_ended.recv_timeout(CLOSE_TIMEOUT).is_err() {
            log::warn!("background work on a vector index was not finished and is given up");
        }
        // Waits for the last write.
        let writer = self.core.writer();
        for cache in self.core.caches() {
            cache.save();
        }
        self.core.readers.close_idle();
        // What fails here loses nothing: the log is read again at the next start.
        if let Err(error) = writer.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);") {
            log::warn!("the write-ahead log could not be folded into the database: {error}");
        }
        if let Err(error) = self.core.lock.unlock() {
            log::warn!("the data directory could not be unlocked: {error}");
        }
        Ok(())
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // close() logs what goes wrong, and there is nobody here to tell.
        _ = self.close();
    }
}
