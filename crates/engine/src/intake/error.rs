//! The reasons why a picture is not taken in.

use mitsuke_clip::EncodeError;
use mitsuke_image::ImageError;
use mitsuke_store::StoreError;

use crate::blocking::Unfinished;
use crate::models::ModelsError;

/// The reason why a picture is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The picture cannot be decoded, or exceeds a limit.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The encoder did not answer.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// There is no current model.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blocking step did not finish.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}
