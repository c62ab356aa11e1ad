//! The test cases of a model: pictures and texts with the original model's vectors, compared from end to end.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::encoder::Encoder;
use super::error::{ClipError, EncodeError};
use super::queue::Priority;
use mitsuke_image::{DecodeLimits, decode};
use mitsuke_index::UnitVector;

/// The test cases of a model, from a JSON file `{"images": [{"file", "vector"}], "texts": [{"text", "ids"?, "vector"}]}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestCases {
    images: Vec<ImageCase>,
    texts: Vec<TextCase>,
    /// The folder of the file. The paths of the pictures are relative to this folder.
    #[serde(skip)]
    folder: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageCase {
    /// The path of the picture, relative to the folder of the file.
    file: PathBuf,
    vector: Vec<f32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TextCase {
    text: String,
    /// The token ids of the original, with or without pad ids at the end.
    ids: Option<Vec<i64>>,
    vector: Vec<f32>,
}

/// The result of comparing a model with its test cases.
#[derive(Debug, Clone, PartialEq)]
pub struct TestReport {
    /// The number of pictures compared.
    pub images: usize,
    /// The number of texts compared.
    pub texts: usize,
    /// The lowest cosine over the pictures.
    pub image_agreement: f32,
    /// The lowest cosine over the texts.
    pub text_agreement: f32,
    /// One line for every case that is not reproduced.
    pub failures: Vec<String>,
}

impl TestCases {
    /// Reads a file of test cases.
    ///
    /// # Errors
    /// [`ClipError::Read`] when the file cannot be read, [`ClipError::NotJson`] when it is not JSON of this form.
    pub fn read(path: &Path) -> Result<Self, ClipError> {
        let bytes = fs::read(path).map_err(|cause| ClipError::Read { path: path.to_owned(), cause })?;
        let mut cases: Self =
            serde_json::from_slice(&bytes).map_err(|cause| ClipError::NotJson { path: path.to_owned(), cause })?;
        cases.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(cases)
    }

    /// Encodes every case as a server would and compares the result with the original's vector. A case that fails is
    /// reported, and the other cases are still compared.
    pub async fn compare(&self, encoder: &Encoder) -> TestReport {
        let mut report = TestReport {
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
            let minimum = image_precision.minimum_cosine();
            record(result, &case.vector, minimum, &name, (&mut report.image_agreement, &mut report.failures));
        }
        for case in &self.texts {
            let name = || format!("{:?}", case.text);
            if let Some(problem) = case.ids.as_ref().and_then(|expected| ids_problem(encoder, &case.text, expected)) {
                report.failures.push(format!("{}: {problem}", name()));
            }
            let result = encoder.encode_text(&case.text, Priority::Search).await.map_err(|cause| cause.to_string());
            let minimum = text_precision.minimum_cosine();
            record(result, &case.vector, minimum, &name, (&mut report.text_agreement, &mut report.failures));
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

/// Returns a description of how the ids of a text differ from the expected ids. Pad ids at the end of the expected ids
/// do not count.
fn ids_problem(encoder: &Encoder, text: &str, expected: &[i64]) -> Option<String> {
    let found = match encoder.token_ids(text) {
        Ok(found) => found,
        Err(cause) => return Some(cause.to_string()),
    };
    let pad = encoder.manifest().text.pad_id;
    let same = expected.starts_with(&found) && expected[found.len()..].iter().all(|&id| id == pad);
    if same { None } else { Some(format!("its ids are {found:?} instead of {expected:?}")) }
}

/// Compares a vector with the expected vector, keeps the lowest cosine, and adds a failure when the vectors differ too
/// much.
fn record(
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
