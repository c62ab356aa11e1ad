//! The reasons why a model cannot be used.

use std::path::PathBuf;

use mitsuke_store::{Coverage, ModelId, StoreError};

use super::key::ModelKey;
use crate::blocking::Unfinished;

/// The reason why a model cannot be used. Reasons name a model folder without its path, so they may be shown to callers.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// The folder of model folders cannot be read.
    #[error(
        "the models folder {} cannot be read: {cause}. Set MITSUKE_MODELS_DIR to the folder that holds the model \
         folders.", folder.display()
    )]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The error of the operating system.
        cause: std::io::Error,
    },
    /// No usable model folder was found.
    #[error(
        "the models folder {} holds no usable model{reasons}. Set MITSUKE_MODELS_DIR to a folder of model folders, \
         such as the one that comes with Mitsuke.", dir.display()
    )]
    Empty {
        /// The folder.
        dir: PathBuf,
        /// A list of the broken folders with their reasons, or an empty text.
        reasons: String,
    },
    /// The folder of the current model cannot be used, so the server does not start.
    #[error(
        "the current model {model} cannot be used: {reason}. Repair its folder below {} (MITSUKE_MODELS_DIR) and \
         start again.", dir.display()
    )]
    Refused {
        /// The model.
        model: ModelKey,
        /// The fault of its folder.
        reason: String,
        /// The folder of model folders.
        dir: PathBuf,
    },
    /// The current model cannot be used now.
    #[error("the current model {model} cannot be used: {reason}")]
    NotReady {
        /// The model.
        model: ModelKey,
        /// The reason.
        reason: String,
    },
    /// No model is registered in the store yet.
    #[error("no model is registered in the store yet")]
    NoCurrent,
    /// A model that the caller chose cannot be used here.
    #[error("the model {model} cannot be used: {reason}")]
    Unusable {
        /// The model.
        model: ModelKey,
        /// The reason.
        reason: String,
    },
    /// The model does not cover all images yet.
    #[error("model {model_id} has embedded {} of {} images", coverage.embedded, coverage.total)]
    Coverage {
        /// The model.
        model_id: ModelId,
        /// The counts of its embeddings.
        coverage: Coverage,
    },
    /// The model's backfill does not stop, here or in another process.
    #[error("the backfill of model {0} does not stop, here or in another process")]
    HeldElsewhere(ModelId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blocking step did not finish.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

impl ModelsError {
    /// Turns an unusable model into a server that is not ready, for requests that did not choose the model.
    pub(super) fn into_not_ready(self) -> Self {
        match self {
            Self::Unusable { model, reason } => Self::NotReady { model, reason },
            other => other,
        }
    }
}
