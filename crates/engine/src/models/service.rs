//! The models of this process as requests use them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mitsuke_clip::{Encoder, EncoderOptions};
use mitsuke_store::{Model, ModelId, ModelStore, Store, StoreError};
use tokio::sync::Notify;

use super::error::ModelsError;
use super::folders::ModelFolder;
use super::key::ModelKey;
use super::pool::{EncoderState, Pool, TowerStats};
use super::registry::Registry;
use crate::blocking;

/// A model as one request sees it. The row and the encoder are always of the same model.
#[derive(Clone)]
pub struct ActiveModel {
    /// The row.
    pub model: Model,
    /// The encoders of both towers.
    pub encoder: Arc<Encoder>,
}

/// The models that a new image gets embeddings of.
#[derive(Clone)]
pub struct UploadModels {
    /// The current model. No image is stored without an embedding of this model.
    pub current: ActiveModel,
    /// The other maintained models that can be loaded here.
    pub others: Vec<ActiveModel>,
}

/// The models of this process.
pub struct Models {
    pub(super) store: Arc<dyn Store>,
    pub(super) registry: Registry,
    pub(super) pool: Arc<Pool>,
    pub(super) idle: Duration,
    /// Wakes the maintenance when an image may lack an embedding of a maintained model.
    pub(super) backfill_check: Notify,
    /// The current model, while a caller has stopped its backfill. For any other model, the store says whether a
    /// backfill may run.
    paused_backfills: Mutex<BTreeSet<ModelId>>,
    /// Whether this process has had its current model in memory. From then on requests wait for a load, and the process
    /// counts as ready meanwhile.
    was_ready: AtomicBool,
}

impl Models {
    /// Checks the model folders below `dir` and registers them in the store. A folder that is not usable is logged and
    /// listed, and harms nothing. While the store cannot be reached, the maintenance tries again in the background.
    /// Models other than the current one are unloaded after `idle` without use. Blocks.
    ///
    /// # Errors
    /// When no folder is usable.
    pub fn open(
        dir: &Path,
        store: Arc<dyn Store>,
        options: EncoderOptions,
        idle: Duration,
    ) -> Result<Self, ModelsError> {
        let models = Self {
            store,
            registry: Registry::open(dir)?,
            pool: Arc::new(Pool::new(options)),
            idle,
            backfill_check: Notify::new(),
            paused_backfills: Mutex::default(),
            was_ready: AtomicBool::new(false),
        };
        if let Err(error) = models.registry.register(models.store.as_ref()) {
            log::error!("the models cannot be registered yet, and searches wait for it: {error}");
        }
        models.registry.check_not_empty()?;
        Ok(models)
    }

    /// Loads the current model, so that the first request finds it warm. While the store cannot be reached, the only
    /// usable folder is loaded, if there is just one, because no other model can be current. Blocks.
    ///
    /// # Errors
    /// When the current model's folder is refused. A missing folder is only logged: the server starts, is not ready,
    /// and loads the folder once it exists.
    pub fn warm_up(&self) -> Result<(), ModelsError> {
        let key = match self.store.current_model() {
            Ok(None) => return Ok(()),
            Ok(Some(model)) => ModelKey::from(&model),
            Err(_) => return self.registry.single_folder().map_or(Ok(()), |folder| self.load_at_start(&folder)),
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
                self.was_ready.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(reason) => {
                let dir = self.registry.dir().to_owned();
                Err(ModelsError::Refused { model: folder.key(), reason: reason.to_string(), dir })
            }
        }
    }

    /// Returns the current model with its encoders. Waits for a load, and never uses another model meanwhile.
    ///
    /// # Errors
    /// When the store fails or the model cannot be loaded.
    pub async fn current(&self) -> Result<ActiveModel, ModelsError> {
        let model = self.with_store(|store| store.current_model()).await?.ok_or(ModelsError::NoCurrent)?;
        let active = self.activate(model).await.map_err(ModelsError::into_not_ready)?;
        self.was_ready.store(true, Ordering::Relaxed);
        Ok(active)
    }

    /// Returns the models that a new image gets embeddings of. A maintained model that cannot be loaded here is left
    /// out: the image then lacks its embedding, and a backfill adds it later.
    ///
    /// # Errors
    /// When the store fails or the current model cannot be loaded.
    pub async fn for_uploads(&self) -> Result<UploadModels, ModelsError> {
        let rows = self.with_store(|store| store.models()).await?;
        let current = rows.iter().find(|model| model.is_current).cloned().ok_or(ModelsError::NoCurrent)?;
        let current = self.activate(current).await.map_err(ModelsError::into_not_ready)?;
        let mut others = Vec::new();
        for model in rows.into_iter().filter(|model| model.maintained && !model.is_current) {
            match self.activate(model).await {
                Ok(active) => others.push(active),
                Err(error) => log::warn!("a new image gets no embedding of a maintained model: {error}"),
            }
        }
        Ok(UploadModels { current, others })
    }

    /// Returns any model by its id, with its encoders.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`], or a model that cannot be used here.
    pub async fn by_id(&self, model_id: ModelId) -> Result<ActiveModel, ModelsError> {
        let model = self.with_store(move |store| find_model(store, model_id)).await?;
        self.activate(model).await
    }

    /// Makes a model current. The model is loaded and warm before the switch, so that no search of this process waits
    /// for it; other processes load the model when their next request asks for it.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`], [`ModelsError::Coverage`], or a model that cannot be loaded.
    pub async fn switch(&self, model_id: ModelId, allow_partial: bool) -> Result<Model, ModelsError> {
        let (model, coverage) =
            self.with_store(move |store| Ok((find_model(store, model_id)?, store.coverage(model_id)?))).await?;
        if !allow_partial && !coverage.is_complete() {
            return Err(ModelsError::Coverage { model_id, coverage });
        }
        let active = self.activate(model).await?;
        let switched = self.with_store(move |store| {
            Ok(match store.set_current_model(model_id, allow_partial) {
                // An image was stored after the first count; a new count is newer than that of the error.
                Err(StoreError::Coverage { .. }) => Err(store.coverage(model_id)?),
                result => Ok(result?),
            })
        });
        let model = switched.await?.map_err(|coverage| ModelsError::Coverage { model_id, coverage })?;
        drop(active);
        log::info!("{} is the current model now", ModelKey::from(&model));
        self.set_backfill_paused(model_id, false);
        self.request_backfill_check();
        Ok(model)
    }

    /// Reads the model folders anew: checks every file, registers new models. Encoders in memory stay. Blocks, about a
    /// second per gigabyte of new files.
    ///
    /// # Errors
    /// When the folder of the model folders cannot be read or the store fails.
    pub fn refresh(&self) -> Result<(), ModelsError> {
        self.registry.rescan(&self.pool)?;
        self.pool.forget_failures();
        self.registry.register(self.store.as_ref())?;
        self.request_backfill_check();
        Ok(())
    }

    /// Checks whether requests can be served: the current model is in memory, or being loaded by a process that was
    /// ready before.
    ///
    /// # Errors
    /// The reason why requests cannot be served.
    pub async fn check_ready(&self) -> Result<(), ModelsError> {
        let model = self.with_store(|store| store.current_model()).await?.ok_or(ModelsError::NoCurrent)?;
        let key = ModelKey::from(&model);
        match self.pool.state(&key) {
            EncoderState::Ready => return Ok(()),
            EncoderState::Failed(reason) => {
                return Err(ModelsError::NotReady { model: key, reason: reason.to_string() });
            }
            EncoderState::Loading | EncoderState::NotLoaded => {}
        }
        let Some(folder) = self.registry.folder(&key) else {
            return Err(self.unusable(&key).into_not_ready());
        };
        self.pool.preload(&folder);
        if self.was_ready.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(ModelsError::NotReady { model: key, reason: "it is being loaded".to_owned() })
    }

    /// Returns the counts of the towers of every model that has been in memory since the process started.
    #[must_use]
    pub fn tower_stats(&self) -> BTreeMap<ModelKey, TowerStats> {
        self.pool.tower_stats()
    }

    /// Has the maintenance check soon whether images lack an embedding of a maintained model.
    pub fn request_backfill_check(&self) {
        self.backfill_check.notify_one();
    }

    /// Closes all encoders; requests that wait in their queues get the error that the encoder is closed. Blocks.
    pub fn close(&self) {
        self.pool.close();
    }

    /// Adds the encoder to a row, and loads it if it is not in memory. An encoder in memory is used even when its
    /// folder is gone.
    async fn activate(&self, model: Model) -> Result<ActiveModel, ModelsError> {
        let key = ModelKey::from(&model);
        if let Some(encoder) = self.pool.ready(&key) {
            return Ok(ActiveModel { model, encoder });
        }
        let folder = self.registry.folder(&key).ok_or_else(|| self.unusable(&key))?;
        match self.pool.get(&folder).await {
            Ok(encoder) => Ok(ActiveModel { model, encoder }),
            Err(reason) => Err(ModelsError::Unusable { model: key, reason: reason.to_string() }),
        }
    }

    /// Returns the error of a model that has no usable folder here.
    pub(super) fn unusable(&self, key: &ModelKey) -> ModelsError {
        let reason = self.registry.broken_reason(key).unwrap_or_else(|| "its folder is not on this server".to_owned());
        ModelsError::Unusable { model: key.clone(), reason }
    }

    /// Sets whether the backfill of the current model is paused.
    pub(crate) fn set_backfill_paused(&self, model_id: ModelId, paused: bool) {
        let mut models = self.paused_backfills();
        if paused {
            models.insert(model_id);
        } else {
            models.remove(&model_id);
        }
    }

    /// Locks the models whose backfill is paused.
    pub(super) fn paused_backfills(&self) -> MutexGuard<'_, BTreeSet<ModelId>> {
        self.paused_backfills.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs work on the store away from the async workers.
    pub(crate) async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ModelsError> {
        let store = Arc::clone(&self.store);
        Ok(blocking::run(move || work(store.as_ref())).await??)
    }
}

/// Reads the row of one model.
///
/// # Errors
/// [`StoreError::UnknownModel`] when no model has this id.
pub(crate) fn find_model<S: ModelStore + ?Sized>(store: &S, model_id: ModelId) -> Result<Model, StoreError> {
    store.models()?.into_iter().find(|model| model.model_id == model_id).ok_or(StoreError::UnknownModel(model_id))
}
