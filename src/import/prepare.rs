//! Reads a picture, and makes of it everything that is stored.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use mitsuke_client::upload::prepare::Picture;
use mitsuke_clip::{EncodeError, Priority};
use mitsuke_engine::blocking;
use mitsuke_engine::intake::{Decoder, Intake, IntakeError, Prepared, Upload};
use mitsuke_image::{decode_text, sniff};
use mitsuke_store::{Model, ModelId, Origin, Sha256};

use super::error::ImportError;
use super::facts::put_over;
use super::files;
use super::lines::{ExportedModel, ImageLine};
use super::report::LeftOut;

/// The reason why there is nothing to store.
#[derive(Debug)]
pub enum NotPrepared {
    /// This picture is left out.
    LeftOut(LeftOut),
    /// No other picture could be prepared either.
    Fatal(ImportError),
}

impl From<LeftOut> for NotPrepared {
    fn from(reason: LeftOut) -> Self {
        Self::LeftOut(reason)
    }
}

impl From<blocking::Unfinished> for NotPrepared {
    fn from(error: blocking::Unfinished) -> Self {
        Self::Fatal(error.into())
    }
}

impl From<IntakeError> for NotPrepared {
    fn from(error: IntakeError) -> Self {
        match &error {
            IntakeError::Image(_) => LeftOut::new("image_unreadable", &error.to_string()).into(),
            IntakeError::Encode(EncodeError::NoVector) => LeftOut::new("no_embedding", &error.to_string()).into(),
            _ => Self::Fatal(error.into()),
        }
    }
}

/// Reads pictures.
pub struct Reader {
    /// The intake that embeds; `None` when no model can be used here.
    pub intake: Option<Arc<Intake>>,
    /// The decoder, for texts that a generator has hidden in pixels.
    pub decoder: Arc<Decoder>,
    /// The largest size of a picture in bytes.
    pub max_bytes: usize,
    /// The largest number of characters of a text of a file.
    pub max_chars: usize,
    /// The current model of the store. No image is stored without an embedding of it.
    pub current: Option<ModelId>,
    /// The models of the store that new images get embeddings of.
    pub wanted: Vec<ModelId>,
}

impl Reader {
    /// Prepares a picture of a plain folder.
    pub async fn file(&self, picture: &Picture, sha256: Sha256) -> Result<Prepared, NotPrepared> {
        let bytes = self.read(&picture.file.path, sha256).await?;
        let name = picture.file.path.file_name().unwrap_or_default();
        let upload = Upload {
            bytes,
            sha256,
            file_name: decode_text(name.as_encoded_bytes()),
            caption: picture.caption.clone(),
            generation_prompt: None,
            tags: Vec::new(),
            source_path: picture.file.source_path.clone(),
        };
        self.embed(upload).await
    }

    /// Prepares a picture of an export, whose models are `exported` and have the rows `models`.
    pub async fn line(
        &self,
        folder: &Path,
        line: Box<ImageLine>,
        sha256: Sha256,
        exported: &[ExportedModel],
        models: &[Option<Model>],
    ) -> Result<Prepared, NotPrepared> {
        let mut embeddings: Vec<(ModelId, _)> = Vec::with_capacity(line.embeddings.len());
        for embedding in &line.embeddings {
            if let (Some(exported), Some(Some(model))) = (exported.get(embedding.model), models.get(embedding.model)) {
                let vector = embedding.vector(exported.vector_dimension);
                let vector = vector.map_err(|reason| LeftOut::new("line_unreadable", &reason))?;
                if embeddings.iter().all(|(known, _)| *known != model.model_id) {
                    embeddings.push((model.model_id, vector));
                }
            }
        }
        let path = files::locate(folder, line.file.as_deref().unwrap_or_default())?;
        let bytes = self.read(&path, sha256).await?;
        let file_type = match sniff(&bytes) {
            Ok(file_type) => file_type.media_type(),
            Err(error) => return Err(LeftOut::new("image_unreadable", &error.to_string()).into()),
        };
        if file_type != line.file_type {
            let reason = format!("it is {file_type}, and the export says {}", line.file_type);
            return Err(LeftOut::new("line_unreadable", &reason).into());
        }
        let is_embedded = |model_id: &ModelId| embeddings.iter().any(|(known, _)| known == model_id);
        let has_all = self.wanted.iter().all(is_embedded);
        let has_current = self.current.as_ref().is_some_and(is_embedded);
        let prepared = if has_current && (has_all || self.intake.is_none()) {
            let prepared = self.texts(bytes, sha256, file_type).await?;
            Prepared { needs_backfill: !has_all, ..prepared }
        } else {
            let upload = Upload {
                bytes,
                sha256,
                file_name: String::new(),
                caption: None,
                generation_prompt: None,
                tags: Vec::new(),
                source_path: None,
            };
            self.embed(upload).await?
        };
        Ok(put_over(prepared, *line, embeddings))
    }

    /// Returns the bytes of a file that has to have this hash.
    ///
    /// # Errors
    /// When the file cannot be read or has another hash.
    pub async fn read(&self, path: &Path, sha256: Sha256) -> Result<Bytes, NotPrepared> {
        let (path, max_bytes) = (path.to_owned(), self.max_bytes);
        Ok(blocking::run(move || files::read_verified(&path, &sha256, max_bytes)).await??)
    }

    /// Decodes a picture and embeds it by every maintained model.
    async fn embed(&self, upload: Upload) -> Result<Prepared, NotPrepared> {
        let Some(intake) = &self.intake else {
            let reason = "it has no embedding of the current model, and no model of MITSUKE_MODELS_DIR can make one";
            return Err(LeftOut::new("no_embedding", reason).into());
        };
        Ok(intake.prepare(upload, Priority::Backfill).await?)
    }

    /// Reads the texts of a picture that is embedded already.
    async fn texts(&self, bytes: Bytes, sha256: Sha256, file_type: &'static str) -> Result<Prepared, NotPrepared> {
        let slot = self.decoder.slot(Priority::Backfill).await?;
        let described = match slot.read_texts(Bytes::clone(&bytes), self.max_chars).await? {
            Ok(texts) => texts.described,
            Err(error) => return Err(LeftOut::new("image_unreadable", &error.to_string()).into()),
        };
        Ok(Prepared {
            bytes,
            sha256,
            file_name: String::new(),
            file_type,
            width: 0,
            height: 0,
            upload_date: time::OffsetDateTime::UNIX_EPOCH,
            generation_prompt: described.generation_prompt,
            generation: described.generation,
            generation_prompt_origin: Origin::Found,
            caption: described.caption,
            caption_origin: Origin::Found,
            tags: described.tags,
            added_tags: Vec::new(),
            listed_tags: None,
            taken: described.taken,
            taken_origin: Origin::Found,
            camera: described.camera,
            source_path: None,
            embeddings: Vec::new(),
            failed: Vec::new(),
            needs_backfill: false,
            thumbnail: None,
        })
    }
}
