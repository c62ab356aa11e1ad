//! The two towers as batch encoders, which turn prepared images or token ids into unit vectors.

use std::path::Path;
use std::sync::Arc;

use super::device::Device;
use super::error::{ClipError, EncodeError};
use super::manifest::{Manifest, Variant};
use super::precision::Precision;
use super::preprocess::{PreparedImage, Preprocessor};
use super::queue::BatchEncoder;
use super::tokenizer::{TextBatch, TextTokenizer, TokenIds};
use super::torchscript::{Module, Rows};
use mitsuke_index::UnitVector;

/// The image tower.
pub(super) struct ImageEncoder {
    module: Module,
    preprocessor: Arc<Preprocessor>,
    threads: TorchThreads,
}

impl ImageEncoder {
    /// Loads the module of `variant` and what prepares its inputs.
    pub(super) fn load(
        folder: &Path,
        manifest: &Manifest,
        variant: &Variant,
        device: Device,
        threads: TorchThreads,
    ) -> Result<Self, ClipError> {
        let path = variant.file.path(folder);
        let module = Module::load(&path, variant.precision, manifest.vector_dimension, device)?;
        Ok(Self { module, preprocessor: Arc::new(Preprocessor::new(&manifest.image.preprocessing)), threads })
    }

    pub(super) fn precision(&self) -> Precision {
        self.module.precision()
    }

    pub(super) fn weight_bytes(&self) -> u64 {
        self.module.weight_bytes()
    }

    pub(super) fn preprocessor(&self) -> Arc<Preprocessor> {
        Arc::clone(&self.preprocessor)
    }
}

impl BatchEncoder for ImageEncoder {
    type Item = PreparedImage;
    type Output = UnitVector;

    fn start(&mut self) {
        self.threads.apply();
    }

    fn encode(&mut self, images: &[PreparedImage]) -> Result<Rows, EncodeError> {
        let Some(first) = images.first() else { return Ok(Vec::new()) };
        let (width, height) = (first.width(), first.height());
        // 8-bit pixels become floats here and not in the caller's thread, so that a waiting image stays small.
        let mut tensor = Vec::with_capacity(images.len() * 3 * width as usize * height as usize);
        for image in images {
            self.preprocessor.append_tensor(image, &mut tensor);
        }
        self.module.run_floats(&tensor, &[images.len() as i64, 3, height.into(), width.into()])
    }
}

/// The text tower.
pub(super) struct TextEncoder {
    module: Module,
    tokenizer: Arc<TextTokenizer>,
    threads: TorchThreads,
}

impl TextEncoder {
    /// Loads the module of `variant` and what prepares its inputs.
    pub(super) fn load(
        folder: &Path,
        manifest: &Manifest,
        variant: &Variant,
        device: Device,
        threads: TorchThreads,
    ) -> Result<Self, ClipError> {
        let path = variant.file.path(folder);
        let module = Module::load(&path, variant.precision, manifest.vector_dimension, device)?;
        Ok(Self { module, tokenizer: Arc::new(TextTokenizer::load(folder, &manifest.text)?), threads })
    }

    pub(super) fn precision(&self) -> Precision {
        self.module.precision()
    }

    pub(super) fn weight_bytes(&self) -> u64 {
        self.module.weight_bytes()
    }

    pub(super) fn tokenizer(&self) -> Arc<TextTokenizer> {
        Arc::clone(&self.tokenizer)
    }
}

impl BatchEncoder for TextEncoder {
    type Item = TokenIds;
    type Output = UnitVector;

    fn start(&mut self) {
        self.threads.apply();
    }

    fn encode(&mut self, texts: &[TokenIds]) -> Result<Rows, EncodeError> {
        let TextBatch { rows, length, inputs } = self.tokenizer.batch(texts);
        self.module.run_ids(&inputs, &[rows as i64, length as i64])
    }
}

/// The number of threads that one tensor operation uses.
#[derive(Debug, Clone, Copy)]
pub(super) struct TorchThreads(pub(super) usize);

impl TorchThreads {
    /// Sets the number of threads for the calling thread. OpenMP keeps one number per thread, so every thread that runs
    /// a module sets it.
    pub(super) fn apply(self) {
        tch::set_num_threads(i32::try_from(self.0.max(1)).unwrap_or(1));
    }
}
