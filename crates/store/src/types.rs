//! What goes into a store and comes out of it.

use std::fmt;

use time::OffsetDateTime;

use mitsuke_index::UnitVector;

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
        if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
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

/// A row of EMBEDDING_MODELS. Its [`Coverage`] is asked for on its own: counting may cost a scan.
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
    /// Whether new images get an embedding of it too, and a backfill may fill what is missing. The current model
    /// always is.
    pub maintained: bool,
}

/// How much of the store a model has embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// Images that have an embedding of the model.
    pub embedded: u64,
    /// Images whose embedding failed, as recorded; not part of `embedded`.
    pub failed: u64,
    /// Images in the store.
    pub total: u64,
}

impl Coverage {
    /// Images that have neither an embedding nor a recorded failure: what a backfill has still to do.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.total.saturating_sub(self.embedded).saturating_sub(self.failed)
    }

    /// Whether a search by the model reaches every image.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.embedded == self.total
    }
}

/// An image that a model could not embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingFailure {
    /// The image.
    pub image_id: ImageId,
    /// Why, in words for the operator.
    pub reason: String,
    /// When it was recorded, to the microsecond.
    pub failed_at: OffsetDateTime,
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
