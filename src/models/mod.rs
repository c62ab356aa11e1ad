//! Which models exist, which one is current, and the encoders that are loaded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clip::{ClipError, Encoder, EncoderOptions, Manifest};
use crate::store::{Coverage, Model, ModelId, NewModel, Store, StoreError};

/// Why a model cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// The folder of model folders cannot be read.
    #[error("the models folder {} cannot be read: {cause}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// No usable model folder was found.
    #[error("the models folder {} holds no usable model", .0.display())]
    Empty(PathBuf),
    /// A model folder is not usable.
    #[error("the model cannot be loaded: {0}")]
    Load(#[from] ClipError),
    /// The store's current model has no folder here.
    #[error("the folder of the current model {0} is missing")]
    Missing(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether a model can encode now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelState {
    /// Loaded and warm.
    Ready,
    /// Its folder is here, its encoders are not in memory.
    NotLoaded,
    /// It is a row of the store without a folder here.
    Missing,
}

/// The current model as one request sees it: row and encoder always belong together.
#[derive(Clone)]
pub struct ActiveModel {
    /// Its row.
    pub model: Model,
    /// Its encoders.
    pub encoder: Arc<Encoder>,
}

/// The models of this process. Which one is current is the store's word alone, read anew by every request.
pub struct Models {
    store: Arc<dyn Store>,
    folders: BTreeMap<ModelId, PathBuf>,
    encoders: Mutex<BTreeMap<ModelId, Arc<Encoder>>>,
    /// Held while a model loads, so that two requests never load the same one.
    loading: Mutex<()>,
    options: EncoderOptions,
}

impl Models {
    /// Registers every usable model folder below `dir` and loads the current model. A folder that is not
    /// usable is logged and left out. Blocks.
    ///
    /// # Errors
    /// When no folder is usable, or the store fails. A current model that cannot be loaded is logged only:
    /// the server starts, is not ready, and tries again when asked.
    pub fn open(dir: &Path, store: Arc<dyn Store>, options: EncoderOptions) -> Result<Self, ModelsError> {
        let mut folders = BTreeMap::new();
        for folder in model_folders(dir)? {
            match Manifest::read(&folder) {
                Ok(manifest) => {
                    let model = store.register_model(&NewModel {
                        model_name: manifest.model_name.clone(),
                        model_version: manifest.model_version.clone(),
                        vector_dimension: manifest.vector_dimension,
                    })?;
                    folders.insert(model.model_id, folder);
                }
                Err(error) => log::error!("{} is not a usable model: {error}", folder.display()),
            }
        }
        if folders.is_empty() {
            return Err(ModelsError::Empty(dir.to_owned()));
        }
        let models = Self { store, folders, encoders: Mutex::default(), loading: Mutex::default(), options };
        if let Err(error) = models.current() {
            log::error!("not ready: {error}");
        }
        Ok(models)
    }

    /// The current model, its encoders loaded. Blocks: one read of the store, and the first time a load.
    ///
    /// # Errors
    /// When the store fails or the model cannot be loaded.
    pub fn current(&self) -> Result<ActiveModel, ModelsError> {
        let model = self.store.current_model()?.ok_or_else(|| ModelsError::Missing("(none)".to_owned()))?;
        let encoder = self.encoder(&model)?;
        Ok(ActiveModel { model, encoder })
    }

    /// Makes a model current. It is loaded and warm before the switch, so that no search waits for it. Blocks.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`], [`StoreError::Coverage`], or a model that cannot be loaded.
    pub fn switch(&self, model_id: ModelId, allow_partial: bool) -> Result<Model, ModelsError> {
        let model = self.row(model_id)?;
        let coverage = self.store.coverage(model_id)?;
        if !allow_partial && !coverage.is_complete() {
            return Err(StoreError::Coverage { model_id, embedded: coverage.embedded, total: coverage.total }.into());
        }
        self.encoder(&model)?;
        Ok(self.store.set_current_model(model_id, allow_partial)?)
    }

    /// All models with their coverage and state. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list(&self) -> Result<Vec<(Model, Coverage, ModelState)>, ModelsError> {
        let described = |model: Model| {
            let coverage = self.store.coverage(model.model_id)?;
            let state = self.state(model.model_id);
            Ok((model, coverage, state))
        };
        self.store.models()?.into_iter().map(described).collect()
    }

    /// How much of the store a model has embedded. Blocks.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    pub fn coverage(&self, model_id: ModelId) -> Result<Coverage, ModelsError> {
        Ok(self.store.coverage(model_id)?)
    }

    /// One model's row. Blocks.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    pub fn row(&self, model_id: ModelId) -> Result<Model, ModelsError> {
        let models = self.store.models()?;
        models.into_iter().find(|m| m.model_id == model_id).ok_or_else(|| StoreError::UnknownModel(model_id).into())
    }

    /// Whether a model can encode now.
    #[must_use]
    pub fn state(&self, model_id: ModelId) -> ModelState {
        if self.loaded(model_id).is_some() {
            ModelState::Ready
        } else if self.folders.contains_key(&model_id) {
            ModelState::NotLoaded
        } else {
            ModelState::Missing
        }
    }

    /// The encoders that are in memory.
    #[must_use]
    pub fn encoders(&self) -> Vec<Arc<Encoder>> {
        self.encoders.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn loaded(&self, model_id: ModelId) -> Option<Arc<Encoder>> {
        self.encoders.lock().unwrap_or_else(PoisonError::into_inner).get(&model_id).cloned()
    }

    fn encoder(&self, model: &Model) -> Result<Arc<Encoder>, ModelsError> {
        if let Some(encoder) = self.loaded(model.model_id) {
            return Ok(encoder);
        }
        let _one_at_a_time = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(encoder) = self.loaded(model.model_id) {
            return Ok(encoder);
        }
        let folder = self
            .folders
            .get(&model.model_id)
            .ok_or_else(|| ModelsError::Missing(format!("{} {}", model.model_name, model.model_version)))?;
        let encoder = Arc::new(Encoder::load(folder, &self.options)?);
        let mut encoders = self.encoders.lock().unwrap_or_else(PoisonError::into_inner);
        encoders.insert(model.model_id, Arc::clone(&encoder));
        Ok(encoder)
    }
}

/// Folders below `dir` that hold a manifest, in the order of their names.
fn model_folders(dir: &Path) -> Result<Vec<PathBuf>, ModelsError> {
    let unreadable = |cause| ModelsError::Folder { folder: dir.to_owned(), cause };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.join("model.json").is_file() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}
