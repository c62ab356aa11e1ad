//! Where images, their text and their embeddings are kept. Knows neither HTTP nor Torch.

mod error;
mod finding;
mod fusion;
mod generation;
mod hybrid;
mod pattern;
mod query;
mod segment;
mod terms;
mod texts;
mod types;

pub mod oracle;
pub mod sqlite;

use std::time::Duration;

pub use error::StoreError;
pub use finding::Finding;
pub use fusion::{Fused, RRF_K, Weights, fuse};
pub use generation::GenerationParts;
pub use hybrid::{fuse_hits, fuse_legs};
pub use pattern::like_pattern;
pub use query::*;
pub use terms::terms;
pub use types::*;

use mitsuke_index::UnitVector;

/// Most hashes of one [`Store::images_by_sha256`].
pub const MOST_HASHES: usize = 1_000;

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
    /// ever registered becomes the current one, and maintained. Safe when two processes do it at once.
    ///
    /// # Errors
    /// [`StoreError::ModelDimension`] when the same name and version is known with another dimension.
    fn register_model(&self, model: &NewModel) -> Result<Model, StoreError>;

    /// All models, in the order of their ids.
    fn models(&self) -> Result<Vec<Model>, StoreError>;

    /// The current model; `None` before the first registration. Cheap: asked once for every request.
    fn current_model(&self) -> Result<Option<Model>, StoreError>;

    /// How much of the store a model has embedded.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    fn coverage(&self, model_id: ModelId) -> Result<Coverage, StoreError>;

    /// Makes a model current and maintained, in one atomic step. The one that was current stays maintained, so that
    /// switching back is as quick.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`]; [`StoreError::Coverage`] while images lack an embedding of that model,
    /// unless `allow_partial`.
    fn set_current_model(&self, model_id: ModelId, allow_partial: bool) -> Result<Model, StoreError>;

    /// Sets whether new images get an embedding of the model too and a backfill may fill what is missing.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`]; [`StoreError::CurrentModel`] when the current model is to be left unmaintained.
    fn set_maintained(&self, model_id: ModelId, maintained: bool) -> Result<Model, StoreError>;

    /// Retires a model: removes its embeddings and recorded failures and leaves it unmaintained. Returns how many
    /// embeddings there were. It may take several transactions; broken off, it is finished by asking again.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`]; [`StoreError::CurrentModel`] for the current one.
    fn delete_embeddings(&self, model_id: ModelId) -> Result<u64, StoreError>;

    /// Takes or renews the lease of the backfill of a model for `owner` (not empty), until `lease` from now; false
    /// while another owner holds one that has not run out.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    fn claim_backfill(&self, model_id: ModelId, owner: &str, lease: Duration) -> Result<bool, StoreError>;

    /// Gives the lease back, if `owner` has it.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    fn release_backfill(&self, model_id: ModelId, owner: &str) -> Result<(), StoreError>;

    /// Stores bytes, facts, texts and embeddings in one transaction, or finds the image that
    /// already has the same SHA-256. Durable when it returns. Embeddings of models that are not maintained (any more)
    /// are stored too.
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

    /// The images that exist among those with these hashes, in any order; at most [`MOST_HASHES`] are asked for.
    fn images_by_sha256(&self, hashes: &[Sha256]) -> Result<Vec<(Sha256, ImageId)>, StoreError>;

    /// Original bytes.
    fn content(&self, image_id: ImageId) -> Result<Option<Content>, StoreError>;

    /// Newest first: descending by (upload date, id), after `cursor`, at most `limit`.
    fn newest(&self, filter: &Filter, cursor: Option<Cursor>, limit: usize) -> Result<Vec<Image>, StoreError>;

    /// Newest first, skipping `offset`: the page form of [`Self::newest`].
    fn newest_page(&self, filter: &Filter, offset: usize, limit: usize) -> Result<Vec<Image>, StoreError>;

    /// Sets or clears caption and generation prompt; `None` when there is no such image.
    fn update_image(&self, image_id: ImageId, patch: &ImagePatch) -> Result<Option<Image>, StoreError>;

    /// Removes an image everywhere, its embeddings and failures too; false when there was none.
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
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`] when the store's full-text parser refuses the terms.
    fn search_keyword(&self, search: &KeywordSearch<'_>) -> Result<Vec<KeywordHit>, StoreError>;

    /// Both searches, fused by rank: the greatest score first, ties by descending image id. Each leg is read to
    /// the depth asked for, whatever the page.
    ///
    /// # Errors
    /// Those of both legs.
    fn search_hybrid(&self, search: &HybridSearch<'_>) -> Result<Vec<HybridHit>, StoreError> {
        let (vector, keyword) = (search.vector_leg(), search.keyword_leg());
        let vector = vector.map_or(Ok(Vec::new()), |leg| self.search_vector(&leg))?;
        let keyword = keyword.map_or(Ok(Vec::new()), |leg| self.search_keyword(&leg))?;
        fuse_legs(search, &vector, &keyword, |image_id| self.embedding(search.model_id, image_id))
    }

    /// An image's embedding under a model, if it has one.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    fn embedding(&self, model_id: ModelId, image_id: ImageId) -> Result<Option<UnitVector>, StoreError>;

    /// The embeddings of a model, ascending by image id and after `after`.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    fn embeddings(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        limit: usize,
    ) -> Result<Vec<(ImageId, UnitVector)>, StoreError>;

    /// Adds (or replaces) one image's embedding under a model, and removes a recorded failure; false when the image
    /// is gone.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`]; [`StoreError::ModelDimension`] when the vector does not fit the model.
    fn put_embedding(&self, model_id: ModelId, image_id: ImageId, vector: &UnitVector) -> Result<bool, StoreError>;

    /// Records that a model could not embed an image, in place of an older failure; false when the image is gone.
    /// An image that has an embedding of the model keeps it, and no failure is recorded.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    fn put_embedding_failure(&self, model_id: ModelId, image_id: ImageId, reason: &str) -> Result<bool, StoreError>;

    /// Recorded failures of a model, ascending by image id and after `after`.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    fn embedding_failures(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        limit: usize,
    ) -> Result<Vec<EmbeddingFailure>, StoreError>;

    /// Ids, ascending and after `after`, of images that lack an embedding of that model; with `skip_failed` without
    /// those that have a recorded failure.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    fn images_without_embedding(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        skip_failed: bool,
        limit: usize,
    ) -> Result<Vec<ImageId>, StoreError>;

    /// Writes caches out and closes; called once at shutdown.
    fn close(&self) -> Result<(), StoreError>;
}
