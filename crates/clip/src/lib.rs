//! Pictures and texts → unit vectors.
//!
//! A model is a folder ([`Manifest`]). [`Encoder::load`] checks the folder against its own digests and reference
//! vectors and starts one [`EncoderQueue`] with several workers per tower. A text goes `clean → tokenizer → queue →
//! TorchScript`, a picture `resize → preprocess → queue → TorchScript`. This crate knows nothing of HTTP or SQL.

mod background;
mod busy;
mod clean;
mod device;
mod encoder;
mod error;
mod ftfy;
mod html;
mod manifest;
mod measure;
mod names;
mod precision;
mod preprocess;
mod query_cache;
mod queue;
mod reference;
mod resize;
mod selection;
mod test_cases;
mod threads;
mod tokenizer;
mod torchscript;
mod towers;
mod variant_choice;
mod workers;

pub use background::lower_thread_priority;
pub use clean::clean;
pub use device::{Device, DeviceChoice};
pub use encoder::{Encoder, EncoderOptions};
pub use error::{ClipError, EncodeError};
pub use manifest::{
    Answered, CleaningStep, Crop, Export, FileName, ImageTower, Interpolation, Manifest, ModelFile, Padding,
    Preprocessing, Quantization, QuantizationMethod, Reference, ReferenceImage, ReferenceText, Relevance, Resize,
    RightHit, TextInput, TextRelevance, TextTower, Variant,
};
pub use measure::{MultiplyAdds, Tower, VERBOSE_VARIABLES, count_multiply_adds, multiply_add_rate, run_once};
pub use precision::Precision;
pub use preprocess::{PreparedImage, Preprocessor};
pub use query_cache::CacheStats;
pub use queue::{BatchEncoder, EncoderQueue, LATE, Lane, Priority, QueueOptions, QueueStats, STARVATION_LIMIT};
pub use resize::{Region, resize};
pub use selection::VariantTime;
pub use test_cases::{TestCases, TestReport};
pub use threads::TorchThreads;
pub use tokenizer::{TextBatch, TextTokenizer, TokenIds};
pub use variant_choice::PrecisionChoice;
pub use workers::WorkerCount;

/// The model folder of the fast tests. Its model only distinguishes colours, and loads in milliseconds. `python -m
/// mitsuke_fixtures.tiny_model` writes it.
#[cfg(test)]
pub(crate) const TINY_MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/models/tiny");
