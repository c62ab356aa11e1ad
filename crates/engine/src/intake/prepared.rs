//! A picture with everything that is stored of it.

use bytes::Bytes;
use mitsuke_image::{Generation, READER_VERSION};
use mitsuke_index::UnitVector;
use mitsuke_store::{EmbeddingStore, ImageId, ModelId, NewImage, Origin, Sha256, TakenAt};
use time::OffsetDateTime;

/// A picture that has been read, decoded and embedded, and is still to be stored. The fields are those of [`NewImage`].
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The file's bytes.
    pub bytes: Bytes,
    /// The hash of `bytes`.
    pub sha256: Sha256,
    /// The name of the file.
    pub file_name: String,
    /// The media type found in the bytes.
    pub file_type: &'static str,
    /// The width in pixels, after the orientation is applied.
    pub width: u32,
    /// The height in pixels, after the orientation is applied.
    pub height: u32,
    /// The time at which the picture was received.
    pub upload_date: OffsetDateTime,
    /// The raw text of the generation prompt.
    pub generation_prompt: Option<String>,
    /// The readable parts of the generation prompt.
    pub generation: Option<Generation>,
    /// The source of the generation prompt, or of its absence.
    pub generation_prompt_origin: Origin,
    /// The caption.
    pub caption: Option<String>,
    /// The source of the caption, or of its absence.
    pub caption_origin: Origin,
    /// The tags found in the file.
    pub tags: Vec<String>,
    /// The tags that the caller adds.
    pub added_tags: Vec<String>,
    /// The whole list of tags, in place of both others.
    pub listed_tags: Option<Vec<String>>,
    /// The time at which the picture was taken.
    pub taken: Option<TakenAt>,
    /// The source of that time, or of its absence.
    pub taken_origin: Origin,
    /// The name of the camera.
    pub camera: Option<String>,
    /// The path of the file in the folder that the caller uploads.
    pub source_path: Option<String>,
    /// The embeddings.
    pub embeddings: Vec<(ModelId, UnitVector)>,
    /// Maintained models that cannot embed this picture, with the reasons.
    pub failed: Vec<(ModelId, String)>,
    /// Whether the encoder of a maintained model failed, so that a backfill has to embed the picture later.
    pub needs_backfill: bool,
    /// The thumbnail that is kept; `None` when none was made.
    pub thumbnail: Option<Vec<u8>>,
}

impl Prepared {
    /// Returns the picture as a store takes it.
    #[must_use]
    pub fn as_new(&self) -> NewImage<'_> {
        NewImage {
            bytes: &self.bytes,
            sha256: self.sha256,
            file_name: &self.file_name,
            file_type: self.file_type,
            width: self.width,
            height: self.height,
            upload_date: self.upload_date,
            generation_prompt: self.generation_prompt.as_deref(),
            generation: self.generation.as_ref(),
            generation_prompt_origin: self.generation_prompt_origin,
            caption: self.caption.as_deref(),
            caption_origin: self.caption_origin,
            tags: &self.tags,
            added_tags: &self.added_tags,
            listed_tags: self.listed_tags.as_deref(),
            taken: self.taken,
            taken_origin: self.taken_origin,
            camera: self.camera.as_deref(),
            source_path: self.source_path.as_deref(),
            reader_version: READER_VERSION,
            embeddings: &self.embeddings,
            linked: None,
        }
    }

    /// Records the models that cannot embed the picture, which is stored as the image already. When a record fails as well,
    /// a backfill finds the image again and records the same.
    pub fn record_failures<S: EmbeddingStore + ?Sized>(&self, store: &S, image_id: ImageId) {
        for (model_id, reason) in &self.failed {
            log::warn!("image {image_id} gets no embedding of model {model_id}: {reason}");
            if let Err(error) = store.put_embedding_failure(*model_id, image_id, reason) {
                log::warn!("the failure of model {model_id} on image {image_id} is not recorded: {error}");
            }
        }
    }
}
