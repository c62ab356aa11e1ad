//! Registers one picture: bytes → pixels and facts → embedding → store. All of it, or nothing.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use time::OffsetDateTime;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::blocking::{self, Unfinished};
use crate::models::{ActiveModel, Models, ModelsError};
use mitsuke_clip::{EncodeError, Encoder, PreparedImage, Priority};
use mitsuke_image::{self as image, DecodeLimits, Described, Facts, Generation, ImageError, TextLimits};
use mitsuke_index::UnitVector;
use mitsuke_store::{Image, Inserted, Model, ModelId, NewImage, Sha256, Store, StoreError};

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
    /// The same for searches, whose pictures do not wait behind those of uploads.
    search_decoders: Semaphore,
}

/// A decoded upload, before its embedding is known.
struct Examined {
    facts: Facts,
    described: Described,
    /// One for each encoder asked for, in their order.
    prepared: Vec<PreparedImage>,
}

/// The embeddings of an upload.
struct Embedded {
    vectors: Vec<(ModelId, UnitVector)>,
    /// Maintained models that cannot embed this picture, and why.
    failed: Vec<(ModelId, String)>,
    /// Whether the encoder of another one failed: a backfill has to come back to the picture.
    gap: bool,
}

impl Registrar {
    /// A registrar that decodes at most `decoders` pictures at once, and one more for a search.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, models: Arc<Models>, limits: DecodeLimits, decoders: usize) -> Self {
        Self { store, models, limits, decoders: Semaphore::new(decoders), search_decoders: Semaphore::new(1) }
    }

    /// Registers one picture; durable when it returns.
    ///
    /// # Errors
    /// Nothing is stored on an error, unless the store breaks off between storing the image and reading it back.
    pub async fn register(&self, upload: Upload, priority: Priority) -> Result<Registered, RegisterError> {
        let (sha256, known) = self.look_up(&upload.bytes).await?;
        if let Some(image) = known {
            return Ok(Registered::Known(image));
        }
        let models = self.models.for_uploads().await?;
        let active: Vec<_> = std::iter::once(&models.current).chain(&models.others).collect();
        let encoders = active.iter().map(|a| Arc::clone(&a.encoder)).collect();
        let slot = self.decoder_slot().await?;
        let examined = self.examine(slot, &upload.bytes, encoders).await?;
        let Embedded { vectors, failed, gap } = self.embed_by_all(&active, examined.prepared, priority).await?;
        let described = with_overrides(examined.described, &upload);

        let (store, facts) = (Arc::clone(&self.store), examined.facts);
        let registered = blocking::run(move || {
            let inserted = store.insert_image(&NewImage {
                bytes: &upload.bytes,
                sha256,
                file_name: &upload.file_name,
                file_type: facts.file_type.media_type(),
                width: facts.width,
                height: facts.height,
                upload_date: OffsetDateTime::now_utc(),
                generation_prompt: described.generation_prompt.as_deref(),
                generation: described.generation.as_ref(),
                caption: described.caption.as_deref(),
                embeddings: &vectors,
            })?;
            let (image_id, wrap): (_, fn(Image) -> Registered) = match inserted {
                Inserted::Created(image_id) => (image_id, Registered::Created),
                Inserted::Known(image_id) => (image_id, Registered::Known),
            };
            note_failures(store.as_ref(), &inserted, &failed);
            let image = store.image(image_id)?;
            image.map(wrap).ok_or_else(|| StoreError::Unavailable("the image was deleted at once".to_owned()).into())
        });
        let registered = registered.await?;
        if gap {
            // Not before the image is there to be found.
            self.models.note_gap();
        }
        registered
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
    ) -> Result<UnitVector, RegisterError> {
        // Whichever place is free first: a search may use those of uploads as well.
        let slot = tokio::select! {
            biased;
            slot = self.search_decoders.acquire() => slot.map_err(|_| Unfinished)?,
            slot = self.decoders.acquire() => slot.map_err(|_| Unfinished)?,
        };
        let examined = self.examine(slot, &bytes, vec![Arc::clone(&active.encoder)]).await?;
        let prepared = examined.prepared.into_iter().next().ok_or(Unfinished)?;
        Ok(active.encoder.encode_image(prepared, priority).await?)
    }

    /// Embeds by all models at once. The first is the current one: without its embedding nothing is stored. Another
    /// one that fails does not keep the picture out; the image then lacks its embedding. When the picture itself is to
    /// blame, that is recorded; when the encoder is (it fails, its queue is full, it closes), a backfill comes back.
    async fn embed_by_all(
        &self,
        active: &[&ActiveModel],
        prepared: Vec<PreparedImage>,
        priority: Priority,
    ) -> Result<Embedded, RegisterError> {
        let encoding = active.iter().zip(prepared).map(|(a, image)| a.encoder.encode_image(image, priority));
        let outcomes = join_all(encoding).await;
        let mut embedded = Embedded { vectors: Vec::with_capacity(active.len()), failed: Vec::new(), gap: false };
        for (active, outcome) in active.iter().zip(outcomes) {
            let Model { model_id, is_current, .. } = active.model;
            match outcome {
                Ok(vector) => embedded.vectors.push((model_id, vector)),
                Err(error) if is_current => return Err(error.into()),
                Err(error @ EncodeError::NoVector) => embedded.failed.push((model_id, error.to_string())),
                Err(error) => {
                    log::warn!("a new image waits for its embedding of model {model_id}: {error}");
                    embedded.gap = true;
                }
            }
        }
        Ok(embedded)
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

    /// Decodes and prepares for encoders, in a place among those who decode.
    async fn examine(
        &self,
        _place: SemaphorePermit<'_>,
        bytes: &Bytes,
        encoders: Vec<Arc<Encoder>>,
    ) -> Result<Examined, RegisterError> {
        let (bytes, limits) = (Bytes::clone(bytes), self.limits);
        blocking::run(move || {
            let decoded = image::decode(&bytes, &limits)?;
            let chunks = image::text_chunks(&bytes, decoded.facts.file_type, &TextLimits::default());
            Ok(Examined {
                described: image::describe(&chunks),
                prepared: encoders.iter().map(|encoder| encoder.preprocess(&decoded.pixels)).collect(),
                facts: decoded.facts,
            })
        })
        .await?
    }
}

/// Records which models cannot embed a new image. The image is stored already: should this fail too, a backfill meets
/// the image again and records the same.
fn note_failures(store: &dyn Store, inserted: &Inserted, failed: &[(ModelId, String)]) {
    let Inserted::Created(image_id) = *inserted else { return };
    for (model_id, reason) in failed {
        log::warn!("image {image_id} gets no embedding of model {model_id}: {reason}");
        if let Err(error) = store.put_embedding_failure(*model_id, image_id, reason) {
            log::warn!("the failure of model {model_id} on image {image_id} is not recorded: {error}");
        }
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
