//! The models of an export: the proof that its embeddings are theirs, and their rows in the store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use mitsuke_clip::EncoderOptions;
use mitsuke_engine::blocking;
use mitsuke_engine::intake::Decoder;
use mitsuke_engine::reencoding::Reencoding;
use mitsuke_store::{Model, ModelStore, NewModel, Sha256, StoreError, UnitVector};

use super::error::ImportError;
use super::files;
use super::lines::{ExportedModel, Lines, Next};
use super::source::Export;

/// The number of pictures of each model that are encoded again.
const SAMPLE: usize = 4;

/// The smallest cosine of an embedding of the export and a new one of the same picture. Two precisions of one model differ
/// by less; two models of equal dimension have cosines about 0.
const LEAST_COSINE: f32 = 0.99;

/// The models of this machine and their encoders, which the proof needs.
pub struct Proof {
    /// The folder of model folders.
    pub models_dir: PathBuf,
    /// The options of the encoders.
    pub options: EncoderOptions,
    /// The decoder of pictures.
    pub decoder: Arc<Decoder>,
    /// The largest size of a picture in bytes.
    pub max_bytes: usize,
}

/// A picture with its embedding in the export.
struct Sample {
    file: String,
    bytes: Bytes,
    vector: UnitVector,
}

/// The first pictures of a model.
#[derive(Default)]
struct Samples {
    samples: Vec<Sample>,
    /// Whether any line has an embedding of the model.
    has_embeddings: bool,
}

impl Proof {
    /// Encodes the first pictures of each model of the export again and compares. Returns which of the models have
    /// embeddings.
    ///
    /// # Errors
    /// [`ImportError::OtherEmbeddings`], [`ImportError::Unproven`], and the errors of reading the export.
    pub async fn check(&self, export: &Export) -> Result<Vec<bool>, ImportError> {
        let models = export.header.models.clone();
        if models.is_empty() {
            return Ok(Vec::new());
        }
        let (folder, max_bytes, exported) = (export.folder.clone(), self.max_bytes, models.clone());
        let samples = blocking::run(move || collect(&folder, &exported, max_bytes)).await??;
        let mut used = Vec::with_capacity(models.len());
        for (model, samples) in models.iter().zip(samples) {
            used.push(samples.has_embeddings);
            if samples.has_embeddings {
                self.compare(model, samples.samples).await?;
            }
        }
        Ok(used)
    }

    async fn compare(&self, model: &ExportedModel, samples: Vec<Sample>) -> Result<(), ImportError> {
        let key = model.key();
        let unproven = |reason: String| ImportError::Unproven { model: model.key(), reason };
        let (models_dir, options, decoder) = (self.models_dir.clone(), self.options, Arc::clone(&self.decoder));
        let loaded = blocking::run(move || Reencoding::load(&models_dir, &key, &options, decoder)).await?;
        let reencoding = loaded.map_err(|error| unproven(error.to_string()))?;
        let mut compared = 0;
        let mut last = "none of its pictures can be read".to_owned();
        for Sample { file, bytes, vector } in samples {
            match reencoding.cosine(bytes.into(), &vector).await {
                Ok(cosine) if cosine < LEAST_COSINE => {
                    return Err(ImportError::OtherEmbeddings { model: model.key(), cosine, least: LEAST_COSINE, file });
                }
                Ok(_) => compared += 1,
                Err(error) => last = format!("{file}: {error}"),
            }
        }
        if compared == 0 { Err(unproven(last)) } else { Ok(()) }
    }
}

/// Reads the first pictures of each model.
fn collect(folder: &Path, models: &[ExportedModel], max_bytes: usize) -> Result<Vec<Samples>, ImportError> {
    let mut found: Vec<Samples> = models.iter().map(|_| Samples::default()).collect();
    let (_, mut lines) = Lines::open(folder)?;
    while found.iter().any(|samples| samples.samples.len() < SAMPLE) {
        let line = match lines.next()? {
            Next::Image(line) => line,
            Next::Broken(..) => continue,
            Next::End(_) => break,
        };
        for embedding in &line.embeddings {
            let (Some(samples), Some(model)) = (found.get_mut(embedding.model), models.get(embedding.model)) else {
                continue;
            };
            samples.has_embeddings = true;
            if samples.samples.len() == SAMPLE {
                continue;
            }
            let (Some(file), Some(sha256)) = (&line.file, Sha256::parse(&line.sha256)) else { continue };
            let Ok(vector) = embedding.vector(model.vector_dimension) else { continue };
            let read = files::locate(folder, file).and_then(|path| files::read_verified(&path, &sha256, max_bytes));
            if let Ok(bytes) = read {
                samples.samples.push(Sample { file: file.clone(), bytes, vector });
            }
        }
    }
    Ok(found)
}

/// Finds or makes the rows of the models that have embeddings, in the order of the export. The model that was current comes
/// first, so that it becomes current in a store without models.
///
/// # Errors
/// [`StoreError::ModelDimension`], and the other errors of the store.
pub fn register(
    store: &(impl ModelStore + ?Sized),
    models: &[ExportedModel],
    used: &[bool],
) -> Result<Vec<Option<Model>>, StoreError> {
    let mut rows = vec![None; models.len()];
    let is_used = |place: &usize| used.get(*place).copied().unwrap_or_default();
    let mut places: Vec<usize> = (0..models.len()).filter(is_used).collect();
    places.sort_by_key(|place| !models[*place].is_current);
    for place in places {
        let model = &models[place];
        let new = NewModel {
            model_name: model.model_name.clone(),
            model_version: model.model_version.clone(),
            vector_dimension: model.vector_dimension,
        };
        rows[place] = Some(store.register_model(&new)?);
    }
    Ok(rows)
}
