//! Pictures and texts with what the original model makes of them, against which a loaded model is held from end to end.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::encoder::Encoder;
use super::error::{ClipError, EncodeError};
use super::queue::Priority;
use super::reference::minimum_cosine;
use mitsuke_image::{DecodeLimits, decode};
use mitsuke_index::UnitVector;

/// A file of cases: `{"images": [{"file", "vector"}], "texts": [{"text", "ids"?, "vector"}]}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cases {
    images: Vec<ImageCase>,
    texts: Vec<TextCase>,
    /// Where the pictures lie.
    #[serde(skip)]
    folder: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageCase {
    /// Relative to the file of cases.
    file: PathBuf,
    vector: Vec<f32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TextCase {
    text: String,
    /// The row of ids that the original makes, filled with the pad id or not.
    ids: Option<Vec<i64>>,
    vector: Vec<f32>,
}

/// What a model made of cases.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseReport {
    /// Pictures compared.
    pub images: usize,
    /// Texts compared.
    pub texts: usize,
    /// Lowest cosine over the pictures.
    pub image_agreement: f32,
    /// Lowest cosine over the texts.
    pub text_agreement: f32,
    /// A sentence for every case that is not reproduced.
    pub failures: Vec<String>,
}

impl Cases {
    /// Reads a file of cases.
    ///
    /// # Errors
    /// When it cannot be read or is not one.
    pub fn read(path: &Path) -> Result<Self, ClipError> {
        let bytes = fs::read(path).map_err(|cause| ClipError::Read { path: path.to_owned(), cause })?;
        let mut cases: Self =
            serde_json::from_slice(&bytes).map_err(|cause| ClipError::NotJson { path: path.to_owned(), cause })?;
        cases.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(cases)
    }

    /// Encodes every case as a server would and compares. A case that fails is reported, the rest go on.
    pub async fn compare(&self, encoder: &Encoder) -> CaseReport {
        let mut report = CaseReport {
            images: self.images.len(),
            texts: self.texts.len(),
            image_agreement: 1.0,
            text_agreement: 1.0,
            failures: Vec::new(),
        };
        let (image_precision, text_precision) = encoder.precision();
        for case in &self.images {
            let result = encode_picture(encoder, &self.folder.join(&case.file)).await;
            let name = || case.file.display().to_string();
            let minimum = minimum_cosine(image_precision);
            hold(result, &case.vector, minimum, &name, (&mut report.image_agreement, &mut report.failures));
        }
        for case in &self.texts {
            let name = || format!("{:?}", case.text);
            if let Some(problem) = case.ids.as_ref().and_then(|expected| other_ids(encoder, &case.text, expected)) {
                report.failures.push(format!("{}: {problem}", name()));
            }
            let result = encoder.encode_text(&case.text, Priority::Search).await.map_err(|cause| cause.to_string());
            let minimum = minimum_cosine(text_precision);
            hold(result, &case.vector, minimum, &name, (&mut report.text_agreement, &mut report.failures));
        }
        report
    }
}

async fn encode_picture(encoder: &Encoder, path: &Path) -> Result<UnitVector, String> {
    let bytes = fs::read(path).map_err(|cause| format!("it cannot be read: {cause}"))?;
    let decoded = decode(&bytes, &DecodeLimits::default()).map_err(|cause| cause.to_string())?;
    let prepared = encoder.preprocess(&decoded.pixels);
    encoder.encode_image(prepared, Priority::Search).await.map_err(|cause: EncodeError| cause.to_string())
}

/// What is wrong with the ids of a text, if anything is. Rows are compared as far as the original's is not filled.
fn other_ids(encoder: &Encoder, text: &str, expected: &[i64]) -> Option<String> {
    let found = match encoder.token_ids(text) {
        Ok(found) => found,
        Err(cause) => return Some(cause.to_string()),
    };
    let pad = encoder.manifest().text.pad_id;
    let same = expected.starts_with(&found) && expected[found.len()..].iter().all(|&id| id == pad);
    if same { None } else { Some(format!("its ids are {found:?} instead of {expected:?}")) }
}

fn hold(
    found: Result<UnitVector, String>,
    expected: &[f32],
    minimum: f32,
    name: &dyn Fn() -> String,
    (lowest, failures): (&mut f32, &mut Vec<String>),
) {
    let cosine = found.and_then(|found| {
        let expected = UnitVector::normalize(expected.to_vec()).map_err(|cause| cause.to_string())?;
        if expected.dimension() != found.dimension() {
            return Err(format!("the case has {} numbers, the model {}", expected.dimension(), found.dimension()));
        }
        Ok(found.similarity(&expected))
    });
    match cosine {
        Ok(cosine) => {
            *lowest = lowest.min(cosine);
            if cosine.is_nan() || cosine < minimum {
                failures.push(format!("{}: cosine {cosine:.6}, at least {minimum} is needed", name()));
            }
        }
        Err(reason) => failures.push(format!("{}: {reason}", name())),
    }
}
