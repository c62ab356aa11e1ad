//! Images: their facts, texts and bytes.

use mitsuke_image::Generation;
use mitsuke_index::UnitVector;
use time::OffsetDateTime;

pub use mitsuke_image::Taken as TakenAt;

use crate::tags::Origin;
use crate::{
    ChangeOutcome, Filter, ImageChange, ImageId, LinkedFile, ListedImage, ModelId, Page, Sha256, Shape, Sort,
    SortCursor, StoreError, Total, plain,
};

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

    /// Stores images as [`Self::insert_image`] does, with as few transactions as the store can, and returns an answer for
    /// each in their order. All that are answered as stored are durable when the call returns. An error of one image leaves
    /// the others be. The default stores them one by one.
    ///
    /// # Errors
    /// An error that the next image would meet too. Images before it may be stored; asking again finds them as known.
    fn insert_images(&self, images: &[NewImage<'_>]) -> Result<Vec<Result<Inserted, StoreError>>, StoreError> {
        plain::insert_images(self, images)
    }

    /// Reads the facts and texts of one image; `None` when there is no such image.
    fn image(&self, image_id: ImageId) -> Result<Option<Image>, StoreError>;

    /// Reads the facts and texts of the images that exist among `image_ids`, in the order of `image_ids`.
    fn images(&self, image_ids: &[ImageId]) -> Result<Vec<Image>, StoreError>;

    /// Reads images as [`Self::images`] does, with short texts: caption, generation prompt and each of its parts may be cut
    /// to `max_chars` + 1 characters, so that a caller sees which of them are longer than `max_chars`. Tags stay whole.
    fn images_short(&self, image_ids: &[ImageId], max_chars: usize) -> Result<Vec<Image>, StoreError> {
        Ok(self.images(image_ids)?.into_iter().map(|image| image.shortened(max_chars)).collect())
    }

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

    /// Lists images that pass a filter in the order of `sort`: at most `limit` of those after `after`, which is the place
    /// of the last image of the page before. A cursor of another order gives an unspecified page.
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`] for the terms of the filter.
    fn list(
        &self,
        filter: &Filter,
        sort: Sort,
        after: Option<&SortCursor>,
        limit: usize,
    ) -> Result<Vec<ListedImage>, StoreError> {
        plain::list(self, filter, sort, after, limit)
    }

    /// Lists images as [`Self::list`] does, with the short texts of [`Self::images_short`].
    ///
    /// # Errors
    /// The errors of [`Self::list`].
    fn list_short(
        &self,
        filter: &Filter,
        sort: Sort,
        after: Option<&SortCursor>,
        limit: usize,
        max_chars: usize,
    ) -> Result<Vec<ListedImage>, StoreError> {
        let listed = self.list(filter, sort, after, limit)?.into_iter();
        Ok(listed.map(|ListedImage { at, image }| ListedImage { at, image: image.shortened(max_chars) }).collect())
    }

    /// Lists the shapes of images in the order and with the bounds of [`Self::list`]. No text of an image is read, so that
    /// tens of thousands can be listed at once.
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`] for the terms of the filter.
    fn shapes(
        &self,
        filter: &Filter,
        sort: Sort,
        after: Option<&SortCursor>,
        limit: usize,
    ) -> Result<Vec<Shape>, StoreError> {
        let shape = |ListedImage { at, image }| Shape { at, width: image.width, height: image.height };
        Ok(self.list(filter, sort, after, limit)?.into_iter().map(shape).collect())
    }

    /// Lists a page of the images in the order of `sort`.
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`] for the terms of the filter.
    fn list_page(&self, page: &Page, sort: Sort) -> Result<Vec<Image>, StoreError> {
        plain::list_page(self, page, sort)
    }

    /// Lists the ids of a page of the images in the order of `sort`.
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`] for the terms of the filter.
    fn page_ids(&self, page: &Page, sort: Sort) -> Result<Vec<ImageId>, StoreError> {
        Ok(self.list_page(page, sort)?.into_iter().map(|image| image.image_id).collect())
    }

    /// Counts the images that pass a filter.
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`] for the terms of the filter.
    fn count(&self, filter: &Filter) -> Result<Total, StoreError> {
        plain::count(self, filter)
    }

    /// Lists the ids of images that pass a filter in ascending order: at most `limit` of those after `after`.
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`] for the terms of the filter.
    fn image_ids(&self, filter: &Filter, after: Option<ImageId>, limit: usize) -> Result<Vec<ImageId>, StoreError> {
        plain::image_ids(self, filter, after, limit)
    }

    /// Makes one change to each of some images, in transactions of at most [`MAX_CHANGED`](crate::MAX_CHANGED) images, and
    /// returns an outcome for each image in the order of `ids`. An error of one image does not undo the others. After
    /// [`StoreError::Busy`], [`StoreError::Unreachable`] or [`StoreError::DiskFull`] nothing more is tried, and the rest
    /// of the images have this error as their outcome.
    ///
    /// # Errors
    /// None of its own; the errors of images are outcomes.
    fn change_images(
        &self,
        ids: &[ImageId],
        change: &ImageChange,
    ) -> Result<Vec<(ImageId, ChangeOutcome)>, StoreError> {
        plain::change_images(self, ids, change)
    }

    /// Changes facts and texts of an image, and returns the changed image; `None` when there is no such image. From then
    /// on, the caption, the generation prompt, the tags and the time of the patch count as set by a caller, and a tag
    /// that the new list lacks as removed.
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
    /// The whole list of tags, in place of both others, as a caller has set it: those of them that are found in the file
    /// count as found, and those of the file that the list lacks as removed.
    pub listed_tags: Option<&'a [String]>,
    /// The time at which the picture was taken. Fractions of a microsecond and of a minute of the offset are dropped.
    pub taken: Option<TakenAt>,
    /// The source of that time, or of its absence.
    pub taken_origin: Origin,
    /// The name of the camera.
    pub camera: Option<&'a str>,
    /// The path of the file in the folder that the caller uploads. It is stored as
    /// [`clean_source_path`](crate::clean_source_path) returns it, and never used as a path.
    pub source_path: Option<&'a str>,
    /// The version of the reader that has read the file.
    pub reader_version: u32,
    /// The embeddings, one for each maintained model.
    pub embeddings: &'a [(ModelId, UnitVector)],
    /// The file that is the original of the image and stays where it lies. `None` puts `bytes` into the home of new
    /// originals.
    pub linked: Option<LinkedFile<'a>>,
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
    /// The time at which the picture was taken, by the clock of the camera, to the microsecond.
    pub taken: Option<TakenAt>,
    /// The name of the camera.
    pub camera: Option<String>,
    /// The cleaned path of the file in the folder that was uploaded.
    pub source_path: Option<String>,
}

impl Image {
    /// Returns the image with short texts; see [`ImageStore::images_short`].
    pub(crate) fn shortened(mut self, max_chars: usize) -> Self {
        let most = max_chars.saturating_add(1);
        for text in [&mut self.generation_prompt, &mut self.caption].into_iter().flatten() {
            mitsuke_image::shorten(text, most);
        }
        if let Some(generation) = &mut self.generation {
            generation.shorten(most);
        }
        self
    }
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

/// A change of an image's facts and texts: `None` leaves one as it is, `Some(None)` clears it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImagePatch {
    /// The caption.
    pub caption: Option<Option<String>>,
    /// The raw text of the generation prompt and its readable parts, which always change together.
    pub generation_prompt: Option<Option<(String, Option<Generation>)>>,
    /// The whole list of tags, with the bounds of [`NewImage::added_tags`].
    pub tags: Option<Vec<String>>,
    /// Tags to add at the end of the list, after `tags` has taken effect.
    pub add_tags: Vec<String>,
    /// Tags to remove, after `add_tags` has taken effect. The folded forms are compared.
    pub remove_tags: Vec<String>,
    /// The name of the file.
    pub file_name: Option<String>,
    /// The path of the file in the folder that was uploaded, with the rules of [`NewImage::source_path`].
    pub source_path: Option<Option<String>>,
    /// The time at which the picture was taken.
    pub taken: Option<Option<TakenAt>>,
}

impl ImagePatch {
    /// Returns whether the patch may change the tags.
    pub(crate) fn changes_tags(&self) -> bool {
        self.tags.is_some() || !self.add_tags.is_empty() || !self.remove_tags.is_empty()
    }
}

/// A place in the newest-first order: the last image of the page before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The upload date of that image.
    pub upload_date: OffsetDateTime,
    /// The id of that image.
    pub image_id: ImageId,
}
