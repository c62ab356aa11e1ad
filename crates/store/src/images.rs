//! Images: their facts, texts and bytes.

use mitsuke_image::Generation;
use mitsuke_index::UnitVector;
use time::OffsetDateTime;

use crate::tags::Origin;
use crate::{Filter, ImageId, ModelId, Page, Sha256, StoreError};

/// The largest number of hashes of one call of [`ImageStore::images_by_sha256`].
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

    /// Finds the image whose bytes have this hash; `None` when there is no such image.
    fn image_by_sha256(&self, sha256: &Sha256) -> Result<Option<Image>, StoreError>;

    /// Finds the images that have one of these hashes, in any order. Callers ask for at most [`MAX_HASHES`] hashes.
    fn images_by_sha256(&self, hashes: &[Sha256]) -> Result<Vec<(Sha256, ImageId)>, StoreError>;

    /// Reads the original bytes of an image; `None` when there is no such image.
    fn content(&self, image_id: ImageId) -> Result<Option<Content>, StoreError>;

    /// Lists images, newest first (descending by upload date, then id): at most `limit` of those after `cursor`.
    fn newest(&self, filter: &Filter, cursor: Option<Cursor>, limit: usize) -> Result<Vec<Image>, StoreError>;

    /// Lists a page of the images in the same order.
    fn newest_page(&self, page: &Page) -> Result<Vec<Image>, StoreError>;

    /// Sets or clears the caption, the generation prompt and the tags, and returns the changed image; `None` when there is
    /// no such image. From then on they count as set by a caller, and a tag that the new list lacks as removed.
    fn update_image(&self, image_id: ImageId, patch: &ImagePatch) -> Result<Option<Image>, StoreError>;

    /// Removes an image with its embeddings and recorded failures; returns false when there was no such image.
    fn delete_image(&self, image_id: ImageId) -> Result<bool, StoreError>;

    /// Counts the images.
    fn count_images(&self) -> Result<u64, StoreError>;
}

/// An image to store. Either all of it is stored or nothing.
#[derive(Debug, Clone)]
pub struct NewImage<'a> {
    /// The original bytes, stored unchanged.
    pub bytes: &'a [u8],
    /// The hash of `bytes`.
    pub sha256: Sha256,
    /// The name that the caller gave. It is never used as a path.
    pub file_name: &'a str,
    /// The media type found in the bytes, for example `image/png`.
    pub file_type: &'a str,
    /// The width in pixels, after the orientation is applied.
    pub width: u32,
    /// The height in pixels, after the orientation is applied.
    pub height: u32,
    /// The time at which the image was received.
    pub upload_date: OffsetDateTime,
    /// The raw text of the generation prompt.
    pub generation_prompt: Option<&'a str>,
    /// The readable parts of the generation prompt.
    pub generation: Option<&'a Generation>,
    /// The source of the generation prompt, or of its absence.
    pub generation_prompt_origin: Origin,
    /// The caption (column DESCRIPTION of the Oracle schema).
    pub caption: Option<&'a str>,
    /// The source of the caption, or of its absence.
    pub caption_origin: Origin,
    /// The tags found in the file.
    pub tags: &'a [String],
    /// The tags that the caller adds to those. Of all tags, [`MAX_TAGS`](crate::MAX_TAGS) are kept; texts for which
    /// [`clean_tag`](crate::clean_tag) returns `None` are left out, and tags that differ in their spelling only are one.
    pub added_tags: &'a [String],
    /// The version of the reader that has read the file.
    pub reader_version: u32,
    /// The embeddings, one for each maintained model.
    pub embeddings: &'a [(ModelId, UnitVector)],
}

/// The answer to an insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// A new image.
    Created(ImageId),
    /// An image that has the same bytes already; nothing changed.
    Known(ImageId),
}

/// The facts and texts of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// The id of the row.
    pub image_id: ImageId,
    /// The name that the caller gave.
    pub file_name: String,
    /// The media type.
    pub file_type: String,
    /// The size of the original in bytes.
    pub bytes: u64,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The hash of the original bytes.
    pub sha256: Sha256,
    /// The time at which the image was received, to the microsecond.
    pub upload_date: OffsetDateTime,
    /// The raw text of the generation prompt.
    pub generation_prompt: Option<String>,
    /// The readable parts of the generation prompt.
    pub generation: Option<Generation>,
    /// The caption.
    pub caption: Option<String>,
    /// The tags as they were written, in their order.
    pub tags: Vec<String>,
}

/// An image's original bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The bytes as uploaded.
    pub bytes: Vec<u8>,
    /// The media type found in the bytes.
    pub file_type: String,
    /// The name that the caller gave.
    pub file_name: String,
    /// The hash of `bytes`.
    pub sha256: Sha256,
}

/// A change of an image's texts: `None` leaves a text as it is, `Some(None)` clears it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImagePatch {
    /// The caption.
    pub caption: Option<Option<String>>,
    /// The raw text of the generation prompt and its readable parts, which always change together.
    pub generation_prompt: Option<Option<(String, Option<Generation>)>>,
    /// The whole list of tags, with the bounds of [`NewImage::added_tags`].
    pub tags: Option<Vec<String>>,
}

/// A place in the newest-first order: the last image of the page before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The upload date of that image.
    pub upload_date: OffsetDateTime,
    /// The id of that image.
    pub image_id: ImageId,
}
