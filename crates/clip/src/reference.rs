//! The check of a loaded model against its reference vectors, and the warm-up of the model.

use std::fs;
use std::path::Path;

use super::error::{ClipError, EncodeError};
use super::manifest::Manifest;
use super::queue::BatchEncoder;
use super::tokenizer::TokenIds;
use super::towers::{ImageEncoder, TextEncoder};
use mitsuke_image::{DecodeLimits, decode};
use mitsuke_index::UnitVector;

/// Encodes every reference text, compares the result with the reference vector, and returns the lowest cosine.
pub(super) fn check_texts(manifest: &Manifest, encoder: &mut TextEncoder) -> Result<f32, ClipError> {
    let (tokenizer, minimum) = (encoder.tokenizer(), encoder.precision().minimum_cosine());
    let mut lowest = 1.0_f32;
    for reference in &manifest.reference.texts {
        let item = || format!("text {:?}", reference.text);
        let ids = tokenizer.encode(&reference.text).map_err(|cause| ClipError::Encode { item: item(), cause })?;
        lowest = lowest.min(compare(encode_one(encoder, ids), &reference.vector, minimum, &item)?);
    }
    Ok(lowest)
}

/// Decodes, prepares and encodes every reference picture, compares the result with the reference vector, and returns
/// the lowest cosine.
pub(super) fn check_images(folder: &Path, manifest: &Manifest, encoder: &mut ImageEncoder) -> Result<f32, ClipError> {
    let (preprocessor, minimum) = (encoder.preprocessor(), encoder.precision().minimum_cosine());
    let mut lowest = 1.0_f32;
    for reference in &manifest.reference.images {
        let path = reference.file.path(folder);
        let bytes = fs::read(&path).map_err(|cause| ClipError::Read { path: path.clone(), cause })?;
        let decoded = decode(&bytes, &DecodeLimits::default())
            .map_err(|cause| ClipError::ReferencePicture { path, reason: cause.to_string() })?;
        let prepared = preprocessor.prepare(&decoded.pixels);
        let item = || format!("image {}", reference.file.name.as_str());
        lowest = lowest.min(compare(encode_one(encoder, prepared), &reference.vector, minimum, &item)?);
    }
    Ok(lowest)
}

/// Runs the reference texts in the batch sizes that requests have. Each size is run twice, because Torch optimises a
/// module for the shapes of its first runs, and sets up its kernels on first use.
pub(super) fn warm_up_texts(manifest: &Manifest, encoder: &mut TextEncoder, max_batch: usize) -> Result<(), ClipError> {
    let twice = warm_up_sizes(max_batch).into_iter().flat_map(|size| [size; 2]);
    twice.into_iter().try_for_each(|size| run_texts(manifest, encoder, size))
}

/// Runs a batch of `size` reference texts.
pub(super) fn run_texts(manifest: &Manifest, encoder: &mut TextEncoder, size: usize) -> Result<(), ClipError> {
    let tokenizer = encoder.tokenizer();
    let texts = manifest.reference.texts.iter().cycle().take(size);
    let ids: Result<Vec<TokenIds>, _> = texts.map(|reference| tokenizer.encode(&reference.text)).collect();
    encoder.encode(&ids.map_err(warm_up_failed)?).map(drop).map_err(warm_up_failed)
}

/// Runs grey pictures in the batch sizes that requests have, each size twice, as [`warm_up_texts`] does with texts.
pub(super) fn warm_up_images(encoder: &mut ImageEncoder, max_batch: usize) -> Result<(), ClipError> {
    let twice = warm_up_sizes(max_batch).into_iter().flat_map(|size| [size; 2]);
    twice.into_iter().try_for_each(|size| run_images(encoder, size))
}

/// Runs one text and one picture with the threads that a batch alone has, because Torch sets up its kernels for each
/// number of threads.
pub(super) fn warm_up_threads(
    manifest: &Manifest,
    images: &mut ImageEncoder,
    texts: &mut TextEncoder,
) -> Result<(), ClipError> {
    run_images(images, 1)?;
    run_texts(manifest, texts, 1)
}

/// Runs a batch of `size` grey pictures.
pub(super) fn run_images(encoder: &mut ImageEncoder, size: usize) -> Result<(), ClipError> {
    let grey = encoder.preprocessor().prepare(&image::RgbImage::from_pixel(1, 1, image::Rgb([127; 3])));
    encoder.encode(&vec![grey; size]).map(drop).map_err(warm_up_failed)
}

/// Returns the smallest and the largest batch size and a size in between, because Torch runs a single row differently
/// from several rows.
fn warm_up_sizes(max_batch: usize) -> Vec<usize> {
    let largest = max_batch.max(1);
    let mut sizes = vec![1, largest.min(2), largest];
    sizes.dedup();
    sizes
}

fn warm_up_failed(cause: EncodeError) -> ClipError {
    ClipError::Encode { item: "a warm-up batch".to_owned(), cause }
}

/// Encodes a single item.
fn encode_one<E: BatchEncoder<Output = UnitVector>>(encoder: &mut E, item: E::Item) -> Result<UnitVector, EncodeError> {
    encoder.encode(&[item])?.pop().unwrap_or(Err(EncodeError::NoVector))
}

/// Returns the cosine of two vectors, or an error about `item` when it is below `minimum`.
fn compare(
    found: Result<UnitVector, EncodeError>,
    expected: &UnitVector,
    minimum: f32,
    item: &dyn Fn() -> String,
) -> Result<f32, ClipError> {
    let found = found.map_err(|cause| ClipError::Encode { item: item(), cause })?;
    let cosine = found.similarity(expected);
    // The comparison is written so that a cosine that is not a number fails as well.
    if cosine >= minimum {
        return Ok(cosine);
    }
    Err(ClipError::Reference { item: item(), cosine, minimum })
}
