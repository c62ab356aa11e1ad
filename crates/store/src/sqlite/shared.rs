//! The state that the store's calls and its background worker share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::compact::Compact;
use super::connection::Readers;
use super::directory_lock::DirectoryLock;
use super::epochs::Epoch;
use super::index_cache::{IndexBuild, VectorCache, last_change, remove_left_overs};
use super::mark::{self, Mark};
use super::memory::{ChangedImages, Memory};
use super::options::SqliteOptions;
use super::statements::{count_images, recount_images};
use super::task::Task;
use super::wipe::Wipe;
use super::{models, worker};
use crate::{ImageId, ModelId, StoreError};

/// The connections, the words, facts and vector indexes in memory, and the queue of the worker.
pub(super) struct Shared {
    /// The path of the database.
    pub(super) database: PathBuf,
    pub(super) options: SqliteOptions,
    pub(super) readers: Readers,
    writer: Mutex<Connection>,
    /// The words and the facts of all images.
    pub(super) memory: Memory,
    caches: RwLock<BTreeMap<ModelId, Arc<VectorCache>>>,
    /// The folder of the snapshots.
    snapshots: PathBuf,
    /// The random text that tells this database apart from others.
    identity: String,
    /// The running epoch.
    epoch: Epoch,
    mark: Mark,
    /// The remains of deletions.
    pub(super) wipe: Wipe,
    /// The space that deletions have left free.
    pub(super) compact: Compact,
    tasks: Sender<Task>,
    /// Whether the store is closing or closed.
    pub(super) closed: AtomicBool,
    /// The lock of the directory; `None` once the store is closed and its worker has ended.
    pub(super) directory_lock: Mutex<Option<DirectoryLock>>,
}

/// The parts that a start of the store has made ready before its rows are read.
pub(super) struct Opened {
    /// The path of the database.
    pub(super) database: PathBuf,
    /// The folder of the snapshots.
    pub(super) snapshots: PathBuf,
    pub(super) lock: DirectoryLock,
    pub(super) writer: Connection,
    pub(super) identity: String,
    pub(super) epoch: Epoch,
    pub(super) mark: Mark,
}

impl Shared {
    /// Takes an up-to-date database, and gets its facts and vector indexes ready as far as that is quick.
    pub(super) fn start(opened: Opened, options: SqliteOptions, tasks: Sender<Task>) -> Result<Self, StoreError> {
        let Opened { database, snapshots, lock, writer, identity, epoch, mark } = opened;
        let shared = Self {
            readers: Readers::new(database.clone(), options.max_readers, options.busy_timeout),
            memory: Memory::open(&database, options.busy_timeout)?,
            wipe: Wipe::open(&writer)?,
            compact: Compact::open(&database, &writer)?,
            database,
            writer: Mutex::new(writer),
            caches: RwLock::default(),
            snapshots,
            identity,
            epoch,
            mark,
            tasks,
            closed: AtomicBool::new(false),
            directory_lock: Mutex::new(Some(lock)),
            options,
        };
        shared.restore_facts()?;
        let connection = shared.writer();
        for model in models::all(&connection)? {
            let cache = shared.add_cache(model.model_id, model.vector_dimension);
            shared.restore_index(&connection, &cache)?;
        }
        remove_left_overs(&shared.snapshots, &shared.caches());
        drop(connection);
        shared.send(Task::PrepareWords);
        Ok(shared)
    }

    /// Reads the facts of all images, or leaves those of many images to the worker.
    fn restore_facts(&self) -> Result<(), StoreError> {
        let images = count_images(&self.writer())?;
        if images <= self.options.catch_up_at_open {
            let published = worker::publish_facts(self);
            if !matches!(published, Err(StoreError::Damaged(_))) {
                return published;
            }
            log::error!("the number of images that the database states is wrong and is counted again");
            recount_images(&self.writer())?;
            return worker::publish_facts(self);
        }
        self.send(Task::ReadFacts);
        Ok(())
    }

    /// Loads a model's snapshot and applies newer changes, or leaves many changes to the worker.
    fn restore_index(&self, connection: &Connection, cache: &Arc<VectorCache>) -> Result<(), StoreError> {
        let mut build = cache.build_from_snapshot(connection)?;
        let saved = build.applied;
        if last_change(connection)?.saturating_sub(saved) <= self.options.catch_up_at_open {
            while cache.catch_up(connection, &mut build)? {}
            if cache.reconcile(connection, &mut build)? {
                cache.publish(build, saved);
                self.schedule_maintenance(cache);
                return Ok(());
            }
            log::warn!("the vector index of model {} does not agree with its rows and is built again", cache.model_id);
            build = cache.empty_build();
        }
        self.schedule_build(cache, build);
        Ok(())
    }

    /// Runs `work` in a transaction. Runs `committed` once the transaction is durable and before anything else is
    /// written.
    ///
    /// # Errors
    /// The errors of `work`; [`StoreError::Unavailable`] after the store has been closed.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
        committed: impl FnOnce(&T),
    ) -> Result<T, StoreError> {
        let mut connection = self.writer();
        // The check comes after the lock, because closing waits for the writer too, and no write may follow it.
        self.check_open()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = transaction.total_changes();
        let answer = work(&transaction)?;
        let commits =
            if transaction.total_changes() == before { None } else { Some(mark::count_commit(&transaction)?) };
        transaction.commit()?;
        if let Some(commits) = commits {
            self.mark.write(commits);
        }
        committed(&answer);
        Ok(answer)
    }

    /// Runs `work` in a transaction that changes images, like [`Self::write`]. `changed` says which images: those that
    /// were inserted, changed or deleted.
    ///
    /// # Errors
    /// The errors of [`Self::write`].
    pub(super) fn write_images<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
        changed: impl FnOnce(&T) -> Vec<ImageId>,
        committed: impl FnOnce(&T),
    ) -> Result<T, StoreError> {
        let (answer, _) = self.write(
            |transaction| {
                let answer = work(transaction)?;
                let changed = ChangedImages::read(transaction, &changed(&answer))?;
                Ok((answer, changed))
            },
            |(answer, changed)| {
                self.memory.apply(changed);
                committed(answer);
            },
        )?;
        Ok(answer)
    }

    /// Runs `work` on one snapshot of the database.
    ///
    /// # Errors
    /// The errors of `work`; [`StoreError::Unavailable`] after the store has been closed; [`StoreError::Busy`] when no
    /// connection becomes free in time.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.check_open()?;
        self.readers.read(work)
    }

    fn check_open(&self) -> Result<(), StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::Unavailable("the store has been closed".into()));
        }
        Ok(())
    }

    /// Locks the connection that writes. Its holder decides the order of changes.
    pub(super) fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(|poisoned| {
            // A thread panicked while it was writing. Its transaction was rolled back, or was committed without
            // reaching what is in memory, so that is made again.
            self.writer.clear_poison();
            log::error!("a write ended in a panic; what is in memory is made again");
            self.memory.withdraw();
            self.send(Task::ReadFacts);
            for cache in self.caches() {
                cache.withdraw();
                self.schedule_build(&cache, cache.empty_build());
            }
            poisoned.into_inner()
        })
    }

    /// Returns the caches of all models.
    pub(super) fn caches(&self) -> Vec<Arc<VectorCache>> {
        self.caches.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Returns the cache of a model.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    pub(super) fn cache(&self, model_id: ModelId) -> Result<Arc<VectorCache>, StoreError> {
        let caches = self.caches.read().unwrap_or_else(PoisonError::into_inner);
        caches.get(&model_id).cloned().ok_or(StoreError::UnknownModel(model_id))
    }

    fn add_cache(&self, model_id: ModelId, dimension: usize) -> Arc<VectorCache> {
        let cache =
            VectorCache::new(&self.snapshots, &self.identity, self.epoch, model_id, dimension, self.options.index);
        let cache = Arc::new(cache);
        self.caches.write().unwrap_or_else(PoisonError::into_inner).insert(model_id, Arc::clone(&cache));
        cache
    }

    /// Makes an empty index for a model, unless it has one. The caller holds the writer.
    pub(super) fn add_index(&self, model_id: ModelId, dimension: usize) {
        if self.cache(model_id).is_err() {
            let cache = self.add_cache(model_id, dimension);
            cache.publish(cache.empty_build(), 0);
        }
    }

    /// Has the worker train or save an index if that is due.
    pub(super) fn schedule_maintenance(&self, cache: &Arc<VectorCache>) {
        let due = cache.needs_saving(self.options.snapshot_every) || cache.needs_training();
        if due && !cache.maintenance_pending.swap(true, Ordering::AcqRel) {
            self.send(Task::Maintain(Arc::clone(cache)));
        }
    }

    /// Withdraws an index and has the worker build it again from its rows.
    pub(super) fn rebuild_index(&self, cache: &Arc<VectorCache>) {
        let writer = self.writer();
        cache.withdraw();
        cache.remove_snapshot();
        drop(writer);
        self.schedule_build(cache, cache.empty_build());
    }

    fn schedule_build(&self, cache: &Arc<VectorCache>, build: IndexBuild) {
        self.send(Task::Build(Arc::clone(cache), Box::new(build)));
    }

    /// Gives the worker a task.
    pub(super) fn send(&self, task: Task) {
        if self.tasks.send(task).is_err() {
            log::error!("the store's background worker has ended; searches may be slow");
        }
    }
}
