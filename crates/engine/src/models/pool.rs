//! The encoders in memory. All requests share one load of a model, and idle encoders are unloaded.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mitsuke_clip::{CacheStats, ClipError, Encoder, EncoderOptions, Manifest, QueueStats};
use tokio::sync::watch;

use super::folders::{ModelFolder, same_vectors};
use super::key::ModelKey;

/// The time for which a failed load is remembered, so that not every request starts a load.
const FAILURE_LIFETIME: Duration = Duration::from_secs(10);

/// The reason why a load failed, in words without paths.
pub(super) type Reason = Arc<str>;

/// The result of a load; `None` while it runs.
type LoadResult = Option<Result<Arc<Encoder>, Reason>>;

/// Whether the encoder of a model is in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EncoderState {
    Ready,
    Loading,
    Failed(Reason),
    NotLoaded,
}

enum Slot {
    Loading(watch::Receiver<LoadResult>),
    Ready { encoder: Arc<Encoder>, last_used: Instant },
    Failed { at: Instant, reason: Reason },
}

#[derive(Default)]
struct Slots {
    by_model: BTreeMap<ModelKey, Slot>,
    /// The manifest of each model when it was first loaded. The same name must not stand for other vectors later on.
    first_manifests: BTreeMap<ModelKey, Arc<Manifest>>,
    /// The counts of encoders that are unloaded.
    unloaded_stats: BTreeMap<ModelKey, TowerStats>,
    loaders: Vec<JoinHandle<()>>,
    closed: bool,
}

/// The counts of the towers of a model since the start of this process, over all its loads.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TowerStats {
    /// The image tower.
    pub image: QueueStats,
    /// The text tower.
    pub text: QueueStats,
    /// The cache of query vectors.
    pub queries: CacheStats,
    /// Whether the towers are in memory now. Towers that are not in memory have no queue.
    pub loaded: bool,
}

impl TowerStats {
    fn from_encoder(encoder: &Encoder) -> Self {
        Self {
            image: encoder.image_stats(),
            text: encoder.text_stats(),
            queries: encoder.query_cache_stats(),
            loaded: true,
        }
    }

    fn after(self, earlier: &Self) -> Self {
        Self {
            image: self.image.after(&earlier.image),
            text: self.text.after(&earlier.text),
            queries: self.queries.after(earlier.queries),
            loaded: self.loaded,
        }
    }
}

/// The encoders of this process.
pub(super) struct Pool {
    options: EncoderOptions,
    slots: Mutex<Slots>,
}

impl Pool {
    pub(super) fn new(options: EncoderOptions) -> Self {
        Self { options, slots: Mutex::default() }
    }

    /// Locks the slots. Every change under the lock is one step, so a panic elsewhere leaves whole entries.
    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the encoder of a folder, and waits for its load if it is not in memory. Blocks nothing.
    pub(super) async fn get(self: &Arc<Self>, folder: &Arc<ModelFolder>) -> Result<Arc<Encoder>, Reason> {
        let mut loading = match self.begin(folder) {
            Ok(LoadAttempt::Ready(encoder)) => return Ok(encoder),
            Ok(LoadAttempt::Loading(loading)) => loading,
            Err(reason) => return Err(reason),
        };
        match loading.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_else(|| Err("the load broke off".into())),
            Err(_) => Err("the load broke off".into()),
        }
    }

    /// Returns the encoder of a model if it is in memory. The call counts as a use of the encoder.
    pub(super) fn ready(&self, key: &ModelKey) -> Option<Arc<Encoder>> {
        match self.lock().by_model.get_mut(key) {
            Some(Slot::Ready { encoder, last_used }) => {
                *last_used = Instant::now();
                Some(Arc::clone(encoder))
            }
            _ => None,
        }
    }

    /// Starts to load a folder in the background, unless it is loaded, being loaded or has just failed.
    pub(super) fn preload(self: &Arc<Self>, folder: &Arc<ModelFolder>) {
        // The error is not lost: `state` has it, and the next request for the encoder gets it.
        drop(self.begin(folder));
    }

    fn begin(self: &Arc<Self>, folder: &Arc<ModelFolder>) -> Result<LoadAttempt, Reason> {
        let key = folder.key();
        let mut slots = self.lock();
        match slots.by_model.get_mut(&key) {
            Some(Slot::Ready { encoder, last_used }) => {
                *last_used = Instant::now();
                return Ok(LoadAttempt::Ready(Arc::clone(encoder)));
            }
            Some(Slot::Loading(loading)) => return Ok(LoadAttempt::Loading(loading.clone())),
            Some(Slot::Failed { at, reason }) if at.elapsed() < FAILURE_LIFETIME => return Err(Arc::clone(reason)),
            Some(Slot::Failed { .. }) | None => {}
        }
        if slots.closed {
            return Err("the server is shutting down".into());
        }
        slots.loaders.retain(|loader| !loader.is_finished());
        let (sender, receiver) = watch::channel(None);
        let (pool, folder) = (Arc::clone(self), Arc::clone(folder));
        // The load gets a thread of its own, because it takes seconds and the blocking pool is for short work.
        let loader = thread::Builder::new().name("model-loader".to_owned()).spawn(move || {
            let outcome = pool.load_here(&folder);
            sender.send_replace(Some(outcome));
        });
        slots.loaders.push(loader.map_err(|error| Reason::from(format!("no thread could be started: {error}")))?);
        slots.by_model.insert(key, Slot::Loading(receiver.clone()));
        Ok(LoadAttempt::Loading(receiver))
    }

    /// Loads a folder on the calling thread.
    pub(super) fn load_here(&self, folder: &ModelFolder) -> Result<Arc<Encoder>, Reason> {
        let key = folder.key();
        let first = self.lock().first_manifests.get(&key).cloned().unwrap_or_else(|| Arc::clone(&folder.manifest));
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| Encoder::load(&folder.path, &self.options)))
            .unwrap_or_else(|_| {
                log::error!("loading {} panicked", folder.path.display());
                Err(ClipError::Thread(std::io::Error::other("the load panicked")))
            })
            .map_err(|error| {
                log::error!("the model {key} cannot be loaded: {error}");
                Reason::from(folder.without_path(&error))
            })
            .and_then(|encoder| {
                if same_vectors(encoder.manifest(), &first) { Ok(Arc::new(encoder)) } else { Err(CHANGED_FILES.into()) }
            });
        let mut slots = self.lock();
        if slots.closed {
            return Err("the server is shutting down".into());
        }
        let slot = match &outcome {
            Ok(encoder) => {
                slots.first_manifests.entry(key.clone()).or_insert(first);
                Slot::Ready { encoder: Arc::clone(encoder), last_used: Instant::now() }
            }
            Err(reason) => Slot::Failed { at: Instant::now(), reason: Arc::clone(reason) },
        };
        slots.by_model.insert(key, slot);
        outcome
    }

    pub(super) fn state(&self, key: &ModelKey) -> EncoderState {
        match self.lock().by_model.get(key) {
            Some(Slot::Ready { .. }) => EncoderState::Ready,
            Some(Slot::Loading(_)) => EncoderState::Loading,
            Some(Slot::Failed { reason, .. }) => EncoderState::Failed(Arc::clone(reason)),
            None => EncoderState::NotLoaded,
        }
    }

    /// Returns the encoder of a model if it is in memory. The call does not count as a use of the encoder.
    pub(super) fn peek(&self, key: &ModelKey) -> Option<Arc<Encoder>> {
        match self.lock().by_model.get(key) {
            Some(Slot::Ready { encoder, .. }) => Some(Arc::clone(encoder)),
            _ => None,
        }
    }

    pub(super) fn loaded(&self) -> Vec<Arc<Encoder>> {
        let slots = self.lock();
        let ready = slots.by_model.values().filter_map(|slot| match slot {
            Slot::Ready { encoder, .. } => Some(Arc::clone(encoder)),
            _ => None,
        });
        ready.collect()
    }

    /// Returns the counts of the towers of every model that has been in memory.
    pub(super) fn tower_stats(&self) -> BTreeMap<ModelKey, TowerStats> {
        let slots = self.lock();
        let mut stats = slots.unloaded_stats.clone();
        for (key, slot) in &slots.by_model {
            if let Slot::Ready { encoder, .. } = slot {
                let entry = stats.entry(key.clone()).or_default();
                *entry = TowerStats::from_encoder(encoder).after(entry);
            }
        }
        stats
    }

    /// Returns the reason why a folder must not be used for the model that it names: this process has first loaded a
    /// different model under that name. Returns `None` when the model is the same.
    pub(super) fn changed_since_first_load(&self, folder: &ModelFolder) -> Option<&'static str> {
        let first = self.lock().first_manifests.get(&folder.key()).cloned();
        first.filter(|first| !same_vectors(first, &folder.manifest)).map(|_| CHANGED_FILES)
    }

    /// Lets failed loads be tried again at once.
    pub(super) fn forget_failures(&self) {
        self.lock().by_model.retain(|_, slot| !matches!(slot, Slot::Failed { .. }));
    }

    /// Unloads the encoders that are not in use and that no caller has asked for during `idle`, except that of `keep`.
    /// Blocks until the threads of these encoders, which have no work left, have ended.
    pub(super) fn unload_idle(&self, idle: Duration, keep: Option<&ModelKey>) {
        let mut slots = self.lock();
        let unused: Vec<ModelKey> = slots
            .by_model
            .iter()
            .filter(|(key, slot)| match slot {
                // This map holds one reference. Other references are made under this lock only, so a count of one means
                // no use.
                Slot::Ready { encoder, last_used } => {
                    Some(*key) != keep && last_used.elapsed() >= idle && Arc::strong_count(encoder) == 1
                }
                _ => false,
            })
            .map(|(key, _)| key.clone())
            .collect();
        let unloaded: Vec<_> = unused.into_iter().filter_map(|key| slots.by_model.remove_entry(&key)).collect();
        for (key, slot) in &unloaded {
            if let Slot::Ready { encoder, .. } = slot {
                let entry = slots.unloaded_stats.entry(key.clone()).or_default();
                *entry = TowerStats { loaded: false, ..TowerStats::from_encoder(encoder).after(entry) };
            }
        }
        drop(slots);
        for (key, slot) in unloaded {
            drop(slot);
            log::info!("unloaded {key}: nobody used it for {} s", idle.as_secs());
        }
    }

    /// Closes every encoder and starts no more loads. Blocks until a load that is under way has ended, because Torch
    /// must not be running when the process ends.
    pub(super) fn close(&self) {
        let mut slots = self.lock();
        slots.closed = true;
        let loaders = std::mem::take(&mut slots.loaders);
        drop(slots);
        for encoder in self.loaded() {
            encoder.close();
        }
        for loader in loaders {
            if loader.join().is_err() {
                log::error!("a model loader ended by a panic");
            }
        }
    }
}

/// A load that is done or under way.
enum LoadAttempt {
    Ready(Arc<Encoder>),
    Loading(watch::Receiver<LoadResult>),
}

const CHANGED_FILES: &str = "its files have changed since this server first saw the model, and the embeddings in the \
                       store belong to the old ones. Put the old files back, or give the changed model a new \
                       model_version and a folder of its own";
