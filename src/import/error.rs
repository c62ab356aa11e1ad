//! The reasons why an import cannot begin or go on.

use std::io;
use std::path::{Path, PathBuf};

use mitsuke_engine::blocking::Unfinished;
use mitsuke_engine::intake::IntakeError;
use mitsuke_engine::models::ModelKey;
use mitsuke_store::StoreError;

/// The reason why an import cannot begin or go on. What is stored by then stays, and the same command continues.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file or folder cannot be read.
    #[error("{}: {cause}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        cause: io::Error,
    },
    /// The first line of an export is not one.
    #[error("{} does not begin as `mitsuke export` writes it: {reason}. Export the collection again", path.display())]
    NoExport {
        /// The file.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
    /// The export is of a version that this program does not know.
    #[error("the export has version {found}, and this program reads version {known}: use a newer program")]
    NewerExport {
        /// The version of the export.
        found: u64,
        /// The version that this program reads.
        known: u64,
    },
    /// The embeddings of the export are those of another model of the same name.
    #[error(
        "the embeddings of the export are not those of {model} here: their cosine is {cosine:.2} at {file}, and at least \
         {least:.2} is expected. Put the folder of the model that made them into MITSUKE_MODELS_DIR, or export again \
         without --embeddings to have the pictures embedded here"
    )]
    OtherEmbeddings {
        /// The model.
        model: ModelKey,
        /// The cosine of the embedding in the export and a new one.
        cosine: f32,
        /// The smallest cosine that is accepted.
        least: f32,
        /// The picture.
        file: String,
    },
    /// Nothing shows that the embeddings are those of the model.
    #[error(
        "the embeddings of {model} cannot be compared with their pictures: {reason}. Put the folder of the model into \
         MITSUKE_MODELS_DIR, or take the embeddings as they are: --trust-embeddings"
    )]
    Unproven {
        /// The model.
        model: ModelKey,
        /// The reason.
        reason: String,
    },
    /// The log of another folder or program, or one that cannot be written.
    #[error("{0}")]
    Log(String),
    /// The models cannot be used.
    #[error("the pictures cannot be embedded: {0}")]
    Intake(#[from] IntakeError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blocking step panicked; the panic's message is in the log.
    #[error("the import broke off")]
    Unfinished(#[from] Unfinished),
}

impl ImportError {
    /// Returns a function that adds a path to an error of the system.
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Read { path: path.to_owned(), cause }
    }
}
