//! Where images, their text and their embeddings are kept. Knows neither HTTP nor Torch.

mod types;

pub mod sqlite;

pub use types::*;

use crate::vector::UnitVector;

/// A store of images. Every call blocks: callers keep it off the async workers.
///
/// The contract test suite (`tests/contract/`) says what every store must answer.
pub trait Store: Send + Sync {
    /// A short name for logs and health answers: `sqlite` or `oracle`.
    fn kind(&self) -> &'static str;

    /// Whether the store can answer now.
    ///
    /// # Errors
    /// The reason why it cannot.
    fn check(&self) -> Result<(), StoreError>;

    /// Makes a model known by name and version, or finds the row that is already there. The first model
    /// ever registered becomes the current one.
    ///
    /// # Errors
    /// [`StoreError::ModelDimension`] when the same name and version is known with another dimension.
    fn register_model(&self, model: &NewModel) -> Result<Model, StoreError>;

    /// All models with their coverage, in the order of their ids.
    fn models(&self) -> Result<Vec<Model>, StoreError>;

    /// The current model; `None` before the first registration.
    fn current_model(&self) -> Result<Option<Model>, StoreError>;

    /// Makes a model current, in one atomic step.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`]; [`StoreError::Coverage`] while images lack an embedding of that model,
    /// unless `allow_partial`.
    fn set_current_model(&self, model_id: ModelId, allow_partial: bool) -> Result<Model, StoreError>;

    /// Stores bytes, facts, texts and embeddings in one transaction, or finds the image that
    /// already has the same SHA-256. Durable when it returns.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`] or [`StoreError::ModelDimension`] for an embedding that does not fit.
    fn insert_image(&self, image: &NewImage<'_>) -> Result<Inserted, StoreError>;

    /// One image's metadata.
    fn image(&self, image_id: ImageId) -> Result<Option<Image>, StoreError>;

    /// Metadata of the images that exist among `image_ids`, in the order asked for.
    fn images(&self, image_ids: &[ImageId]) -> Result<Vec<Image>, StoreError>;

    /// The image with these bytes, if known.
    fn image_by_sha256(&self, sha256: &Sha256) -> Result<Option<Image>, StoreError>;

    /// Original bytes.
    fn content(&self, image_id: ImageId) -> Result<Option<Content>, StoreError>;

    /// Newest first: descending by (upload date, id), after `cursor`, at most `limit`.
    fn newest(&self, filter: &Filter, cursor: Option<Cursor>, limit: usize) -> Result<Vec<Image>, StoreError>;

    /// Newest first, skipping `offset`: the page form of [`Self::newest`].
    fn newest_page(&self, filter: &Filter, offset: usize, limit: usize) -> Result<Vec<Image>, StoreError>;

    /// Sets or clears caption and generation prompt; `None` when there is no such image.
    fn update_image(&self, image_id: ImageId, patch: &ImagePatch) -> Result<Option<Image>, StoreError>;

    /// Removes an image everywhere; false when there was none.
    fn delete_image(&self, image_id: ImageId) -> Result<bool, StoreError>;

    /// Number of images.
    fn count_images(&self) -> Result<u64, StoreError>;

    /// The nearest images under one model by inner product, nearest first, ties by descending image id;
    /// skips `offset`, returns at most `limit`. A filter never makes the answer short while matching images
    /// exist. Images without an embedding of that model are left out.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`]; [`StoreError::ModelDimension`] when the query does not fit the model.
    fn search_vector(&self, search: &VectorSearch<'_>) -> Result<Vec<VectorHit>, StoreError>;

    /// Images whose caption, generation prompt or file name holds every term, best first.
    fn search_keyword(&self, search: &KeywordSearch<'_>) -> Result<Vec<KeywordHit>, StoreError>;

    /// An image's embedding under a model, if it has one.
    fn embedding(&self, model_id: ModelId, image_id: ImageId) -> Result<Option<UnitVector>, StoreError>;

    /// Adds (or replaces) one image's embedding under a model; false when the image is gone.
    fn put_embedding(&self, model_id: ModelId, image_id: ImageId, vector: &UnitVector) -> Result<bool, StoreError>;

    /// Ids, ascending and after `after`, of images that lack an embedding of that model.
    fn images_without_embedding(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        limit: usize,
    ) -> Result<Vec<ImageId>, StoreError>;

    /// Writes caches out and closes; called once at shutdown.
    fn close(&self) -> Result<(), StoreError>;
}
