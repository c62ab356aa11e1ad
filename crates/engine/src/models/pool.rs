//! The encoders that are in memory: one load for all who ask, unloading of what nobody uses.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::folders::{ModelFolder, ModelKey, same_vectors};
use mitsuke_clip::{Encoder, EncoderOptions, Manifest, QueueStats};

/// How long a failed load is remembered, so that a request each does not mean a load each.
const REMEMBER_FAILURE: Duration = Duration::from_secs(10);

/// Why a load failed, in words without paths.
pub(super) type Reason = Arc<str>;

/// What a load came to; `None` while it runs.
type Outcome = Option<Result<Arc<Encoder>, Reason>>;

/// Whether a model is in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum InMemory {
    Ready,
    Loading,
    Failed(Reason),
    No,
}

enum Slot {
    Loading(watch::Receiver<Outcome>),
    Ready { encoder: Arc<Encoder>, last_used: Instant },
    Failed { at: Instant, reason: Reason },
}

#[derive(Default)]
struct Slots {
    by_model: BTreeMap<ModelKey, Slot>,
    /// What each model was when it was first loaded: the same name must not mean other vectors later on.
    first: BTreeMap<ModelKey, Arc<Manifest>>,
    /// What encoders did that are unloaded.
    before: BTreeMap<ModelKey, TowerStats>,
    loaders: Vec<JoinHandle<()>>,
    closed: bool,
}

/// What the towers of a model have done since the start of this process, however often it was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TowerStats {
    /// The image tower.
    pub image: QueueStats,
    /// The text tower.
    pub text: QueueStats,
    /// Whether they are in memory; without a queue nothing waits.
    pub loaded: bool,
}

impl TowerStats {
    fn of(encoder: &Encoder) -> Self {
        Self { image: encoder.image_stats(), text: encoder.text_stats(), loaded: true }
    }

    fn after(self, earlier: &Self) -> Self {
        Self { image: self.image.after(&earlier.image), text: self.text.after(&earlier.text), loaded: self.loaded }
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

    /// Every change under the lock is one step, so a panic elsewhere leaves whole entries.
    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The encoder of a folder; loads it unless that is done or being done, and waits. Blocks nothing.
    pub(super) async fn get(self: &Arc<Self>, folder: &Arc<ModelFolder>) -> Result<Arc<Encoder>, Reason> {
        let mut loading = match self.begin(folder) {
            Ok(Begun::Ready(encoder)) => return Ok(encoder),
            Ok(Begun::Loading(loading)) => loading,
            Err(reason) => return Err(reason),
        };
        match loading.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_else(|| Err("the load broke off".into())),
            Err(_) => Err("the load broke off".into()),
        }
    }

    /// The encoder of a model that is in memory; counts as a use of it.
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
        // Whoever needs the encoder meets the error again; `state` tells it meanwhile.
        drop(self.begin(folder));
    }

    fn begin(self: &Arc<Self>, folder: &Arc<ModelFolder>) -> Result<Begun, Reason> {
        let key = folder.key();
        let mut slots = self.lock();
        match slots.by_model.get_mut(&key) {
            Some(Slot::Ready { encoder, last_used }) => {
                *last_used = Instant::now();
                return Ok(Begun::Ready(Arc::clone(encoder)));
            }
            Some(Slot::Loading(loading)) => return Ok(Begun::Loading(loading.clone())),
            Some(Slot::Failed { at, reason }) if at.elapsed() < REMEMBER_FAILURE => return Err(Arc::clone(reason)),
            Some(Slot::Failed { .. }) | None => {}
        }
        if slots.closed {
            return Err("the server is shutting down".into());
        }
        slots.loaders.retain(|loader| !loader.is_finished());
        let (sender, receiver) = watch::channel(None);
        let (pool, folder) = (Arc::clone(self), Arc::clone(folder));
        // A thread of its own: a load takes seconds, and the blocking pool is for short work.
        let loader = thread::Builder::new().name("model-loader".to_owned()).spawn(move || {
            let outcome = pool.load_here(&folder);
            sender.send_replace(Some(outcome));
        });
        slots.loaders.push(loader.map_err(|error| Reason::from(format!("no thread could be started: {error}")))?);
        slots.by_model.insert(key, Slot::Loading(receiver.clone()));
        Ok(Begun::Loading(receiver))
    }

    /// Loads a folder on the calling thread.
    pub(super) fn load_here(&self, folder: &ModelFolder) -> Result<Arc<Encoder>, Reason> {
        let key = folder.key();
        let first = self.lock().first.get(&key).cloned().unwrap_or_else(|| Arc::clone(&folder.manifest));
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| Encoder::load(&folder.path, &self.options)))
            .unwrap_or_else(|_| {
                log::error!("loading {} panicked", folder.path.display());
                Err(mitsuke_clip::ClipError::Thread(std::io::Error::other("the load panicked")))
            })
            .map_err(|error| {
                log::error!("the model {key} cannot be loaded: {error}");
                Reason::from(folder.without_path(&error))
            })
            .and_then(|encoder| {
                if same_vectors(encoder.manifest(), &first) { Ok(Arc::new(encoder)) } else { Err(CHANGED.into()) }
            });
        let mut slots = self.lock();
        if slots.closed {
            return Err("the server is shutting down".into());
        }
        let slot = match &outcome {
            Ok(encoder) => {
                slots.first.entry(key.clone()).or_insert(first);
                Slot::Ready { encoder: Arc::clone(encoder), last_used: Instant::now() }
            }
            Err(reason) => Slot::Failed { at: Instant::now(), reason: Arc::clone(reason) },
        };
        slots.by_model.insert(key, slot);
        outcome
    }

    pub(super) fn state(&self, key: &ModelKey) -> InMemory {
        match self.lock().by_model.get(key) {
            Some(Slot::Ready { .. }) => InMemory::Ready,
            Some(Slot::Loading(_)) => InMemory::Loading,
            Some(Slot::Failed { reason, .. }) => InMemory::Failed(Arc::clone(reason)),
            None => InMemory::No,
        }
    }

    /// The encoder of a model that is in memory, without counting as a use of it.
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

    /// What the towers of every model have done that was in memory at some time.
    pub(super) fn tower_stats(&self) -> BTreeMap<ModelKey, TowerStats> {
        let slots = self.lock();
        let mut stats = slots.before.clone();
        for (key, slot) in &slots.by_model {
            if let Slot::Ready { encoder, .. } = slot {
                let entry = stats.entry(key.clone()).or_default();
                *entry = TowerStats::of(encoder).after(entry);
            }
        }
        stats
    }

    /// Why a folder must not stand for the model it names: it was another one when this process first loaded it.
    pub(super) fn objection(&self, folder: &ModelFolder) -> Option<&'static str> {
        let first = self.lock().first.get(&folder.key()).cloned();
        first.filter(|first| !same_vectors(first, &folder.manifest)).map(|_| CHANGED)
    }

    /// Lets failed loads be tried again at once.
    pub(super) fn forget_failures(&self) {
        self.lock().by_model.retain(|_, slot| !matches!(slot, Slot::Failed { .. }));
    }

    /// Unloads what nobody holds and nobody has asked for since `idle`, except `keep`. Blocks for the end of the
    /// encoders' threads, which have nothing to do.
    pub(super) fn sweep(&self, idle: Duration, keep: Option<&ModelKey>) {
        let mut slots = self.lock();
        let unused: Vec<ModelKey> = slots
            .by_model
            .iter()
            .filter(|(key, slot)| match slot {
                // One holder is this map. Others appear under this lock only, so nobody can be using it.
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
                let entry = slots.before.entry(key.clone()).or_default();
                *entry = TowerStats { loaded: false, ..TowerStats::of(encoder).after(entry) };
            }
        }
        drop(slots);
        for (key, slot) in unloaded {
            drop(slot);
            log::info!("unloaded {key}: nobody used it for {} s", idle.as_secs());
        }
    }

    /// Closes every encoder and takes no more loads. Blocks, also for a load that is under way: Torch must not be
    /// running when the process ends.
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

enum Begun {
    Ready(Arc<Encoder>),
    Loading(watch::Receiver<Outcome>),
}

const CHANGED: &str = "its files have changed since this server first saw the model, and the embeddings in the \
                       store belong to the old ones. Put the old files back, or give the changed model a new \
                       model_version and a folder of its own";
