//! Thumbnails of images, which are kept because they take long to make.

use crate::{ImageId, StoreError};

/// Keeps thumbnails and reads them back. A thumbnail is made of the image and can be made again, so none belongs to the
/// transaction of an upload.
pub trait ThumbnailStore: Send + Sync {
    /// Reads a thumbnail; `None` when there is none of this size. `size` is the length of the longer edge that was asked
    /// for, in pixels; the thumbnail of a smaller image is smaller.
    fn thumbnail(&self, image_id: ImageId, size: u32) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps a thumbnail of an image, in place of one of the same size; returns false when there is no such image.
    fn put_thumbnail(&self, image_id: ImageId, size: u32, jpeg: &[u8]) -> Result<bool, StoreError>;
}
