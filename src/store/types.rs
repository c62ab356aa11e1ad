//! What goes into a store and comes out of it.

use std::fmt;

use time::OffsetDateTime;

use crate::vector::UnitVector;

/// Identifies an image for ever; never used again after a delete.
pub type ImageId = i64;

/// Identifies a row of EMBEDDING_MODELS.
pub type ModelId = i64;

/// The SHA-256 of an image's original bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// Hashes bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Parses 64 hexadecimal digits.
    #[must_use]
    pub fn parse(hex: &str) -> Option<Self> {
        if hex.len() != 64 || !hex.is_ascii() {
            return None;
        }
        let mut out = [0; 32];
        for (i, byte) in out.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Self(out))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

/// A model to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewModel {
    /// Unique together with the version.
    pub model_name: String,
    /// See [`Self::model_name`].
    pub model_version: String,
    /// Components of its embeddings.
    pub vector_dimension: usize,
}

/// A row of EMBEDDING_MODELS with its coverage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Row id.
    pub model_id: ModelId,
    /// Unique together with the version.
    pub model_name: String,
    /// See [`Self::model_name`].
    pub model_version: String,
    /// Components of its embeddings.
    pub vector_dimension: usize,
    /// Whether searches use it.
    pub is_current: bool,
    /// Images that have an embedding of this model.
    pub embedded: u64,
    /// Images in the store.
    pub total: u64,
}

/// An image to store: all of it, or nothing.
#[derive(Debug, Clone)]
pub struct NewImage<'a> {
    /// Original bytes, kept as they are.
    pub bytes: &'a [u8],
    /// Hash of `bytes`.
    pub sha256: Sha256,
    /// The name the caller gave; data only, never a path.
    pub file_name: &'a str,
    /// Sniffed media type, for example `image/png`.
    pub file_type: &'a str,
    /// Pixels across, orientation applied.
    pub width: u32,
    /// Pixels down, orientation applied.
    pub height: u32,
    /// When it was received.
    pub upload_date: OffsetDateTime,
    /// Raw generation prompt text.
    pub generation_prompt: Option<&'a str>,
    /// Readable parts of the prompt as a JSON object.
    pub generation: Option<&'a str>,
    /// Caption (the article's description).
    pub caption: Option<&'a str>,
    /// One embedding per model that new images get.
    pub embeddings: &'a [(ModelId, UnitVector)],
}

/// The answer to an insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// A new image.
    Created(ImageId),
    /// The same bytes were already there; nothing changed.
    Known(ImageId),
}

/// An image's metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Row id.
    pub image_id: ImageId,
    /// The name the caller gave.
    pub file_name: String,
    /// Media type.
    pub file_type: String,
    /// Size of the original in bytes.
    pub bytes: u64,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Hash of the original bytes.
    pub sha256: Sha256,
    /// When it was received, to the microsecond.
    pub upload_date: OffsetDateTime,
    /// Raw generation prompt text.
    pub generation_prompt: Option<String>,
    /// Readable parts of the prompt as a JSON object.
    pub generation: Option<String>,
    /// Caption.
    pub caption: Option<String>,
}

/// An image's original bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// As uploaded.
    pub bytes: Vec<u8>,
    /// Sniffed media type.
    pub file_type: String,
    /// The name the caller gave.
    pub file_name: String,
    /// Hash of `bytes`.
    pub sha256: Sha256,
}

/// A change of an image's texts: `None` leaves a field, `Some(None)` clears it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImagePatch {
    /// Caption.
    pub caption: Option<Option<String>>,
    /// Raw generation prompt text and its readable parts as JSON, always changed together.
    pub generation_prompt: Option<Option<(String, Option<String>)>>,
}

/// A place in the newest-first order: the last image already seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Its upload date.
    pub upload_date: OffsetDateTime,
    /// Its id.
    pub image_id: ImageId,
}

/// Which images may be found. An empty filter lets all pass; fields combine with AND, list items with OR.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Media types, for example `image/png`.
    pub file_types: Vec<String>,
    /// Uploaded at or after.
    pub uploaded_from: Option<OffsetDateTime>,
    /// Uploaded before.
    pub uploaded_before: Option<OffsetDateTime>,
    /// Smallest width in pixels.
    pub min_width: Option<u32>,
    /// Smallest height in pixels.
    pub min_height: Option<u32>,
    /// With (true) or without (false) a generation prompt.
    pub has_generation_prompt: Option<bool>,
    /// With (true) or without (false) a caption.
    pub has_caption: Option<bool>,
    /// Part of the file name, ASCII letters compared without case.
    pub file_name_contains: Option<String>,
}

impl Filter {
    /// Whether every image passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A nearest-neighbour question.
#[derive(Debug, Clone)]
pub struct VectorSearch<'a> {
    /// Whose embeddings are compared.
    pub model_id: ModelId,
    /// The query.
    pub query: &'a UnitVector,
    /// Which images may be found.
    pub filter: &'a Filter,
    /// An image that is left out (the query's own, when searching for more like it).
    pub exclude: Option<ImageId>,
    /// Hits to skip.
    pub offset: usize,
    /// Hits to return.
    pub limit: usize,
}

/// A nearest-neighbour hit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VectorHit {
    /// Found image.
    pub image_id: ImageId,
    /// −1 × inner product: smaller is nearer.
    pub distance: f32,
}

/// A full-text question.
#[derive(Debug, Clone)]
pub struct KeywordSearch<'a> {
    /// Terms and phrases, each required. Never empty.
    pub terms: &'a [String],
    /// Which images may be found.
    pub filter: &'a Filter,
    /// Hits to skip.
    pub offset: usize,
    /// Hits to return.
    pub limit: usize,
}

/// A full-text hit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeywordHit {
    /// Found image.
    pub image_id: ImageId,
    /// Larger is better; comparable within one answer only.
    pub score: f64,
}

/// Why a store could not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such model.
    #[error("no model has the id {0}")]
    UnknownModel(ModelId),
    /// A vector or registration does not fit the model's dimension.
    #[error("model {model_id} has vectors of {expected} components, not {found}")]
    ModelDimension {
        /// The model.
        model_id: ModelId,
        /// Its dimension.
        expected: usize,
        /// The dimension offered.
        found: usize,
    },
    /// The model does not cover all images yet.
    #[error("model {model_id} has embedded {embedded} of {total} images")]
    Coverage {
        /// The model.
        model_id: ModelId,
        /// Images it has embedded.
        embedded: u64,
        /// Images there are.
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
        /// The database's.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// The store is busy or out of reach; the same call may succeed later.
    #[error("the store cannot answer now: {0}")]
    Unavailable(String),
    /// The disk is full.
    #[error("the disk is full: {0}")]
    DiskFull(String),
    /// What is stored is not what was written.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// Anything else; the text is for the log.
    #[error("the store failed: {0}")]
    Internal(String),
}
