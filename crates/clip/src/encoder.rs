//! A loaded model, which turns texts and pictures into unit vectors.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use image::RgbImage;
use mitsuke_image::{Decoded, Enough};

use super::device::{Device, DeviceChoice};
use super::error::{ClipError, EncodeError};
use super::manifest::Manifest;
use super::precision::Precision;
use super::preprocess::{PreparedImage, Preprocessor};
use super::query_cache::{CacheStats, QueryCache};
use super::queue::{EncoderQueue, Lane, Priority, QueueOptions, QueueStats};
use super::reference;
use super::selection::{VariantTime, select};
use super::threads::{self, TorchThreads};
use super::tokenizer::TextTokenizer;
use super::towers::{ImageEncoder, ImageLoader, TextEncoder, TextLoader, TowerSource};
use super::variant_choice::PrecisionChoice;
use super::workers::WorkerCount;
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
    /// The number of batches that each tower works on at once.
    pub workers: WorkerCount,
    /// The number of threads that compute one batch on a CPU.
    pub torch_threads: TorchThreads,
    /// The number of query vectors that are kept for texts that are searched for again; at 0 none is kept.
    pub query_cache: usize,
}

impl Default for EncoderOptions {
    fn default() -> Self {
        Self {
            device: DeviceChoice::Auto,
            precision: PrecisionChoice::Auto,
            max_batch: 8,
            max_wait: Duration::ZERO,
            queue_capacity: 512,
            workers: WorkerCount::Auto,
            torch_threads: TorchThreads::Auto,
            query_cache: 4_096,
        }
    }
}

impl EncoderOptions {
    /// Returns the number of workers of each tower on the device of these options.
    ///
    /// # Errors
    /// [`ClipError::NoCuda`].
    pub fn worker_count(&self) -> Result<usize, ClipError> {
        Ok(self.workers.resolve(Device::choose(self.device)?, self.torch_threads))
    }
}

/// A model that is loaded, checked and warm. A process may hold several.
pub struct Encoder {
    manifest: Manifest,
    device: Device,
    precision: (Precision, Precision),
    agreement: (f32, f32),
    times: (Vec<VariantTime>, Vec<VariantTime>),
    workers: usize,
    weight_bytes: u64,
    preprocessor: Arc<Preprocessor>,
    tokenizer: Arc<TextTokenizer>,
    queries: Option<QueryCache>,
    images: EncoderQueue<ImageEncoder>,
    texts: EncoderQueue<TextEncoder>,
}

impl Encoder {
    /// Loads the model folder `folder`: reads the manifest, chooses a variant of each tower, checks the SHA-256 of the
    /// files it reads, loads both towers, reproduces the reference vectors, runs the usual batch shapes so that no
    /// request is slowed by a first run, and starts one queue per tower. Where the hardware is fast with several
    /// variants of a tower, each is loaded and timed, and the fastest stays. This call blocks, for seconds with a large
    /// model.
    ///
    /// # Errors
    /// The first [`ClipError`] that is found.
    pub fn load(folder: &Path, options: &EncoderOptions) -> Result<Self, ClipError> {
        let begin = Instant::now();
        let manifest = Manifest::read(folder)?;
        let device = Device::choose(options.device)?;
        threads::set(1);
        manifest.verify_inputs(folder)?;
        let source = TowerSource { folder, manifest: &manifest, device };
        let image_batch = match device {
            Device::Cpu => options.max_batch.min(CPU_IMAGE_BATCH),
            Device::Cuda => options.max_batch,
        };
        let Manifest { image, text, .. } = &manifest;
        let candidates = options.precision.candidates(&image.variants, &device);
        let images = ImageLoader { source, max_batch: image_batch };
        let mut images = select("image", &image.full, &candidates, device, &images)?;
        let candidates = options.precision.candidates(&text.variants, &device);
        let texts = TextLoader { source, max_batch: options.max_batch };
        let mut texts = select("text", &text.full, &candidates, device, &texts)?;
        images.encoder.use_threads(options.torch_threads);
        texts.encoder.use_threads(options.torch_threads);
        reference::warm_up_threads(&manifest, &mut images.encoder, &mut texts.encoder)?;

        let workers = options.workers.resolve(device, options.torch_threads);
        let queue =
            |max_batch| QueueOptions { capacity: options.queue_capacity, max_batch, max_wait: options.max_wait };
        let (image_queue, text_queue) = (queue(image_batch), queue(options.max_batch));
        let (image_lanes, text_lanes) =
            (image_lanes(&images.encoder, device, workers), vec![Lane::all(&texts.encoder, workers)]);
        let encoder = Self {
            device,
            precision: (images.encoder.precision(), texts.encoder.precision()),
            agreement: (images.agreement, texts.agreement),
            times: (images.times, texts.times),
            workers,
            weight_bytes: images.encoder.weight_bytes() + texts.encoder.weight_bytes(),
            preprocessor: images.encoder.preprocessor(),
            tokenizer: texts.encoder.tokenizer(),
            queries: (options.query_cache > 0).then(|| QueryCache::new(options.query_cache)),
            images: EncoderQueue::start("image-encoder", image_lanes, image_queue).map_err(ClipError::Thread)?,
            texts: EncoderQueue::start("text-encoder", text_lanes, text_queue).map_err(ClipError::Thread)?,
            manifest,
        };
        let Manifest { model_name, model_version, vector_dimension, .. } = &encoder.manifest;
        let took = begin.elapsed();
        log::info!(
            "loaded {model_name} {model_version} ({vector_dimension} dimensions) in {took:.1?}; each tower has {workers} \
             workers"
        );
        Ok(encoder)
    }

    /// Returns the unit vector of a text, of `vector_dimension` components. The text is cleaned, tokenized and cut to
    /// the model's context on the calling task (some ten microseconds for a query), and then waits for its turn, unless
    /// its vector is known from an earlier query.
    ///
    /// # Errors
    /// Any [`EncodeError`].
    pub async fn encode_text(&self, text: &str, priority: Priority) -> Result<UnitVector, EncodeError> {
        let ids = self.tokenizer.encode(text)?;
        match &self.queries {
            Some(queries) => queries.get_or_encode(&ids, self.texts.encode(ids.clone(), priority)).await,
            None => self.texts.encode(ids, priority).await,
        }
    }

    /// Scales and crops a picture for this model. This takes milliseconds of the calling thread.
    #[must_use]
    pub fn preprocess(&self, picture: &RgbImage) -> PreparedImage {
        self.preprocessor.prepare(picture)
    }

    /// Scales and crops a decoded picture for this model, as [`Self::preprocess`] does. The picture may have been decoded
    /// smaller than it is, down to the size that [`Self::enough`] says.
    #[must_use]
    pub fn preprocess_decoded(&self, decoded: &Decoded) -> PreparedImage {
        self.preprocessor.prepare_decoded(decoded)
    }

    /// Returns the size of a decoded picture that suffices for this model.
    #[must_use]
    pub fn enough(&self) -> Enough {
        self.preprocessor.enough()
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

    /// Returns whether the text tower reads the whole text. It reads as many tokens as its context holds.
    ///
    /// # Errors
    /// [`EncodeError::Failed`] when the tokenizer refuses the text.
    pub fn reads_whole(&self, text: &str) -> Result<bool, EncodeError> {
        self.tokenizer.fits(text)
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

    /// Returns the times that decided on the variants of the image tower and of the text tower. A list is empty where
    /// there was no choice.
    #[must_use]
    pub fn variant_times(&self) -> (&[VariantTime], &[VariantTime]) {
        (&self.times.0, &self.times.1)
    }

    /// Returns the number of batches that each tower works on at once.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Returns the counts of the cache of query vectors.
    #[must_use]
    pub fn query_cache_stats(&self) -> CacheStats {
        self.queries.as_ref().map(QueryCache::stats).unwrap_or_default()
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

    /// Admits no more items, answers the waiting ones with [`EncodeError::Closed`], and ends the workers. This call
    /// blocks until their threads have ended. Dropping an encoder also closes it.
    pub fn close(&self) {
        self.texts.close();
        self.images.close();
    }
}

/// Returns the lanes of an image tower. On a CPU, searches and bulk have workers of their own, and those of bulk give way:
/// a search by picture then runs at once, beside bulk that keeps all cores busy. A GPU runs one batch after the other, so
/// that there the order of the queue is all.
fn image_lanes(encoder: &ImageEncoder, device: Device, workers: usize) -> Vec<Lane<ImageEncoder>> {
    const BULK: &[Priority] = &[Priority::Upload, Priority::Backfill];
    if device == Device::Cuda {
        return vec![Lane::all(encoder, workers)];
    }
    let encoders = || vec![encoder.clone(); workers];
    vec![
        Lane { priorities: &[Priority::Search], encoders: encoders(), in_background: false },
        Lane { priorities: BULK, encoders: encoders(), in_background: true },
    ]
}

#[cfg(test)]
mod tests;
