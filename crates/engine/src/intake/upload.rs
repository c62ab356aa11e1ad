//! Registers uploads: bytes → pixels and facts → embeddings → store, all of it or nothing.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use mitsuke_clip::{EncodeError, PreparedImage, Priority};
use mitsuke_image::{self as image, Described, Facts};
use mitsuke_index::UnitVector;
use mitsuke_store::{Image, Inserted, Model, ModelId, Origin, Sha256, Store, StoreError};
use time::OffsetDateTime;

use super::decoder::Decoder;
use super::enough::enough;
use super::error::IntakeError;
use super::prepared::Prepared;
use super::thumbnail::KEPT_SIZE;
use crate::blocking;
use crate::models::{ActiveModel, Models};

/// A picture as it arrives.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The file's bytes.
    pub bytes: Bytes,
    /// The hash of `bytes`, which the receiver computes while they arrive.
    pub sha256: Sha256,
    /// The name that the caller gave; never used as a path.
    pub file_name: String,
    /// A caption in place of the one found in the file.
    pub caption: Option<String>,
    /// A generation prompt in place of the one found in the file.
    pub generation_prompt: Option<String>,
    /// Tags in addition to those found in the file.
    pub tags: Vec<String>,
    /// The path of the file in the folder that the caller uploads; never used as a path.
    pub source_path: Option<String>,
}

/// The outcome of an upload.
#[derive(Debug, Clone)]
pub enum Registered {
    /// A new image.
    Created(Image),
    /// The image that has the same bytes and was stored before.
    Known(Image),
}

/// The intake of pictures: uploads, pictures to search by, and thumbnails.
pub struct Intake {
    pub(super) store: Arc<dyn Store>,
    pub(super) decoder: Arc<Decoder>,
    models: Arc<Models>,
    /// The largest number of characters of a generation prompt that is taken from a file.
    max_text_chars: usize,
}

/// A decoded upload, before its embeddings are known.
struct DecodedUpload {
    facts: Facts,
    described: Described,
    /// One prepared image for each encoder, in the order of the encoders.
    prepared: Vec<PreparedImage>,
    /// The thumbnail that is kept; `None` when it could not be encoded, which keeps no picture out.
    thumbnail: Option<Vec<u8>>,
}

/// The embeddings of an upload.
struct Embedded {
    vectors: Vec<(ModelId, UnitVector)>,
    /// Maintained models that cannot embed this picture, with the reasons.
    failed: Vec<(ModelId, String)>,
    /// Whether the encoder of a maintained model failed, so that a backfill has to embed the picture later.
    needs_backfill: bool,
}

impl Intake {
    /// Makes an intake into `store` that embeds with `models` and decodes with the slots of `decoder`. It keeps at most
    /// `max_text_chars` characters of the generation prompt in a file.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, models: Arc<Models>, decoder: Arc<Decoder>, max_text_chars: usize) -> Self {
        Self { store, decoder, models, max_text_chars }
    }

    /// Registers one picture. The image is durable when this method returns.
    ///
    /// # Errors
    /// See [`IntakeError`]. Nothing is stored on an error, unless the store breaks off between storing the image and
    /// reading it back.
    pub async fn register(&self, upload: Upload) -> Result<Registered, IntakeError> {
        let sha256 = upload.sha256;
        if let Some(image) = self.look_up(sha256, &upload.bytes).await? {
            return Ok(Registered::Known(image));
        }
        let mut prepared = self.prepare(upload, Priority::Upload).await?;
        let (needs_backfill, thumbnail) = (prepared.needs_backfill, prepared.thumbnail.take());
        let store = Arc::clone(&self.store);
        let registered = blocking::run(move || {
            let (image_id, wrap): (_, fn(Image) -> Registered) = match store.insert_image(&prepared.as_new())? {
                Inserted::Created(image_id) => {
                    prepared.record_failures(store.as_ref(), image_id);
                    (image_id, Registered::Created)
                }
                Inserted::Known(image_id) => (image_id, Registered::Known),
            };
            let image = store.image(image_id)?;
            image.map(wrap).ok_or_else(|| StoreError::Unavailable("the image was deleted at once".to_owned()).into())
        });
        let registered = registered.await?;
        if let (Ok(Registered::Created(image)), Some(thumbnail)) = (&registered, thumbnail) {
            self.keep_thumbnail(image.image_id, thumbnail.into());
        }
        if needs_backfill {
            // The request comes after the insert, because a check before it would not find the image.
            self.models.request_backfill_check();
        }
        registered
    }

    /// Decodes a picture, reads the texts in its file, and embeds it by every maintained model. Nothing is stored.
    ///
    /// # Errors
    /// See [`IntakeError`].
    pub async fn prepare(&self, upload: Upload, priority: Priority) -> Result<Prepared, IntakeError> {
        let models = self.models.for_uploads().await?;
        let active: Vec<_> = std::iter::once(&models.current).chain(&models.others).collect();
        let DecodedUpload { facts, described, prepared, thumbnail } =
            self.decode(&upload.bytes, &active, priority).await?;
        let Embedded { vectors, failed, needs_backfill } = embed_by_all(&active, prepared, priority).await?;
        let described = with_overrides(described, &upload);
        Ok(Prepared {
            bytes: upload.bytes,
            sha256: upload.sha256,
            file_name: upload.file_name,
            file_type: facts.file_type.media_type(),
            width: facts.width,
            height: facts.height,
            upload_date: OffsetDateTime::now_utc(),
            generation_prompt: described.generation_prompt,
            generation: described.generation,
            generation_prompt_origin: origin(upload.generation_prompt.is_some()),
            caption: described.caption,
            caption_origin: origin(upload.caption.is_some()),
            tags: described.tags,
            added_tags: upload.tags,
            listed_tags: None,
            taken: described.taken,
            taken_origin: Origin::Found,
            camera: described.camera,
            source_path: upload.source_path,
            embeddings: vectors,
            failed,
            needs_backfill,
            thumbnail,
        })
    }

    /// Finds the image that has this hash, and writes its original anew if that is known to be damaged.
    async fn look_up(&self, sha256: Sha256, bytes: &Bytes) -> Result<Option<Image>, IntakeError> {
        let (store, bytes) = (Arc::clone(&self.store), Bytes::clone(bytes));
        let found = blocking::run(move || {
            let Some(image) = store.image_by_sha256(&sha256)? else { return Ok(None) };
            let damaged = store.damaged_images(Some(image.image_id - 1), 1)?;
            if damaged.first().is_some_and(|damaged| damaged.image_id == image.image_id) {
                store.repair_content(image.image_id, &bytes)?;
            }
            Ok::<_, StoreError>(Some(image))
        });
        Ok(found.await??)
    }

    /// Decodes an upload, reads the texts in the file, prepares the pixels for every model and makes the thumbnail.
    async fn decode(
        &self,
        bytes: &Bytes,
        active: &[&ActiveModel],
        priority: Priority,
    ) -> Result<DecodedUpload, IntakeError> {
        let encoders: Vec<_> = active.iter().map(|active| Arc::clone(&active.encoder)).collect();
        let slot = self.decoder.slot(priority).await?;
        let max_chars = self.max_text_chars;
        let enough = enough(encoders.iter().map(|encoder| &**encoder));
        let decoded = slot.decode_with_texts(Bytes::clone(bytes), enough, move |decoded, texts| DecodedUpload {
            described: image::describe(&texts, max_chars),
            prepared: encoders.iter().map(|encoder| encoder.preprocess_decoded(&decoded)).collect(),
            thumbnail: image::thumbnail(&decoded.pixels, KEPT_SIZE).ok(),
            facts: decoded.facts,
        });
        Ok(decoded.await??)
    }
}

/// Embeds by all models at once. Without the embedding of the current model nothing is stored. Another model that fails
/// does not keep the picture out; the image then lacks its embedding. A failure that is due to the picture is recorded;
/// after a failure of the encoder (it fails, its queue is full, it closes) a backfill embeds the picture later.
async fn embed_by_all(
    active: &[&ActiveModel],
    prepared: Vec<PreparedImage>,
    priority: Priority,
) -> Result<Embedded, IntakeError> {
    let encoding = active.iter().zip(prepared).map(|(a, image)| a.encoder.encode_image(image, priority));
    let outcomes = join_all(encoding).await;
    let mut embedded =
        Embedded { vectors: Vec::with_capacity(active.len()), failed: Vec::new(), needs_backfill: false };
    for (active, outcome) in active.iter().zip(outcomes) {
        let Model { model_id, is_current, .. } = active.model;
        match outcome {
            Ok(vector) => embedded.vectors.push((model_id, vector)),
            Err(error) if is_current => return Err(error.into()),
            Err(error @ EncodeError::NoVector) => embedded.failed.push((model_id, error.to_string())),
            Err(error) => {
                log::warn!("a new image waits for its embedding of model {model_id}: {error}");
                embedded.needs_backfill = true;
            }
        }
    }
    Ok(embedded)
}

/// Returns the origin of a text that a caller may have given.
fn origin(given: bool) -> Origin {
    if given { Origin::Set } else { Origin::Found }
}

/// Replaces the texts found in the file by the texts that the caller gave.
fn with_overrides(mut described: Described, upload: &Upload) -> Described {
    if let Some(caption) = &upload.caption {
        described.caption = Some(caption.clone());
    }
    if let Some(prompt) = &upload.generation_prompt {
        described.generation = image::parse_generation_prompt(prompt);
        described.generation_prompt = Some(prompt.clone());
    }
    described
}
