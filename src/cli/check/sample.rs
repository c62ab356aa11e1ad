//! The comparison of some embeddings with their pictures, which are encoded again.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use mitsuke::app;
use mitsuke::config::Settings;
use mitsuke_engine::models::ModelKey;
use mitsuke_engine::reencoding::Reencoding;
use mitsuke_store::sqlite::{ReadOnlyCheck, SampledEmbedding, SqliteStore};
use mitsuke_store::{CheckPart, Fault, Model};

/// Compares at most `count` embeddings of each model with their pictures, and prints which model is left out. An
/// embedding that differs is deleted from the store `repair`; without it nothing is changed. Returns the number of embeddings compared and the
/// faults.
///
/// # Errors
/// The errors of the database.
pub(super) fn compare(
    settings: &Settings,
    data_dir: &Path,
    count: usize,
    repair: Option<&SqliteStore>,
) -> Result<(u64, Vec<Fault>), Box<dyn Error>> {
    let check = ReadOnlyCheck::open(data_dir, &settings.originals)?;
    let (mut compared, mut faults) = (0, Vec::new());
    for model in check.models()? {
        let sample = check.sample(model.model_id, count)?;
        if sample.is_empty() {
            continue;
        }
        let key = ModelKey::from(&model);
        let decoder = Arc::new(app::decoder(settings));
        let reencoding = match Reencoding::load(&settings.models_dir, &key, &settings.encoder_options(), decoder) {
            Ok(reencoding) => reencoding,
            Err(reason) => {
                println!("sample: the embeddings of {key} are not compared with their pictures: {reason}");
                continue;
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        for sampled in &sample {
            // Damaged pictures have been found before.
            let Some(original) = check.original(sampled.image_id)? else { continue };
            compared += 1;
            let found = match runtime.block_on(reencoding.cosine(original, &sampled.vector)) {
                Ok(cosine) if cosine >= reencoding.minimum() => continue,
                Ok(cosine) => difference(sampled, &model, cosine, reencoding.minimum()),
                Err(reason) => {
                    println!("  the picture of image {} cannot be encoded again: {reason}", sampled.image_id);
                    continue;
                }
            };
            let mut fault =
                Fault { part: CheckPart::Embeddings, image_id: Some(sampled.image_id), found, repaired: false };
            if let Some(store) = repair {
                store.delete_sampled(sampled)?;
                fault.repaired = true;
            }
            faults.push(fault);
        }
    }
    Ok((compared, faults))
}

/// Says how an embedding differs from its picture.
fn difference(sampled: &SampledEmbedding, model: &Model, cosine: f32, minimum: f32) -> String {
    format!(
        "the embedding of image {} by model {} is not that of its picture: their cosine is {cosine:.4}, and at least \
         {minimum:.4} is expected",
        sampled.image_id, model.model_id
    )
}
