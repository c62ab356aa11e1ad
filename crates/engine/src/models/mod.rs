//! Which models exist, which one is current, the encoders in memory, backfill and switching.
//!
//! A model is a row of the store and a folder of MITSUKE_MODELS_DIR that has its name and version. [`Models`] knows the
//! folders and the encoders in memory; which model is current and which are maintained is the store's word alone, read
//! anew by every request. [`Backfills`] embeds old images, the [`Keeper`] looks after all of it in the background, and
//! [`compare`] lets a person judge a model before it becomes current.

mod backfill;
mod compare;
mod error;
mod folders;
mod keeper;
mod pool;
mod registry;
mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::blocking;
use mitsuke_clip::{Encoder, EncoderOptions};
use mitsuke_store::{Model, ModelId, Store, StoreError};

pub use backfill::{BackfillState, BackfillStatus, Backfills};
pub use compare::{CompareError, CompareHit, Compared, ComparedQuery, Comparison, compare};
pub use error::ModelsError;
pub use folders::{BrokenFolder, ModelKey};
pub use keeper::Keeper;
pub use pool::TowerStats;
pub use status::{LoadState, Loaded, ModelStatus};

use folders::ModelFolder;
use pool::{InMemory, Pool};
use registry::Registry;

/// A model as one request sees it: row and encoder always belong together.
#[derive(Clone)]
pub struct ActiveModel {
    /// Its row.
    pub model: Model,
    /// Its encoders.
    pub encoder: Arc<Encoder>,
}

/// The models that a new image gets embeddings of.
#[derive(Clone)]
pub struct UploadModels {
    /// The current model: without its embedding nothing is stored.
    pub current: ActiveModel,
    /// Other maintained models, as far as they can be loaded here.
    pub others: Vec<ActiveModel>,
}

/// The models of this process.
pub struct Models {
    store: Arc<dyn Store>,
    registry: Registry,
    pool: Arc<Pool>,
    idle: Duration,
    /// Told when an image may lack an embedding of a maintained model, so that the keeper looks soon.
    gap: Notify,
    /// The current model, while a caller wants its backfill to rest. Whether a backfill of any other model may run
    /// stands in the store.
    resting: Mutex<BTreeSet<ModelId>>,
    /// Whether this process has had its current model in memory: from then on requests wait for a load, and the
    /// process counts as ready meanwhile.
    served: AtomicBool,
}

impl Models {
    /// Checks the model folders below `dir` and registers them in the store. A folder that is not usable is logged and
    /// listed, and harms nothing. While the store cannot be reached, the [`Keeper`] tries again. Models other than the
    /// current one are unloaded when nobody has used them for `idle`. Blocks.
    ///
    /// # Errors
    /// When no folder is usable.
    pub fn open(
        dir: &Path,
        store: Arc<dyn Store>,
        options: EncoderOptions,
        idle: Duration,
    ) -> Result<Self, ModelsError> {
        let registry = Registry::open(dir)?;
        let pool = Arc::new(Pool::new(options));
        let (gap, resting, served) = (Notify::new(), Mutex::default(), AtomicBool::new(false));
        let models = Self { store, registry, pool, idle, gap, resting, served };
        if let Err(error) = models.registry.register(models.store.as_ref()) {
            log::error!("the models cannot be registered yet, and searches wait for it: {error}");
        }
        models.registry.check_not_empty()?;
        Ok(models)
    }

    /// Loads the current model, so that the first request finds it warm. While the store cannot be reached, a single
    /// usable folder is loaded: it can be no other. Blocks.
    ///
    /// # Errors
    /// When the current model's folder is refused. A folder that is not there is logged only: the server starts, is
    /// not ready, and loads it once it comes.
    pub fn warm_up(&self) -> Result<(), ModelsError> {
        let key = match self.store.current_model() {
            Ok(None) => return Ok(()),
            Ok(Some(model)) => ModelKey::of(&model),
            Err(_) => return self.registry.only().map_or(Ok(()), |folder| self.load_at_start(&folder)),
        };
        if let Some(folder) = self.registry.folder(&key) {
            return self.load_at_start(&folder);
        }
        let dir = self.registry.dir().to_owned();
        if let Some(reason) = self.registry.broken_reason(&key) {
            return Err(ModelsError::Refused { model: key, reason, dir });
        }
        log::error!(
            "not ready: the current model {key} has no folder in {}. Put it there and POST /models/refresh, or make \
             another model current.",
            dir.display()
        );
        Ok(())
    }

    fn load_at_start(&self, folder: &ModelFolder) -> Result<(), ModelsError> {
        match self.pool.load_here(folder) {
            Ok(_) => {
                self.served.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(reason) => {
                let dir = self.registry.dir().to_owned();
                Err(ModelsError::Refused { model: folder.key(), reason: reason.to_string(), dir })
            }
        }
    }

    /// The current model, its encoders loaded. Waits for a load, and never uses another model meanwhile.
    ///
    /// # Errors
    /// When the store fails or the model cannot be loaded.
    pub async fn current(&self) -> Result<ActiveModel, ModelsError> {
        let model = self.with_store(|store| store.current_model()).await?.ok_or(ModelsError::NoCurrent)?;
        let active = self.active(model).await.map_err(ModelsError::into_not_ready)?;
        self.served.store(true, Ordering::Relaxed);
        Ok(active)
    }

    /// The models that a new image gets embeddings of. A maintained model that cannot be loaded here is left out: the
    /// image is then one that the model lacks, and a backfill comes back to it.
    ///
    /// # Errors
    /// When the store fails or the current model cannot be loaded.
    pub async fn for_uploads(&self) -> Result<UploadModels, ModelsError> {
        let rows = self.with_store(|store| store.models()).await?;
        let current = rows.iter().find(|model| model.is_current).cloned().ok_or(ModelsError::NoCurrent)?;
        let current = self.active(current).await.map_err(ModelsError::into_not_ready)?;
        let mut others = Vec::new();
        for model in rows.into_iter().filter(|model| model.maintained && !model.is_current) {
            match self.active(model).await {
                Ok(active) => others.push(active),
                Err(error) => log::warn!("a new image gets no embedding of a maintained model: {error}"),
            }
        }
        Ok(UploadModels { current, others })
    }

    /// Any model by its id, its encoders loaded.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`], or a model that cannot be used here.
    pub async fn by_id(&self, model_id: ModelId) -> Result<ActiveModel, ModelsError> {
        let model = self.with_store(move |store| row(store, model_id)).await?;
        self.active(model).await
    }

    /// Makes a model current. It is loaded and warm before the switch, so that no search of this process waits for it;
    /// other processes load it when their next request asks for it.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`], [`ModelsError::Coverage`], or a model that cannot be loaded.
    pub async fn switch(&self, model_id: ModelId, allow_partial: bool) -> Result<Model, ModelsError> {
        let (model, coverage) =
            self.with_store(move |store| Ok((row(store, model_id)?, store.coverage(model_id)?))).await?;
        if !allow_partial && !coverage.is_complete() {
            return Err(ModelsError::Coverage { model_id, coverage });
        }
        let active = self.active(model).await?;
        let switched = self.with_store(move |store| {
            Ok(match store.set_current_model(model_id, allow_partial) {
                // An image came in between; its counts are newer than the error's.
                Err(StoreError::Coverage { .. }) => Err(store.coverage(model_id)?),
                result => Ok(result?),
            })
        });
        let model = switched.await?.map_err(|coverage| ModelsError::Coverage { model_id, coverage })?;
        drop(active);
        log::info!("{} is the current model now", ModelKey::of(&model));
        self.set_resting(model_id, false);
        self.note_gap();
        Ok(model)
    }

    /// Reads the model folders anew: checks every file, registers what is new. Encoders in memory stay. Blocks, about a
    /// second per gigabyte of new files.
    ///
    /// # Errors
    /// When the folder of folders cannot be read or the store fails.
    pub fn refresh(&self) -> Result<(), ModelsError> {
        self.registry.rescan(&self.pool)?;
        self.pool.forget_failures();
        self.registry.register(self.store.as_ref())?;
        self.note_gap();
        Ok(())
    }

    /// Whether requests can be served: the current model is in memory, or being loaded by a process that has served.
    ///
    /// # Errors
    /// The reason why not.
    pub async fn check_ready(&self) -> Result<(), ModelsError> {
        let model = self.with_store(|store| store.current_model()).await?.ok_or(ModelsError::NoCurrent)?;
        let key = ModelKey::of(&model);
        match self.pool.state(&key) {
            InMemory::Ready => return Ok(()),
            InMemory::Failed(reason) => return Err(ModelsError::NotReady { model: key, reason: reason.to_string() }),
            InMemory::Loading | InMemory::No => {}
        }
        let Some(folder) = self.registry.folder(&key) else {
            return Err(self.unusable(&key).into_not_ready());
        };
        self.pool.preload(&folder);
        if self.served.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(ModelsError::NotReady { model: key, reason: "it is being loaded".to_owned() })
    }

    /// What the towers of every model have done that was in memory at some time.
    #[must_use]
    pub fn tower_stats(&self) -> BTreeMap<ModelKey, TowerStats> {
        self.pool.tower_stats()
    }

    /// Tells the keeper that an image may lack an embedding of a maintained model.
    pub fn note_gap(&self) {
        self.gap.notify_one();
    }

    /// Notes whether the backfill of the current model is to rest.
    fn set_resting(&self, model_id: ModelId, rests: bool) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        if rests {
            resting.insert(model_id);
        } else {
            resting.remove(&model_id);
        }
    }

    /// Whether the backfill of a model rests because a caller wants it. That ends when another model becomes current,
    /// whichever process makes it so.
    fn rests(&self, model: &Model) -> bool {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        if !model.is_current {
            resting.remove(&model.model_id);
        }
        resting.contains(&model.model_id)
    }

    /// Closes all encoders; what waits in their queues is answered as closed. Blocks.
    pub fn close(&self) {
        self.pool.close();
    }

    /// The encoder of a row, loaded when it is not. An encoder in memory serves also when its folder has gone.
    async fn active(&self, model: Model) -> Result<ActiveModel, ModelsError> {
        let key = ModelKey::of(&model);
        if let Some(encoder) = self.pool.ready(&key) {
            return Ok(ActiveModel { model, encoder });
        }
        let folder = self.registry.folder(&key).ok_or_else(|| self.unusable(&key))?;
        match self.pool.get(&folder).await {
            Ok(encoder) => Ok(ActiveModel { model, encoder }),
            Err(reason) => Err(ModelsError::Unusable { model: key, reason: reason.to_string() }),
        }
    }

    /// Why a model without a usable folder cannot be used.
    fn unusable(&self, key: &ModelKey) -> ModelsError {
        let reason = self.registry.broken_reason(key).unwrap_or_else(|| "its folder is not on this server".to_owned());
        ModelsError::Unusable { model: key.clone(), reason }
    }

    /// Asks the store away from the async workers.
    async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ModelsError> {
        let store = Arc::clone(&self.store);
        Ok(blocking::run(move || work(store.as_ref())).await??)
    }
}

/// One model's row.
fn row(store: &dyn Store, model_id: ModelId) -> Result<Model, StoreError> {
    store.models()?.into_iter().find(|m| m.model_id == model_id).ok_or(StoreError::UnknownModel(model_id))
}
