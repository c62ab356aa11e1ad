//! Registers one picture: bytes → pixels and facts → embedding → store. All of it, or nothing.

use std::sync::Arc;

use bytes::Bytes;
use time::OffsetDateTime;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::blocking::{self, Unfinished};
use crate::clip::{EncodeError, PreparedImage, Priority};
use crate::image::{self, DecodeLimits, Described, Facts, Generation, ImageError, TextLimits};
use crate::models::{ActiveModel, Models, ModelsError};
use crate::store::{Image, Inserted, NewImage, Sha256, Store, StoreError};

/// A picture as it arrives.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The file's bytes.
    pub bytes: Bytes,
    /// The caller's name for it; data only.
    pub file_name: String,
    /// Overrides the caption found in the file.
    pub caption: Option<String>,
    /// Overrides the generation prompt found in the file.
    pub generation_prompt: Option<String>,
}

/// What became of an upload.
#[derive(Debug, Clone)]
pub enum Registered {
    /// A new image.
    Created(Image),
    /// The same bytes were there already.
    Known(Image),
}

/// Why nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The picture cannot be taken.
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
    /// A blocking step broke off.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

/// Registers pictures.
pub struct Registrar {
    store: Arc<dyn Store>,
    models: Arc<Models>,
    limits: DecodeLimits,
    /// Decoding is the step that needs memory (three bytes a pixel), so only so many run at once.
    decoders: Semaphore,
}

/// A decoded upload, before its embedding is known.
struct Examined {
    facts: Facts,
    described: Described,
    prepared: PreparedImage,
}

impl Registrar {
    /// A registrar that decodes at most `decoders` pictures at once.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, models: Arc<Models>, limits: DecodeLimits, decoders: usize) -> Self {
        Self { store, models, limits, decoders: Semaphore::new(decoders) }
    }

    /// Registers one picture; durable when it returns.
    ///
    /// # Errors
    /// Nothing is stored on any error.
    pub async fn register(&self, upload: Upload, priority: Priority) -> Result<Registered, RegisterError> {
        let (sha256, known) = self.look_up(&upload.bytes).await?;
        if let Some(image) = known {
            return Ok(Registered::Known(image));
        }
        let active = self.current_model().await?;
        let examined = self.examine(&upload, &active).await?;
        let vector = active.encoder.encode_image(examined.prepared, priority).await?;
        let described = with_overrides(examined.described, &upload);

        let (store, facts, model_id) = (Arc::clone(&self.store), examined.facts, active.model.model_id);
        blocking::run(move || {
            let generation = described.generation.as_ref().and_then(|g| serde_json::to_string(g).ok());
            let inserted = store.insert_image(&NewImage {
                bytes: &upload.bytes,
                sha256,
                file_name: &upload.file_name,
                file_type: facts.file_type.media_type(),
                width: facts.width,
                height: facts.height,
                upload_date: OffsetDateTime::now_utc(),
                generation_prompt: described.generation_prompt.as_deref(),
                generation: generation.as_deref(),
                caption: described.caption.as_deref(),
                embeddings: &[(model_id, vector)],
            })?;
            let (image_id, wrap): (_, fn(Image) -> Registered) = match inserted {
                Inserted::Created(image_id) => (image_id, Registered::Created),
                Inserted::Known(image_id) => (image_id, Registered::Known),
            };
            let image = store.image(image_id)?;
            image.map(wrap).ok_or_else(|| StoreError::Unavailable("the image was deleted at once".to_owned()).into())
        })
        .await?
    }

    /// The embedding of a picture that is not stored, for a search by image.
    ///
    /// # Errors
    /// When it cannot be decoded or encoded.
    pub async fn embed(
        &self,
        bytes: Bytes,
        active: &ActiveModel,
        priority: Priority,
    ) -> Result<crate::vector::UnitVector, RegisterError> {
        let upload = Upload { bytes, file_name: String::new(), caption: None, generation_prompt: None };
        let examined = self.examine(&upload, active).await?;
        Ok(active.encoder.encode_image(examined.prepared, priority).await?)
    }

    /// What a picture may cost.
    #[must_use]
    pub fn limits(&self) -> &DecodeLimits {
        &self.limits
    }

    /// Waits for a place among those who decode.
    ///
    /// # Errors
    /// Only when the process is ending.
    pub async fn decoder_slot(&self) -> Result<SemaphorePermit<'_>, Unfinished> {
        self.decoders.acquire().await.map_err(|_| Unfinished)
    }

    async fn look_up(&self, bytes: &Bytes) -> Result<(Sha256, Option<Image>), RegisterError> {
        let (store, bytes) = (Arc::clone(&self.store), Bytes::clone(bytes));
        blocking::run(move || {
            let sha256 = Sha256::of(&bytes);
            Ok((sha256, store.image_by_sha256(&sha256)?))
        })
        .await?
    }

    async fn current_model(&self) -> Result<ActiveModel, RegisterError> {
        let models = Arc::clone(&self.models);
        Ok(blocking::run(move || models.current()).await??)
    }

    async fn examine(&self, upload: &Upload, active: &ActiveModel) -> Result<Examined, RegisterError> {
        let _slot = self.decoder_slot().await?;
        let (bytes, limits, encoder) = (Bytes::clone(&upload.bytes), self.limits, Arc::clone(&active.encoder));
        blocking::run(move || {
            let decoded = image::decode(&bytes, &limits)?;
            let chunks = image::text_chunks(&bytes, decoded.facts.file_type, &TextLimits::default());
            Ok(Examined {
                described: image::describe(&chunks),
                prepared: encoder.preprocess(&decoded.pixels),
                facts: decoded.facts,
            })
        })
        .await?
    }
}

/// What the caller says goes before what the file says.
fn with_overrides(mut described: Described, upload: &Upload) -> Described {
    if let Some(caption) = &upload.caption {
        described.caption = Some(caption.clone());
    }
    if let Some(prompt) = &upload.generation_prompt {
        described.generation = parse_generation(prompt);
        described.generation_prompt = Some(prompt.clone());
    }
    described
}

/// The readable parts of a raw generation prompt, where it can be understood.
#[must_use]
pub fn parse_generation(prompt: &str) -> Option<Generation> {
    image::parse_generation_prompt(prompt)
}
