//! The comparison of stored embeddings with their pictures, which are encoded again.

use std::path::Path;
use std::sync::Arc;

use mitsuke_clip::{ClipError, EncodeError, Encoder, EncoderOptions, Precision, Priority};
use mitsuke_image::ImageError;
use mitsuke_index::UnitVector;

use crate::blocking::Unfinished;
use crate::intake::{Decoder, enough};
use crate::models::{ModelKey, folder_of};

/// An error of encoding a picture again.
#[derive(Debug, thiserror::Error)]
pub enum ReencodingError {
    /// The picture cannot be decoded.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The encoder failed.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The work was cut off.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

/// The reason why a model cannot encode pictures again.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no usable folder.
    #[error("{0}")]
    Folder(String),
    /// The folder does not load.
    #[error("its folder cannot be loaded: {0}")]
    Clip(#[from] ClipError),
}

/// The encoder of a model, which encodes stored pictures again.
pub struct Reencoding {
    encoder: Arc<Encoder>,
    decoder: Arc<Decoder>,
    minimum: f32,
}

impl Reencoding {
    /// Loads a model out of its folder below `models_dir`. Blocks, for seconds with a large model.
    ///
    /// # Errors
    /// The reason why the model cannot be loaded.
    pub fn load(
        models_dir: &Path,
        model: &ModelKey,
        options: &EncoderOptions,
        decoder: Arc<Decoder>,
    ) -> Result<Self, LoadError> {
        let folder = folder_of(models_dir, model).map_err(LoadError::Folder)?;
        let encoder = Arc::new(Encoder::load(&folder, options)?);
        let minimum = least_agreement(encoder.precision().0);
        Ok(Self { encoder, decoder, minimum })
    }

    /// Returns the smallest cosine that a stored embedding and a new one of the same picture may have.
    #[must_use]
    pub fn minimum(&self) -> f32 {
        self.minimum
    }

    /// Encodes a picture again, and returns the cosine of the stored embedding and the new one.
    ///
    /// # Errors
    /// The reason why the picture has no new embedding.
    pub async fn cosine(&self, original: Vec<u8>, stored: &UnitVector) -> Result<f32, ReencodingError> {
        let slot = self.decoder.slot(Priority::Backfill).await?;
        let encoder = Arc::clone(&self.encoder);
        let prepared = slot
            .decode(original, enough([&*self.encoder]), move |decoded| encoder.preprocess_decoded(&decoded))
            .await??;
        let found = self.encoder.encode_image(prepared, Priority::Backfill).await?;
        Ok(if found.dimension() == stored.dimension() { found.similarity(stored) } else { -1.0 })
    }
}

/// Returns the smallest cosine of two embeddings of one picture, of which an encoder of precision `now` gives one and an
/// encoder of any precision gave the other. Each passes when its cosine with the reference is at least its minimum, so the
/// angle between the two is at most the sum of both angles.
fn least_agreement(now: Precision) -> f32 {
    let angle = |precision: Precision| precision.minimum_cosine().acos();
    let other = Precision::ALL.into_iter().map(angle).fold(0.0, f32::max);
    (angle(now) + other).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_variants_may_differ_by_both_of_their_angles() {
        for precision in Precision::ALL {
            let least = least_agreement(precision);
            assert!(least < precision.minimum_cosine() && least > 0.995, "{precision}: {least}");
        }
        assert!(least_agreement(Precision::Float32) > least_agreement(Precision::Int8));
    }
}
