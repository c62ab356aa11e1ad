//! The homes of the originals of a store: how many lie where, and moves between them.

use super::Home;
use crate::{DamageReason, ImageId, ImageStore, Sha256, StoreError};

/// A file that stays where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkedFile<'a> {
    /// The canonical absolute path.
    pub path: &'a str,
    /// The time of the last change in nanoseconds since 1970-01-01T00:00:00Z.
    pub modified_ns: i64,
}

/// An image whose original lies in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedImage {
    /// The image.
    pub image_id: ImageId,
    /// The path of the file.
    pub path: String,
    /// The size of the original in bytes.
    pub bytes: u64,
    /// The time of the last change in nanoseconds since 1970-01-01T00:00:00Z, when the file was registered.
    pub modified_ns: i64,
    /// The hash of the original.
    pub sha256: Sha256,
}

/// The number of originals in each home.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HomeCounts {
    /// The originals in the database.
    pub database: u64,
    /// The originals in the folder.
    pub folder: u64,
    /// The originals that lie in place.
    pub in_place: u64,
}

/// The result of one step of a move.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MoveStep {
    /// The number of originals that were moved.
    pub moved: u64,
    /// The bytes of these originals.
    pub bytes: u64,
    /// The images that were left where they are, because their original is damaged or missing.
    pub skipped: Vec<ImageId>,
    /// The image that the next step goes on after; `None` when nothing is left.
    pub next: Option<ImageId>,
}

/// Tells and changes where the originals of a store lie. The defaults are those of a store that keeps all of them in its
/// database.
pub trait OriginalsStore: ImageStore {
    /// Counts the originals of each home.
    fn count_homes(&self) -> Result<HomeCounts, StoreError> {
        Ok(HomeCounts { database: self.count_images()?, ..HomeCounts::default() })
    }

    /// Moves the originals of at most `limit` images after `after` that lie in `from` to `to`. Each is verified before its
    /// old place is given up. A file that lies in place stays there.
    ///
    /// # Errors
    /// [`StoreError::Misconfigured`] from a store that has one home only; failures of the store and of the homes.
    fn move_originals(
        &self,
        from: Home,
        to: Home,
        after: Option<ImageId>,
        limit: usize,
    ) -> Result<MoveStep, StoreError> {
        let _ = (from, to, after, limit);
        Err(StoreError::Misconfigured("this store keeps all originals in the database".to_owned()))
    }

    /// Lists the images whose original lies in place in ascending order of their ids: at most `limit` of those after
    /// `after`.
    fn linked_files(&self, after: Option<ImageId>, limit: usize) -> Result<Vec<LinkedImage>, StoreError> {
        let _ = (after, limit);
        Ok(Vec::new())
    }

    /// Points an image to another file, which the caller has found to hold the bytes of the image, and forgets that the
    /// old one was missing. Returns false when the image does not lie in place.
    fn relink(&self, image_id: ImageId, file: &LinkedFile<'_>) -> Result<bool, StoreError> {
        let _ = (image_id, file);
        Ok(false)
    }

    /// Lists the images whose original lies at a path, in ascending order of their ids.
    fn images_at_path(&self, path: &str) -> Result<Vec<ImageId>, StoreError> {
        let _ = path;
        Ok(Vec::new())
    }

    /// Notes that the file of an image in place is missing or has changed, or with `None` that it is as it was. Returns
    /// whether that is new.
    fn note_link(&self, image_id: ImageId, reason: Option<DamageReason>) -> Result<bool, StoreError> {
        let _ = (image_id, reason);
        Ok(false)
    }
}
