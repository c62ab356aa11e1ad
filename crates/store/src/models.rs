//! Models: the rows of EMBEDDING_MODELS, the current model, and the coverage of each.

use std::time::Duration;

use crate::{ModelId, StoreError};

/// Keeps the models, and the lease of each model's backfill.
pub trait ModelStore: Send + Sync {
    /// Adds a row for a model, or finds the row that has its name and version already. The first model that is ever
    /// registered becomes the current one, and maintained. Two processes may register the same model at once.
    ///
    /// # Errors
    /// [`StoreError::ModelDimension`] when the same name and version is known with another dimension.
    fn register_model(&self, model: &NewModel) -> Result<Model, StoreError>;

    /// Lists all models, in the order of their ids.
    fn models(&self) -> Result<Vec<Model>, StoreError>;

    /// Reads the current model; `None` before the first registration. The call is cheap: every request makes it once.
    fn current_model(&self) -> Result<Option<Model>, StoreError>;

    /// Makes a model current and maintained, in one atomic step. The model that was current stays maintained, so that
    /// switching back is as quick.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`]; [`StoreError::Coverage`] while images lack an embedding of that model,
    /// unless `allow_partial`.
    fn set_current_model(&self, model_id: ModelId, allow_partial: bool) -> Result<Model, StoreError>;

    /// Sets whether a model is maintained; see [`Model::maintained`].
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`]; [`StoreError::CurrentModel`] when the current model is to be left unmaintained.
    fn set_maintained(&self, model_id: ModelId, maintained: bool) -> Result<Model, StoreError>;

    /// Counts the images that a model has embedded.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    fn coverage(&self, model_id: ModelId) -> Result<Coverage, StoreError>;

    /// Takes or renews the lease of a model's backfill for `owner` (not empty), for the time `lease` from now. Returns
    /// false while another owner holds a lease that has not run out.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    fn claim_backfill(&self, model_id: ModelId, owner: &str, lease: Duration) -> Result<bool, StoreError>;

    /// Ends the lease of a model's backfill, if `owner` holds it.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    fn release_backfill(&self, model_id: ModelId, owner: &str) -> Result<(), StoreError>;
}

/// A model to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewModel {
    /// The name, unique together with the version.
    pub model_name: String,
    /// The version.
    pub model_version: String,
    /// The number of components of the model's embeddings.
    pub vector_dimension: usize,
}

/// A row of EMBEDDING_MODELS. [`ModelStore::coverage`] is a separate call, because counting may cost a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The id of the row.
    pub model_id: ModelId,
    /// The name, unique together with the version.
    pub model_name: String,
    /// The version.
    pub model_version: String,
    /// The number of components of the model's embeddings.
    pub vector_dimension: usize,
    /// Whether searches use this model.
    pub is_current: bool,
    /// Whether new images get an embedding of this model, and a backfill may embed the images that lack one. The
    /// current model is always maintained.
    pub maintained: bool,
}

/// The coverage of a model: how many of the store's images the model has embedded, and how many it could not embed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// The number of images that have an embedding of the model.
    pub embedded: u64,
    /// The number of images with a recorded failure; `embedded` does not include them.
    pub failed: u64,
    /// The number of images in the store.
    pub total: u64,
}

impl Coverage {
    /// Returns the number of images that have neither an embedding nor a recorded failure: the rest of a backfill.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.total.saturating_sub(self.embedded).saturating_sub(self.failed)
    }

    /// Returns whether every image has an embedding, so that a search by the model reaches every image.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.embedded == self.total
    }
}
