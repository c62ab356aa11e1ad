//! The two towers as batch encoders, which turn prepared images or token ids into unit vectors.

use std::path::Path;
use std::sync::Arc;

use super::device::Device;
use super::error::{ClipError, EncodeError};
use super::manifest::{Manifest, Variant};
use super::precision::Precision;
use super::preprocess::{PreparedImage, Preprocessor};
use super::queue::BatchEncoder;
use super::reference;
use super::selection::Loader;
use super::threads::{RunningBatch, TorchThreads};
use super::tokenizer::{TextBatch, TextTokenizer, TokenIds};
use super::torchscript::{Module, Rows};
use mitsuke_index::UnitVector;

/// The source from which both towers of a model are loaded.
#[derive(Clone, Copy)]
pub(super) struct TowerSource<'a> {
    pub(super) folder: &'a Path,
    pub(super) manifest: &'a Manifest,
    pub(super) device: Device,
}

impl TowerSource<'_> {
    /// Checks the file of a variant and loads it.
    pub(super) fn load(&self, variant: &Variant) -> Result<Module, ClipError> {
        variant.file.verify(self.folder)?;
        let path = variant.file.path(self.folder);
        Module::load(&path, variant.precision, self.manifest.vector_dimension, self.device)
    }
}

/// The cores that the batches of a tower use.
#[derive(Clone, Copy)]
struct Cores {
    device: Device,
    threads: TorchThreads,
    /// The number of batches that other workers are about to start.
    others: usize,
}

impl Cores {
    /// Returns those of a tower that is being loaded. It computes with one thread, so that the time of that thread's
    /// processor is the time of the tower.
    fn of_loading(device: Device) -> Self {
        Self { device, threads: TorchThreads::Fixed(1), others: 0 }
    }

    fn begin(&self) -> RunningBatch {
        self.threads.begin(self.device, self.others)
    }
}

/// The image tower. Clones share the weights, and each clone may run on a thread of its own.
#[derive(Clone)]
pub(super) struct ImageEncoder {
    module: Arc<Module>,
    preprocessor: Arc<Preprocessor>,
    cores: Cores,
}

impl ImageEncoder {
    /// Loads the module of `variant` and what prepares its inputs.
    pub(super) fn load(source: &TowerSource<'_>, variant: &Variant) -> Result<Self, ClipError> {
        let preprocessor = Arc::new(Preprocessor::new(&source.manifest.image.preprocessing));
        Ok(Self { module: Arc::new(source.load(variant)?), preprocessor, cores: Cores::of_loading(source.device) })
    }

    pub(super) fn precision(&self) -> Precision {
        self.module.precision()
    }

    pub(super) fn weight_bytes(&self) -> u64 {
        self.module.weight_bytes()
    }

    /// Sets the threads of each batch from now on.
    pub(super) fn use_threads(&mut self, threads: TorchThreads) {
        self.cores.threads = threads;
    }

    pub(super) fn preprocessor(&self) -> Arc<Preprocessor> {
        Arc::clone(&self.preprocessor)
    }
}

impl BatchEncoder for ImageEncoder {
    type Item = PreparedImage;
    type Output = UnitVector;

    fn make_room(&mut self, others: usize) {
        self.cores.others = others;
    }

    fn encode(&mut self, images: &[PreparedImage]) -> Result<Rows, EncodeError> {
        let Some(first) = images.first() else { return Ok(Vec::new()) };
        let (width, height) = (first.width(), first.height());
        // 8-bit pixels become floats here and not in the caller's thread, so that a waiting image stays small.
        let mut tensor = Vec::with_capacity(images.len() * 3 * width as usize * height as usize);
        for image in images {
            self.preprocessor.append_tensor(image, &mut tensor);
        }
        let _running = self.cores.begin();
        self.module.run_floats(&tensor, &[images.len() as i64, 3, height.into(), width.into()])
    }
}

/// The text tower. Clones share the weights, and each clone may run on a thread of its own.
#[derive(Clone)]
pub(super) struct TextEncoder {
    module: Arc<Module>,
    tokenizer: Arc<TextTokenizer>,
    cores: Cores,
}

impl TextEncoder {
    /// Loads the module of `variant` and what prepares its inputs.
    pub(super) fn load(source: &TowerSource<'_>, variant: &Variant) -> Result<Self, ClipError> {
        let tokenizer = Arc::new(TextTokenizer::load(source.folder, &source.manifest.text)?);
        Ok(Self { module: Arc::new(source.load(variant)?), tokenizer, cores: Cores::of_loading(source.device) })
    }

    pub(super) fn precision(&self) -> Precision {
        self.module.precision()
    }

    pub(super) fn weight_bytes(&self) -> u64 {
        self.module.weight_bytes()
    }

    /// Sets the threads of each batch from now on.
    pub(super) fn use_threads(&mut self, threads: TorchThreads) {
        self.cores.threads = threads;
    }

    pub(super) fn tokenizer(&self) -> Arc<TextTokenizer> {
        Arc::clone(&self.tokenizer)
    }
}

impl BatchEncoder for TextEncoder {
    type Item = TokenIds;
    type Output = UnitVector;

    /// Texts of a batch are padded to the longest of them. In a group the longest is at most twice as long as the
    /// shortest, and texts of up to eight tokens are one group.
    fn group(ids: &TokenIds) -> usize {
        ids.as_slice().len().next_power_of_two().max(8)
    }

    fn make_room(&mut self, others: usize) {
        self.cores.others = others;
    }

    fn encode(&mut self, texts: &[TokenIds]) -> Result<Rows, EncodeError> {
        let TextBatch { rows, length, inputs } = self.tokenizer.batch(texts);
        let _running = self.cores.begin();
        self.module.run_ids(&inputs, &[rows as i64, length as i64])
    }
}

/// Loads variants of an image tower.
pub(super) struct ImageLoader<'a> {
    pub(super) source: TowerSource<'a>,
    pub(super) max_batch: usize,
}

impl Loader for ImageLoader<'_> {
    type Encoder = ImageEncoder;

    fn load(&self, variant: &Variant) -> Result<(ImageEncoder, f32), ClipError> {
        let mut encoder = ImageEncoder::load(&self.source, variant)?;
        let agreement = reference::check_images(self.source.folder, self.source.manifest, &mut encoder)?;
        reference::warm_up_images(&mut encoder, self.max_batch)?;
        Ok((encoder, agreement))
    }

    fn run_batch(&self, encoder: &mut ImageEncoder) -> Result<(), ClipError> {
        reference::run_images(encoder, self.max_batch)
    }
}

/// Loads variants of a text tower.
pub(super) struct TextLoader<'a> {
    pub(super) source: TowerSource<'a>,
    pub(super) max_batch: usize,
}

impl Loader for TextLoader<'_> {
    type Encoder = TextEncoder;

    fn load(&self, variant: &Variant) -> Result<(TextEncoder, f32), ClipError> {
        let mut encoder = TextEncoder::load(&self.source, variant)?;
        let agreement = reference::check_texts(self.source.manifest, &mut encoder)?;
        reference::warm_up_texts(self.source.manifest, &mut encoder, self.max_batch)?;
        Ok((encoder, agreement))
    }

    fn run_batch(&self, encoder: &mut TextEncoder) -> Result<(), ClipError> {
        // A text tower is judged by what a search waits for, which is one text.
        reference::run_texts(self.source.manifest, encoder, 1)
    }
}
