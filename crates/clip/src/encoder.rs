//! A loaded model, which turns texts and pictures into unit vectors.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use image::RgbImage;

use super::device::{Device, DeviceChoice};
use super::error::{ClipError, EncodeError};
use super::manifest::Manifest;
use super::precision::Precision;
use super::preprocess::{PreparedImage, Preprocessor};
use super::queue::{EncoderQueue, Priority, QueueOptions, QueueStats};
use super::reference;
use super::tokenizer::TextTokenizer;
use super::towers::{ImageEncoder, TextEncoder, TorchThreads};
use super::variant_choice::PrecisionChoice;
use mitsuke_index::UnitVector;

/// The largest number of pictures in a batch on a CPU. One picture keeps a core busy, so a larger batch gains nothing.
/// A batch whose activations outgrow the caches is slower, and a search that arrives meanwhile waits for the whole
/// batch.
const CPU_IMAGE_BATCH: usize = 2;

/// The settings of encoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderOptions {
    /// The device that encoders run on.
    pub device: DeviceChoice,
    /// The variant of a model that encoders run.
    pub precision: PrecisionChoice,
    /// The largest number of items encoded together; at least 1. On a CPU at most two pictures are encoded together,
    /// see `CPU_IMAGE_BATCH`.
    pub max_batch: usize,
    /// The longest time that an item waits, while the encoder is idle, for other items to share its batch. Zero is
    /// right for CPUs: the items that arrive while a batch is encoded make up the next one without waiting.
    pub max_wait: Duration,
    /// The largest number of items that wait for one tower, over all priorities; at least 1.
    pub queue_capacity: usize,
    /// The number of threads inside one tensor operation; at least 1. Torch keeps one number for the whole process, so
    /// with several encoders the encoder that was loaded last decides.
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

/// A model that is loaded, checked and warm. A process may hold several.
pub struct Encoder {
    manifest: Manifest,
    device: Device,
    precision: (Precision, Precision),
    agreement: (f32, f32),
    weight_bytes: u64,
    preprocessor: Arc<Preprocessor>,
    tokenizer: Arc<TextTokenizer>,
    images: EncoderQueue<ImageEncoder>,
    texts: EncoderQueue<TextEncoder>,
}

impl Encoder {
    /// Loads the model folder `folder`: reads the manifest, chooses a variant of each tower, checks the SHA-256 of the
    /// files it reads, loads both towers, reproduces the reference vectors, runs the usual batch shapes so that no
    /// request is slowed by a first run, and starts one queue per tower. This call blocks, for seconds with a large
    /// model.
    ///
    /// # Errors
    /// The first [`ClipError`] that is found.
    pub fn load(folder: &Path, options: &EncoderOptions) -> Result<Self, ClipError> {
        let begin = Instant::now();
        let manifest = Manifest::read(folder)?;
        let device = Device::choose(options.device)?;
        let Manifest { image, text, .. } = &manifest;
        let is_faster = |precision| device.is_faster_with(precision);
        let image = options.precision.select(&image.full, &image.variants, is_faster);
        let text = options.precision.select(&text.full, &text.variants, is_faster);
        manifest.verify_used(folder, [image, text])?;
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
            weight_bytes: images.weight_bytes() + texts.weight_bytes(),
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

    /// Returns the unit vector of a text, of `vector_dimension` components. The text is cleaned, tokenized and cut to
    /// the model's context on the calling task (some ten microseconds for a query), and then waits for its turn.
    ///
    /// # Errors
    /// Any [`EncodeError`].
    pub async fn encode_text(&self, text: &str, priority: Priority) -> Result<UnitVector, EncodeError> {
        let ids = self.tokenizer.encode(text)?;
        self.texts.encode(ids, priority).await
    }

    /// Scales and crops a picture for this model. This takes milliseconds of the calling thread.
    #[must_use]
    pub fn preprocess(&self, picture: &RgbImage) -> PreparedImage {
        self.preprocessor.prepare(picture)
    }

    /// Returns the unit vector, of `vector_dimension` components, of a picture that [`Self::preprocess`] of the same
    /// model has prepared.
    ///
    /// # Errors
    /// Any [`EncodeError`]; [`EncodeError::Failed`] also for a picture that was prepared to another size.
    pub async fn encode_image(&self, image: PreparedImage, priority: Priority) -> Result<UnitVector, EncodeError> {
        if !self.preprocessor.fits(&image) {
            return Err(EncodeError::Failed(format!("{image:?} was prepared for another model")));
        }
        self.images.encode(image, priority).await
    }

    /// Returns the token ids of a text that the text tower gets, before padding.
    ///
    /// # Errors
    /// [`EncodeError::Failed`] when the tokenizer refuses the text.
    pub fn token_ids(&self, text: &str) -> Result<Vec<i64>, EncodeError> {
        Ok(self.tokenizer.encode(text)?.as_slice().to_vec())
    }

    /// Returns the float32 `[3, height, width]` tensor of a prepared image, which the image tower gets.
    #[must_use]
    pub fn tensor(&self, image: &PreparedImage) -> Vec<f32> {
        let mut tensor = Vec::new();
        self.preprocessor.append_tensor(image, &mut tensor);
        tensor
    }

    /// Returns the manifest of the model folder.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the device that the encoder runs on.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// Returns the precisions that the image tower and the text tower compute in.
    #[must_use]
    pub fn precision(&self) -> (Precision, Precision) {
        self.precision
    }

    /// Returns the lowest cosines with the reference vectors that were found when the model was loaded: first for
    /// pictures, then for texts.
    #[must_use]
    pub fn agreement(&self) -> (f32, f32) {
        self.agreement
    }

    /// Returns the bytes of both towers' weights in memory, estimated from the sizes of their files.
    #[must_use]
    pub fn weight_bytes(&self) -> u64 {
        self.weight_bytes
    }

    /// Returns the counts of the image tower's queue.
    #[must_use]
    pub fn image_stats(&self) -> QueueStats {
        self.images.stats()
    }

    /// Returns the counts of the text tower's queue.
    #[must_use]
    pub fn text_stats(&self) -> QueueStats {
        self.texts.stats()
    }

    /// Admits no more items, answers the waiting ones with [`EncodeError::Closed`], and ends both threads. This call
    /// blocks until the threads have ended. Dropping an encoder also closes it.
    pub fn close(&self) {
        self.texts.close();
        self.images.close();
    }
}

#[cfg(test)]
mod tests;
