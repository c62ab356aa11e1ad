//! The status of models: coverage, load state, device and memory.

use mitsuke_clip::{Device, Precision, VariantTime};
use mitsuke_store::{Coverage, Model, ModelId, StoreError};

use super::error::ModelsError;
use super::folders::BrokenFolder;
use super::key::ModelKey;
use super::pool::EncoderState;
use super::service::{Models, find_model};

/// Whether a model can encode now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadState {
    /// The encoders are in memory, checked and warm.
    Ready,
    /// The encoders are being loaded.
    Loading,
    /// The folder is here, but the encoders are not in memory.
    NotLoaded,
    /// The model is a row of the store without a folder here.
    Missing,
    /// The folder is here and cannot be used.
    Broken,
}

/// Device, precision and memory of a loaded model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The device that computes.
    pub device: Device,
    /// The precisions of the image tower and of the text tower.
    pub precision: (Precision, Precision),
    /// The times that decided on the variants of the image tower and of the text tower; empty without a choice.
    pub variant_times: (Vec<VariantTime>, Vec<VariantTime>),
    /// The number of batches that each tower works on at once.
    pub workers: usize,
    /// The bytes of the model's weights, estimated from the sizes of the files.
    pub bytes: u64,
}

/// The status of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelStatus {
    /// The row.
    pub model: Model,
    /// The counts of the model's embeddings.
    pub coverage: Coverage,
    /// Whether the model can encode now.
    pub state: LoadState,
    /// The name of the model's folder.
    pub folder: Option<String>,
    /// The fault of the model or its folder, if there is one.
    pub problem: Option<String>,
    /// Device, precision and memory, while the model is loaded.
    pub loaded: Option<Loaded>,
}

impl Models {
    /// Lists all models, in the order of their ids. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list(&self) -> Result<Vec<ModelStatus>, ModelsError> {
        self.list_with(|model_id| self.store.coverage(model_id))
    }

    /// Lists all registered models, in the order of their ids, with the coverage that `coverage` returns. Blocks.
    ///
    /// # Errors
    /// [`ModelsError::Store`], and the errors of `coverage`.
    pub fn list_with(
        &self,
        coverage: impl Fn(ModelId) -> Result<Coverage, StoreError>,
    ) -> Result<Vec<ModelStatus>, ModelsError> {
        let models = self.store.models()?;
        models.into_iter().map(|model| Ok(self.status_of(coverage(model.model_id)?, model))).collect()
    }

    /// Returns the status of one model. Blocks.
    ///
    /// # Errors
    /// [`mitsuke_store::StoreError::UnknownModel`].
    pub fn status(&self, model_id: ModelId) -> Result<ModelStatus, ModelsError> {
        self.counted(find_model(self.store.as_ref(), model_id)?)
    }

    /// Returns the status of the current model. Blocks.
    ///
    /// # Errors
    /// [`ModelsError::NoCurrent`] before the first registration.
    pub fn current_status(&self) -> Result<ModelStatus, ModelsError> {
        self.counted(self.store.current_model()?.ok_or(ModelsError::NoCurrent)?)
    }

    /// Lists the folders that cannot be used, in the order of their names.
    #[must_use]
    pub fn broken(&self) -> Vec<BrokenFolder> {
        let mut broken = self.registry.broken();
        broken.sort_by(|a, b| a.folder.cmp(&b.folder));
        broken
    }

    fn counted(&self, model: Model) -> Result<ModelStatus, ModelsError> {
        Ok(self.status_of(self.store.coverage(model.model_id)?, model))
    }

    fn status_of(&self, coverage: Coverage, model: Model) -> ModelStatus {
        let key = ModelKey::from(&model);
        let folder = self.registry.folder(&key);
        let broken = self.registry.broken_reason(&key);
        let (state, problem) = match (self.pool.state(&key), broken, &folder) {
            (EncoderState::Ready, None, None) => (LoadState::Ready, Some("its folder has gone".to_owned())),
            (EncoderState::Ready, broken, _) => (LoadState::Ready, broken),
            (EncoderState::Loading, broken, _) => (LoadState::Loading, broken),
            (_, Some(broken), _) => (LoadState::Broken, Some(broken)),
            (_, None, None) => (LoadState::Missing, Some("its folder is not on this server".to_owned())),
            (EncoderState::Failed(reason), None, Some(_)) => (LoadState::Broken, Some(reason.to_string())),
            (EncoderState::NotLoaded, None, Some(_)) => (LoadState::NotLoaded, None),
        };
        let loaded = self.pool.peek(&key).map(|encoder| Loaded {
            device: encoder.device(),
            precision: encoder.precision(),
            variant_times: (encoder.variant_times().0.to_vec(), encoder.variant_times().1.to_vec()),
            workers: encoder.workers(),
            bytes: encoder.weight_bytes(),
        });
        let folder = folder.map(|folder| folder.name.clone());
        ModelStatus { model, coverage, state, folder, problem, loaded }
    }
}
