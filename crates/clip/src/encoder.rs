//! A loaded model: text and pictures in, unit vectors out.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use image::RgbImage;

use super::device::{Device, DeviceChoice};
use super::error::{ClipError, EncodeError};
use super::manifest::{Manifest, Precision};
use super::precision::PrecisionChoice;
use super::preprocess::{PreparedImage, Preprocessor};
use super::queue::{EncoderQueue, Priority, QueueOptions, QueueStats};
use super::reference;
use super::tokenizer::TextTokenizer;
use super::towers::{ImageEncoder, TextEncoder, TorchThreads};
use mitsuke_index::UnitVector;

/// Most pictures in a batch on a CPU. A picture keeps a core busy by itself: larger batches gain nothing (and lose
/// once their activations outgrow the caches), but a search that arrives meanwhile waits for all of one.
const CPU_IMAGE_BATCH: usize = 2;

/// How encoders work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderOptions {
    /// Where they run.
    pub device: DeviceChoice,
    /// Which of a model's number formats they compute in.
    pub precision: PrecisionChoice,
    /// Most items encoded together; at least 1. Pictures on a CPU are encoded at most two at once, see
    /// `CPU_IMAGE_BATCH`.
    pub max_batch: usize,
    /// How long an item may wait, while the encoder is idle, for others to share its batch. Zero is right for
    /// CPUs: what arrives while a batch is encoded makes the next one without waiting.
    pub max_wait: Duration,
    /// Items that may wait for one tower, over all priorities; at least 1.
    pub queue_capacity: usize,
    /// Threads inside one tensor operation; at least 1. Torch keeps one number for the whole process: with
    /// several encoders the last one loaded decides.
    pub torch_threads: usize,
}

impl Default for EncoderOptions {
    fn default() -> Self {
        Self {
            device: DeviceChoice::Auto,
            precision: PrecisionChoice::Auto,
            max_batch: 8,
            max_wait: Duration::ZERO,
            queue_capacity: 512,
            torch_threads: 1,
        }
    }
}

/// A model that is loaded, proven and warm. Several may live side by side.
pub struct Encoder {
    manifest: Manifest,
    device: Device,
    precision: (Precision, Precision),
    agreement: (f32, f32),
    preprocessor: Arc<Preprocessor>,
    tokenizer: Arc<TextTokenizer>,
    images: EncoderQueue<ImageEncoder>,
    texts: EncoderQueue<TextEncoder>,
}

impl Encoder {
    /// Loads the model folder `folder`: reads the manifest, checks all SHA-256, loads both towers, reproduces
    /// the reference vectors, runs the usual batch shapes once so that no request is the first, and starts one
    /// queue per tower. Blocks, for seconds with a large model.
    ///
    /// # Errors
    /// When the folder is not what its manifest says; see [`ClipError`].
    pub fn load(folder: &Path, options: &EncoderOptions) -> Result<Self, ClipError> {
        let begin = Instant::now();
        let manifest = Manifest::read(folder)?;
        let device = Device::choose(options.device)?;
        let Manifest { image, text, .. } = &manifest;
        let image = options.precision.pick(device, (&image.file, image.stored_precision), image.bf16.as_ref());
        let text = options.precision.pick(device, (&text.file, text.stored_precision), text.bf16.as_ref());
        manifest.verify_used(folder, [image.0, text.0])?;
        let threads = TorchThreads(options.torch_threads);
        threads.apply();
        let mut images = ImageEncoder::load(folder, &manifest, image, device, threads)?;
        let mut texts = TextEncoder::load(folder, &manifest, text, device, threads)?;
        let text_agreement = reference::check_texts(&manifest, &mut texts)?;
        let image_agreement = reference::check_images(folder, &manifest, &mut images)?;
        let image_batch = match device {
            Device::Cpu => options.max_batch.min(CPU_IMAGE_BATCH),
            Device::Cuda => options.max_batch,
        };
        reference::warm_up_texts(&manifest, &mut texts, options.max_batch)?;
        reference::warm_up_images(&mut images, image_batch)?;

        let queue =
            |max_batch| QueueOptions { capacity: options.queue_capacity, max_batch, max_wait: options.max_wait };
        let encoder = Self {
            device,
            precision: (images.precision(), texts.precision()),
            agreement: (image_agreement, text_agreement),
            preprocessor: images.preprocessor(),
            tokenizer: texts.tokenizer(),
            images: EncoderQueue::start("image-encoder", images, queue(image_batch)).map_err(ClipError::Thread)?,
            texts: EncoderQueue::start("text-encoder", texts, queue(options.max_batch)).map_err(ClipError::Thread)?,
            manifest,
        };
        let Manifest { model_name, model_version, vector_dimension, .. } = &encoder.manifest;
        let took = begin.elapsed();
        log::info!("loaded {model_name} {model_version} ({vector_dimension} dimensions) in {took:.1?}");
        Ok(encoder)
    }

    /// The unit vector of a text. It is cleaned and tokenized at once on the calling task (some ten
    /// microseconds for a query) and cut to the model's context, then waits its turn.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub async fn encode_text(&self, text: &str, priority: Priority) -> Result<UnitVector, EncodeError> {
        let ids = self.tokenizer.encode(text)?;
        self.texts.encode(ids, priority).await
    }

    /// Scales and crops a picture for this model. Work for a CPU thread of the caller: milliseconds.
    #[must_use]
    pub fn preprocess(&self, picture: &RgbImage) -> PreparedImage {
        self.preprocessor.prepare(picture)
    }

    /// The unit vector of a picture that [`Self::preprocess`] of the same model has prepared.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub async fn encode_image(&self, image: PreparedImage, priority: Priority) -> Result<UnitVector, EncodeError> {
        if !self.preprocessor.fits(&image) {
            return Err(EncodeError::Failed(format!("{image:?} was prepared for another model")));
        }
        self.images.encode(image, priority).await
    }

    /// The token ids of a text, as the text tower gets them before padding.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn token_ids(&self, text: &str) -> Result<Vec<i64>, EncodeError> {
        Ok(self.tokenizer.encode(text)?.as_slice().to_vec())
    }

    /// The float32 `[3, height, width]` tensor of a prepared image, as the image tower gets it.
    #[must_use]
    pub fn tensor(&self, image: &PreparedImage) -> Vec<f32> {
        let mut tensor = Vec::new();
        self.preprocessor.append_tensor(image, &mut tensor);
        tensor
    }

    /// What the model folder says about itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where it runs.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// What the image tower and the text tower compute in.
    #[must_use]
    pub fn precision(&self) -> (Precision, Precision) {
        self.precision
    }

    /// The lowest cosine with the reference vectors, found when it was loaded: of pictures, and of texts.
    #[must_use]
    pub fn agreement(&self) -> (f32, f32) {
        self.agreement
    }

    /// The image tower's queue.
    #[must_use]
    pub fn image_stats(&self) -> QueueStats {
        self.images.stats()
    }

    /// The text tower's queue.
    #[must_use]
    pub fn text_stats(&self) -> QueueStats {
        self.texts.stats()
    }

    /// Takes no more work, answers what waits with [`EncodeError::Closed`], and ends both threads. Blocks until they
    /// have. Dropping an encoder closes it too.
    pub fn close(&self) {
        self.texts.close();
        self.images.close();
    }
}

#[cfg(test)]
#[path = "encoder_tests.rs"]
mod tests;
