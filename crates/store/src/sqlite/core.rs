//! What the store's calls and its background worker share.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::SqliteOptions;
use super::cache::{Draft, VectorCache, last_change};
use super::connection::Readers;
use super::models;
use super::worker::Task;
use crate::{ModelId, StoreError};

/// Connections, vector indexes, and the way to the worker.
pub(super) struct Core {
    pub(super) database: PathBuf,
    pub(super) options: SqliteOptions,
    pub(super) readers: Readers,
    writer: Mutex<Connection>,
    caches: RwLock<BTreeMap<ModelId, Arc<VectorCache>>>,
    /// Where snapshots of vector indexes lie.
    snapshots: PathBuf,
    identity: String,
    tasks: Sender<Task>,
    pub(super) closed: AtomicBool,
    /// Locked for as long as anything here lives; the system unlocks it with the process.
    pub(super) lock: File,
}

impl Core {
    /// Takes over an up-to-date database and gets its vector indexes ready, as far as that is quick.
    pub(super) fn start(
        database: PathBuf,
        snapshots: PathBuf,
        lock: File,
        writer: Connection,
        options: SqliteOptions,
        tasks: Sender<Task>,
    ) -> Result<Self, StoreError> {
        let identity =
            writer.query_row("SELECT value FROM store_facts WHERE name = 'identity'", [], |row| row.get(0))?;
        let core = Self {
            readers: Readers::new(database.clone(), options.readers, options.busy_timeout),
            database,
            writer: Mutex::new(writer),
            caches: RwLock::default(),
            snapshots,
            identity,
            tasks,
            closed: AtomicBool::new(false),
            lock,
            options,
        };
        let connection = core.writer();
        for model in models::all(&connection)? {
            let cache = core.add_cache(model.model_id, model.vector_dimension);
            core.restore(&connection, &cache)?;
        }
        drop(connection);
        Ok(core)
    }

    /// Loads a model's snapshot and takes over what is newer, or leaves that to the worker when it is much.
    fn restore(&self, connection: &Connection, cache: &Arc<VectorCache>) -> Result<(), StoreError> {
        let mut draft = cache.stored_draft(connection)?;
        let saved = draft.applied;
        if last_change(connection)?.saturating_sub(saved) <= self.options.catch_up_at_open {
            while cache.catch_up(connection, &mut draft)? {}
            if cache.reconcile(connection, &draft)? {
                cache.publish(draft, saved);
                self.ask_for_work(cache);
                return Ok(());
            }
            log::warn!("the vector index of model {} does not agree with its rows and is built again", cache.model_id);
            draft = cache.empty_draft();
        }
        self.ask_for_index(cache, draft);
        Ok(())
    }

    /// Runs `work` in a transaction and `committed` when it is durable, before anything else is written.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
        committed: impl FnOnce(&T),
    ) -> Result<T, StoreError> {
        let mut connection = self.writer();
        // Asked only now: closing waits for the writer too, and nothing may follow it.
        self.check_open()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let answer = work(&transaction)?;
        transaction.commit()?;
        committed(&answer);
        Ok(answer)
    }

    /// Runs `work` on one snapshot of the database.
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

    /// The connection that writes. Whoever holds it decides the order of changes.
    pub(super) fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(|poisoned| {
            // Somebody panicked while writing. Their transaction was rolled back, or was committed and did not reach
            // the vector indexes any more: build those again.
            self.writer.clear_poison();
            log::error!("a write ended in a panic; the vector indexes are built again");
            for cache in self.caches() {
                cache.withdraw();
                self.ask_for_index(&cache, cache.empty_draft());
            }
            poisoned.into_inner()
        })
    }

    pub(super) fn caches(&self) -> Vec<Arc<VectorCache>> {
        self.caches.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The cache of a model that exists.
    pub(super) fn cache(&self, model_id: ModelId) -> Result<Arc<VectorCache>, StoreError> {
        let caches = self.caches.read().unwrap_or_else(PoisonError::into_inner);
        caches.get(&model_id).cloned().ok_or(StoreError::UnknownModel(model_id))
    }

    fn add_cache(&self, model_id: ModelId, dimension: usize) -> Arc<VectorCache> {
        let cache = VectorCache::new(&self.snapshots, &self.identity, model_id, dimension, self.options.index);
        let cache = Arc::new(cache);
        self.caches.write().unwrap_or_else(PoisonError::into_inner).insert(model_id, Arc::clone(&cache));
        cache
    }

    /// Gives a model that has just been registered an index. The caller holds the writer.
    pub(super) fn model_registered(&self, model_id: ModelId, dimension: usize) {
        if self.cache(model_id).is_err() {
            let cache = self.add_cache(model_id, dimension);
            cache.publish(cache.empty_draft(), 0);
        }
    }

    /// Has the worker save or train an index if that is due.
    pub(super) fn ask_for_work(&self, cache: &Arc<VectorCache>) {
        let due = cache.wants_saving(self.options.snapshot_every) || cache.wants_maintenance();
        if due && !cache.work_pending.swap(true, Ordering::AcqRel) {
            self.send(Task::Tend(Arc::clone(cache)));
        }
    }

    fn ask_for_index(&self, cache: &Arc<VectorCache>, draft: Draft) {
        self.send(Task::Build(Arc::clone(cache), Box::new(draft)));
    }

    pub(super) fn send(&self, task: Task) {
        if self.tasks.send(task).is_err() {
            log::error!("the store's background worker has ended; vector searches may be slow");
        }
    }
}

/// Takes a directory for this process alone.
pub(super) fn lock_directory(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join("mitsuke.lock");
    let file = File::options()
        .create(true)
        .write(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| super::error::of_io(&format!("opening {}", path.display()), &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Locked(directory.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => {
            Err(super::error::of_io(&format!("locking {}", path.display()), &error))
        }
    }
}
