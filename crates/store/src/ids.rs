//! The ids of images and models.

/// The id of an image. The id of a deleted image is never used again.
pub type ImageId = i64;

/// The id of a row of EMBEDDING_MODELS.
pub type ModelId = i64;
