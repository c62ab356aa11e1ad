//! One change of many images.

use crate::{ImagePatch, StoreError};

/// The largest number of images that one transaction of [`change_images`](crate::ImageStore::change_images) changes.
pub const MAX_CHANGED: usize = 100;

/// A change of each of some images.
#[expect(clippy::large_enum_variant, reason = "a call has one change, whatever the number of images")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageChange {
    /// Changes facts and texts.
    Patch(ImagePatch),
    /// Deletes the image.
    Delete,
}

/// The outcome of a change for one image.
#[derive(Debug, Clone)]
pub enum ChangeOutcome {
    /// The image differs from what it was.
    Changed,
    /// The image is as it was.
    Unchanged,
    /// The image is gone.
    Deleted,
    /// There is no such image.
    Unknown,
    /// The image is as it was, because of this error.
    Failed(StoreError),
}

impl StoreError {
    /// Returns whether a call that changes many images ends at this error, because the next image would meet it too.
    #[must_use]
    pub(crate) fn ends_bulk_work(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Unreachable(_) | Self::DiskFull(_))
    }
}
