//! Why a model cannot serve.

use std::path::PathBuf;

use super::folders::ModelKey;
use crate::blocking::Unfinished;
use mitsuke_store::{Coverage, ModelId, StoreError};

/// Why a model cannot serve. Reasons name a model folder by its name alone; they may be shown to callers.
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
        /// What the system says.
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
        /// Each broken folder with its reason, or nothing.
        reasons: String,
    },
    /// The start would leave the server without its current model.
    #[error(
        "the current model {model} cannot be used: {reason}. Repair its folder below {} (MITSUKE_MODELS_DIR) and \
         start again.", dir.display()
    )]
    Refused {
        /// The model.
        model: ModelKey,
        /// What is wrong with its folder.
        reason: String,
        /// The folder of model folders.
        dir: PathBuf,
    },
    /// The current model cannot encode now.
    #[error("the current model {model} cannot be used: {reason}")]
    NotReady {
        /// The model.
        model: ModelKey,
        /// Why.
        reason: String,
    },
    /// No model is registered in the store yet.
    #[error("no model is registered in the store yet")]
    NoCurrent,
    /// A model that was asked for cannot encode here.
    #[error("the model {model} cannot be used: {reason}")]
    Unusable {
        /// The model.
        model: ModelKey,
        /// Why.
        reason: String,
    },
    /// The model does not cover all images yet.
    #[error("model {model_id} has embedded {} of {} images", coverage.embedded, coverage.total)]
    Coverage {
        /// The model.
        model_id: ModelId,
        /// What it has embedded.
        coverage: Coverage,
    },
    /// The model's backfill does not stop, here or in another process.
    #[error("the backfill of model {0} does not stop, here or in another process")]
    HeldElsewhere(ModelId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blocking step broke off.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

impl ModelsError {
    /// The same for a request that did not choose the model: it is the server that is not ready.
    pub(super) fn into_not_ready(self) -> Self {
        match self {
            Self::Unusable { model, reason } => Self::NotReady { model, reason },
            other => other,
        }
    }
}
