//! Embeddings: one unit vector for each image and model, or the reason why there is none.

use mitsuke_index::UnitVector;
use time::OffsetDateTime;

use crate::{ImageId, ModelId, StoreError};

/// Keeps the embeddings of every model, and the images that a model could not embed.
pub trait EmbeddingStore: Send + Sync {
    /// Reads the embedding of an image by a model; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    fn embedding(&self, model_id: ModelId, image_id: ImageId) -> Result<Option<UnitVector>, StoreError>;

    /// Lists embeddings of a model, ascending by image id, of images after `after`.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    fn embeddings(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        limit: usize,
    ) -> Result<Vec<(ImageId, UnitVector)>, StoreError>;

    /// Reads the embeddings by a model of those among `image_ids` that have one, in that order.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    fn embeddings_of(
        &self,
        model_id: ModelId,
        image_ids: &[ImageId],
    ) -> Result<Vec<(ImageId, UnitVector)>, StoreError> {
        let read = |image_id: &ImageId| {
            let vector = self.embedding(model_id, *image_id)?;
            Ok(vector.map(|vector| (*image_id, vector)))
        };
        image_ids.iter().filter_map(|image_id| read(image_id).transpose()).collect()
    }

    /// Adds or replaces the embedding of an image by a model, and removes a recorded failure. Returns false when there
    /// is no such image.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`]; [`StoreError::ModelDimension`] when the vector does not fit the model.
    fn put_embedding(&self, model_id: ModelId, image_id: ImageId, vector: &UnitVector) -> Result<bool, StoreError>;

    /// Records that a model could not embed an image, in place of an older failure. Returns false when there is no such
    /// image. An image that has an embedding of the model keeps the embedding, and no failure is recorded.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    fn put_embedding_failure(&self, model_id: ModelId, image_id: ImageId, reason: &str) -> Result<bool, StoreError>;

    /// Lists recorded failures of a model, ascending by image id, of images after `after`.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`].
    fn embedding_failures(
        &self,
        model_id: ModelId,
        after: Option<ImageId>,
        limit: usize,
    ) -> Result<Vec<EmbeddingFailure>, StoreError>;

    /// Lists the ids of images that lack an embedding of a model, ascending, after `after`; with `skip_failed` without
    /// the images that have a recorded failure.
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

    /// Retires a model: removes its embeddings and recorded failures, and leaves it unmaintained. Returns the number of
    /// removed embeddings. The call may take several transactions; if it fails midway, the next call finishes the work.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`]; [`StoreError::CurrentModel`] for the current one.
    fn delete_embeddings(&self, model_id: ModelId) -> Result<u64, StoreError>;
}

/// An image that a model could not embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingFailure {
    /// The image.
    pub image_id: ImageId,
    /// The reason, in words for the operator.
    pub reason: String,
    /// The time at which the failure was recorded, to the microsecond.
    pub failed_at: OffsetDateTime,
}
