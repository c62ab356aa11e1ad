//! What can be said of a model: coverage, load state, where it runs and what it takes.

use super::folders::ModelKey;
use super::pool::InMemory;
use super::{BrokenFolder, Models, ModelsError, row};
use mitsuke_clip::{Device, Precision};
use mitsuke_store::{Coverage, Model, ModelId};

/// Whether a model can encode now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadState {
    /// In memory, proven and warm.
    Ready,
    /// On its way into memory.
    Loading,
    /// Its folder is here, its encoders are not in memory.
    NotLoaded,
    /// It is a row of the store without a folder here.
    Missing,
    /// Its folder is here and cannot be used.
    Broken,
}

/// How a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loaded {
    /// Where.
    pub device: Device,
    /// What the image tower and the text tower compute in.
    pub precision: (Precision, Precision),
    /// Bytes of its weights, estimated from the sizes of its files.
    pub bytes: u64,
}

/// All about one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelStatus {
    /// Its row.
    pub model: Model,
    /// What it has embedded.
    pub coverage: Coverage,
    /// Whether it can encode now.
    pub state: LoadState,
    /// Name of its folder.
    pub folder: Option<String>,
    /// What is wrong with it, if anything.
    pub problem: Option<String>,
    /// How it runs, while it is in memory.
    pub loaded: Option<Loaded>,
}

impl Models {
    /// All models, in the order of their ids. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list(&self) -> Result<Vec<ModelStatus>, ModelsError> {
        self.store.models()?.into_iter().map(|model| self.status_of(model)).collect()
    }

    /// One model. Blocks.
    ///
    /// # Errors
    /// [`mitsuke_store::StoreError::UnknownModel`].
    pub fn status(&self, model_id: ModelId) -> Result<ModelStatus, ModelsError> {
        self.status_of(row(self.store.as_ref(), model_id)?)
    }

    /// The current model. Blocks.
    ///
    /// # Errors
    /// [`ModelsError::NoCurrent`] before the first registration.
    pub fn current_status(&self) -> Result<ModelStatus, ModelsError> {
        self.status_of(self.store.current_model()?.ok_or(ModelsError::NoCurrent)?)
    }

    /// The folders that cannot be used, in the order of their names.
    #[must_use]
    pub fn broken(&self) -> Vec<BrokenFolder> {
        let mut broken = self.registry.broken();
        broken.sort_by(|a, b| a.folder.cmp(&b.folder));
        broken
    }

    fn status_of(&self, model: Model) -> Result<ModelStatus, ModelsError> {
        let key = ModelKey::of(&model);
        let coverage = self.store.coverage(model.model_id)?;
        let folder = self.registry.folder(&key);
        let broken = self.registry.broken_reason(&key);
        let (state, problem) = match (self.pool.state(&key), broken, &folder) {
            (InMemory::Ready, None, None) => (LoadState::Ready, Some("its folder has gone".to_owned())),
            (InMemory::Ready, broken, _) => (LoadState::Ready, broken),
            (InMemory::Loading, broken, _) => (LoadState::Loading, broken),
            (_, Some(broken), _) => (LoadState::Broken, Some(broken)),
            (_, None, None) => (LoadState::Missing, Some("its folder is not on this server".to_owned())),
            (InMemory::Failed(reason), None, Some(_)) => (LoadState::Broken, Some(reason.to_string())),
            (InMemory::No, None, Some(_)) => (LoadState::NotLoaded, None),
        };
        let loaded = self.pool.peek(&key).map(|encoder| Loaded {
            device: encoder.device(),
            precision: encoder.precision(),
            bytes: encoder.weight_bytes(),
        });
        let folder = folder.map(|folder| folder.name.clone());
        Ok(ModelStatus { model, coverage, state, folder, problem, loaded })
    }
}
