//! One run of one tower, with nothing else around it.

use std::path::Path;
use std::str::FromStr;

use image::{Rgb, RgbImage};

use crate::device::Device;
use crate::error::ClipError;
use crate::manifest::Manifest;
use crate::names;
use crate::precision::Precision;
use crate::queue::BatchEncoder;
use crate::threads;
use crate::towers::{ImageEncoder, TextEncoder, TowerSource};
use crate::variant_choice::PrecisionChoice;

/// A tower of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tower {
    /// The tower that encodes pictures.
    Image,
    /// The tower that encodes texts.
    Text,
}

impl Tower {
    /// The names of both towers.
    pub const NAMES: [&str; 2] = [Self::Image.name(), Self::Text.name()];

    /// Returns the name that flags use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Text => "text",
        }
    }
}

impl FromStr for Tower {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        names::parse(text, &[Self::Image, Self::Text], Self::name)
    }
}

/// Loads one tower in a precision on the CPU and runs it once, on a grey picture or on `text`. A tower without a file in
/// the precision runs its full file.
///
/// # Errors
/// The first [`ClipError`] that is found.
pub fn run_once(folder: &Path, tower: Tower, precision: Precision, text: &str) -> Result<(), ClipError> {
    let manifest = Manifest::read(folder)?;
    threads::set(1);
    let source = TowerSource { folder, manifest: &manifest, device: Device::Cpu };
    let (full, variants) = match tower {
        Tower::Image => (&manifest.image.full, &manifest.image.variants),
        Tower::Text => (&manifest.text.full, &manifest.text.variants),
    };
    let candidates = PrecisionChoice::Only(precision).candidates(variants, &source.device);
    let variant = candidates.first().copied().unwrap_or(full);
    let failed = |cause| ClipError::Encode { item: "one item".to_owned(), cause };
    match tower {
        Tower::Image => {
            let mut encoder = ImageEncoder::load(&source, variant)?;
            let grey = encoder.preprocessor().prepare(&RgbImage::from_pixel(1, 1, Rgb([127; 3])));
            encoder.encode(&[grey]).map(drop).map_err(failed)
        }
        Tower::Text => {
            let mut encoder = TextEncoder::load(&source, variant)?;
            let ids = encoder.tokenizer().encode(text).map_err(failed)?;
            encoder.encode(&[ids]).map(drop).map_err(failed)
        }
    }
}
