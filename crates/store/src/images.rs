//! Images: their facts, texts and bytes.

use mitsuke_image::Generation;
use mitsuke_index::UnitVector;
use time::OffsetDateTime;

use crate::{Filter, ModelId, Sha256, StoreError};

/// Identifies an image for ever. The id of a deleted image is never used again.
pub type ImageId = i64;

/// Most hashes of one [`ImageStore::images_by_sha256`].
pub const MAX_HASHES: usize = 1_000;

/// Stores images and reads them back.
pub trait ImageStore: Send + Sync {
    /// Stores bytes, facts, texts and embeddings in one transaction, or finds the image that has the same SHA-256
    /// already. The image is durable when the call returns. Embeddings of models that are not maintained are stored
    /// too.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`] or [`StoreError::ModelDimension`] for an embedding that does not fit.
    fn insert_image(&self, image: &NewImage<'_>) -> Result<Inserted, StoreError>;

    /// Reads the facts and texts of one image; `None` when there is no such image.
    fn image(&self, image_id: ImageId) -> Result<Option<Image>, StoreError>;

    /// Reads the facts and texts of the images that exist among `image_ids`, in the order of `image_ids`.
    fn images(&self, image_ids: &[ImageId]) -> Result<Vec<Image>, StoreError>;

    /// Finds the image whose bytes have this hash.
    fn image_by_sha256(&self, sha256: &Sha256) -> Result<Option<Image>, StoreError>;

    /// Finds the images that have one of these hashes, in any order. Callers ask for at most [`MAX_HASHES`] hashes.
    fn images_by_sha256(&self, hashes: &[Sha256]) -> Result<Vec<(Sha256, ImageId)>, StoreError>;

    /// Reads the original bytes of an image.
    fn content(&self, image_id: ImageId) -> Result<Option<Content>, StoreError>;

    /// Lists images, newest first (descending by upload date, then id): at most `limit` of those after `cursor`.
    fn newest(&self, filter: &Filter, cursor: Option<Cursor>, limit: usize) -> Result<Vec<Image>, StoreError>;

    /// Lists images in the same order, after skipping `offset` of them.
    fn newest_page(&self, filter: &Filter, offset: usize, limit: usize) -> Result<Vec<Image>, StoreError>;

    /// Sets or clears the caption and the generation prompt, and returns the changed image; `None` when there is no such
    /// image.
    fn update_image(&self, image_id: ImageId, patch: &ImagePatch) -> Result<Option<Image>, StoreError>;

    /// Removes an image with its embeddings and recorded failures; returns false when there was no such image.
    fn delete_image(&self, image_id: ImageId) -> Result<bool, StoreError>;

    /// Counts the images.
    fn count_images(&self) -> Result<u64, StoreError>;
}

/// An image to store. Either all of it is stored or nothing.
#[derive(Debug, Clone)]
pub struct NewImage<'a> {
    /// Original bytes, stored unchanged.
    pub bytes: &'a [u8],
    /// Hash of `bytes`.
    pub sha256: Sha256,
    /// The name that the caller gave; never used as a path.
    pub file_name: &'a str,
    /// Sniffed media type, for example `image/png`.
    pub file_type: &'a str,
    /// Pixels across, orientation applied.
    pub width: u32,
    /// Pixels down, orientation applied.
    pub height: u32,
    /// When the image was received.
    pub upload_date: OffsetDateTime,
    /// Raw generation prompt text.
    pub generation_prompt: Option<&'a str>,
    /// The readable parts of the generation prompt.
    pub generation: Option<&'a Generation>,
    /// Caption (column DESCRIPTION of the Oracle schema).
    pub caption: Option<&'a str>,
    /// One embedding for each maintained model.
    pub embeddings: &'a [(ModelId, UnitVector)],
}

/// The answer to an insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// A new image.
    Created(ImageId),
    /// The same bytes were already there; nothing changed.
    Known(ImageId),
}

/// An image's metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Row id.
    pub image_id: ImageId,
    /// The name that the caller gave.
    pub file_name: String,
    /// Media type.
    pub file_type: String,
    /// Size of the original in bytes.
    pub bytes: u64,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Hash of the original bytes.
    pub sha256: Sha256,
    /// When the image was received, to the microsecond.
    pub upload_date: OffsetDateTime,
    /// Raw generation prompt text.
    pub generation_prompt: Option<String>,
    /// The readable parts of the generation prompt.
    pub generation: Option<Generation>,
    /// Caption.
    pub caption: Option<String>,
}

/// An image's original bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// As uploaded.
    pub bytes: Vec<u8>,
    /// Sniffed media type.
    pub file_type: String,
    /// The name that the caller gave.
    pub file_name: String,
    /// Hash of `bytes`.
    pub sha256: Sha256,
}

/// A change of an image's texts: `None` leaves a text as it is, `Some(None)` clears it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImagePatch {
    /// Caption.
    pub caption: Option<Option<String>>,
    /// Raw generation prompt text and its readable parts, which always change together.
    pub generation_prompt: Option<Option<(String, Option<Generation>)>>,
}

/// A place in the newest-first order: the last image of the page before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Upload date of that image.
    pub upload_date: OffsetDateTime,
    /// Id of that image.
    pub image_id: ImageId,
}
