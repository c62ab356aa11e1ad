//! The errors of a store.

use crate::{ImageId, ModelId};

/// The reason why a store did not answer a call.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// There is no model with this id.
    #[error("no model has the id {0}")]
    UnknownModel(ModelId),
    /// A vector or registration does not fit the model's dimension.
    #[error("model {model_id} has vectors of {expected} components, not {found}")]
    ModelDimension {
        /// The model.
        model_id: ModelId,
        /// The dimension of the model.
        expected: usize,
        /// The dimension of the vector or registration.
        found: usize,
    },
    /// The model does not cover all images yet.
    #[error("model {model_id} has embedded {embedded} of {total} images")]
    Coverage {
        /// The model.
        model_id: ModelId,
        /// The number of images that it has embedded.
        embedded: u64,
        /// The number of images in the store.
        total: u64,
    },
    /// Another process holds the data directory.
    #[error(
        "the data directory {0} is in use by another Mitsuke. Stop that one, or set MITSUKE_DATA_DIR to another folder"
    )]
    Locked(std::path::PathBuf),
    /// A newer version of this program has written the database.
    #[error("the database has schema version {found}, and this program knows {known}: use a newer program")]
    NewerSchema {
        /// The schema version of the database.
        found: i64,
        /// The newest schema version that this program knows.
        known: i64,
    },
    /// The current model cannot be retired or left unmaintained.
    #[error("model {0} is the current one")]
    CurrentModel(ModelId),
    /// All connections are in use, or a call exceeded its time limit. The same call may succeed a moment later.
    #[error("the store is busy: {0}")]
    Busy(String),
    /// The database does not answer. The same call may succeed later.
    #[error("the store is out of reach: {0}")]
    Unreachable(String),
    /// The set-up of the store is wrong (a wrong password, a missing grant or library). Only an operator can correct
    /// it.
    #[error("the store is not set up: {0}")]
    Misconfigured(String),
    /// The full-text search of the store refuses the terms.
    #[error("the store cannot search for these keywords: {0}")]
    BadKeywords(String),
    /// The store cannot answer now for another reason. The same call may succeed later.
    #[error("the store cannot answer now: {0}")]
    Unavailable(String),
    /// The disk is full.
    #[error("the disk is full: {0}")]
    DiskFull(String),
    /// Stored data differ from the data that was written.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// The original of this image is not what was uploaded.
    #[error("the stored bytes of image {0} are not those that were uploaded")]
    ImageDamaged(ImageId),
    /// The file that is the original of this image is missing, has changed, or lies in a folder that is not there.
    #[error("the file of image {0} is missing or has changed where it lay")]
    OriginalMissing(ImageId),
    /// Any other error. The text is for the log.
    #[error("the store failed: {0}")]
    Internal(String),
}

impl StoreError {
    /// Returns the reason in this program's own words, for errors that an operator can correct or wait out.
    #[must_use]
    pub fn operator_reason(&self) -> Option<&str> {
        match self {
            Self::Busy(reason) | Self::Unreachable(reason) | Self::Misconfigured(reason) => Some(reason),
            _ => None,
        }
    }

    /// Returns the image whose original cannot be given out, when that is the error. Other images are not concerned by it.
    #[must_use]
    pub fn lost_original(&self) -> Option<ImageId> {
        match self {
            Self::ImageDamaged(image_id) | Self::OriginalMissing(image_id) => Some(*image_id),
            _ => None,
        }
    }
}
