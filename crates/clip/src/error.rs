//! The errors of loading a model and of encoding an input.

use std::io;
use std::path::PathBuf;

/// The reason why a model folder cannot be used. Messages are written for the operator: they name the file or field.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// A file cannot be read.
    #[error("{} cannot be read: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
    /// A file that should be JSON, such as the manifest, is not JSON.
    #[error("{} is not JSON: {cause}", path.display())]
    NotJson {
        /// The file.
        path: PathBuf,
        /// The place and reason at which parsing stopped.
        cause: serde_json::Error,
    },
    /// A field of the manifest has no usable value.
    #[error("model.json, field `{field}`: {reason}")]
    Manifest {
        /// The dotted path of the field, for example `image.resize`.
        field: String,
        /// The fault, and the values that would be right.
        reason: String,
    },
    /// A file differs from the file that the manifest was written for.
    #[error("{} has the SHA-256 {found}, the manifest says {expected}: the file is damaged or was replaced", path.display())]
    Sha256 {
        /// The file.
        path: PathBuf,
        /// The digest that the manifest states, 64 lower-case hex digits.
        expected: String,
        /// The digest of the file, 64 lower-case hex digits.
        found: String,
    },
    /// The tokenizer file cannot be used.
    #[error("{} is not a usable tokenizer: {reason}", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// The tokenizer library's reason.
        reason: String,
    },
    /// CUDA was asked for, and there is no CUDA device.
    #[error("CUDA was asked for, but libtorch finds no usable device; use the device setting `auto` or `cpu`")]
    NoCuda,
    /// Torch cannot load or run a module.
    #[error("{} cannot be used: {reason}", path.display())]
    Torch {
        /// The TorchScript file.
        path: PathBuf,
        /// Torch's reason.
        reason: String,
    },
    /// A reference picture cannot be decoded.
    #[error("the reference picture {} cannot be decoded: {reason}", path.display())]
    ReferencePicture {
        /// The file.
        path: PathBuf,
        /// The decoder's reason.
        reason: String,
    },
    /// The vector of a reference input differs from the vector in the manifest.
    #[error(
        "the reference {item} is not reproduced: cosine {cosine:.6} with the vector in model.json, at least \
         {minimum} is needed"
    )]
    Reference {
        /// The input, for example `text "猫"` or `image reference/cat.png`.
        item: String,
        /// The cosine that was found.
        cosine: f32,
        /// The smallest cosine that passes.
        minimum: f32,
    },
    /// A reference or warm-up input cannot be encoded.
    #[error("the encoder fails on {item}: {cause}")]
    Encode {
        /// The input.
        item: String,
        /// The encoder's reason.
        cause: EncodeError,
    },
    /// The system gives no thread for a queue.
    #[error("the encoder thread cannot be started: {0}")]
    Thread(io::Error),
}

/// The reason why an input gets no vector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The queue is full; the caller may try again later.
    #[error("the encoder queue is full")]
    QueueFull,
    /// The encoder is shutting down.
    #[error("the encoder is closed")]
    Closed,
    /// The input itself has no vector, because the model answers with zeros or with numbers that are not finite. A text
    /// of which cleaning leaves nothing may be such an input.
    #[error("the model finds nothing to compare in this input")]
    NoVector,
    /// The system or the GPU has no memory for the input now.
    #[error("there is no memory for the encoder")]
    OutOfMemory,
    /// The encoder failed, and only the operator can repair it.
    #[error("the encoder failed: {0}")]
    Failed(String),
}
