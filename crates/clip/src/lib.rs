//! Pixels and text → unit vectors.
//!
//! A model is a folder ([`Manifest`]). [`Encoder::load`] proves it against its own hashes and reference vectors
//! and starts one [`EncoderQueue`] per tower. A text goes `clean → tokenizer → queue → TorchScript`, a picture
//! `resize → preprocess → queue → TorchScript`. Nothing here knows HTTP or SQL.

mod cases;
mod clean;
mod device;
mod encoder;
mod error;
mod ftfy;
mod html;
mod lanes;
mod manifest;
mod manifest_fields;
mod manifest_file;
mod manifest_parse;
mod precision;
mod preprocess;
mod queue;
mod reference;
mod resize;
mod tokenizer;
mod torchscript;
mod towers;

pub use cases::{CaseReport, Cases};
pub use clean::clean;
pub use device::{Device, DeviceChoice};
pub use encoder::{Encoder, EncoderOptions};
pub use error::{ClipError, EncodeError};
pub use manifest::{
    Bf16Variant, CleaningStep, Crop, Export, ImageTower, Interpolation, Manifest, Padding, Precision, Preprocessing,
    Reference, ReferenceImage, ReferenceText, Resize, TextInput, TextTower,
};
pub use manifest_file::{FileName, ModelFile};
pub use precision::PrecisionChoice;
pub use preprocess::{PreparedImage, Preprocessor};
pub use queue::{BatchEncoder, EncoderQueue, MAX_OVERTAKEN, Priority, QueueOptions, QueueStats};
pub use reference::{MINIMUM_COSINE, MINIMUM_COSINE_BF16, minimum_cosine};
pub use resize::{Region, resize};
pub use tokenizer::{TextBatch, TextTokenizer, TokenIds};

/// The model folder of the fast tests: it knows colours and nothing else, and loads in milliseconds.
/// `python -m mitsuke_fixtures.tiny_model` writes it.
#[cfg(test)]
pub(crate) const TINY_MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/models/tiny");
