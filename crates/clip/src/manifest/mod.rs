//! `model.json`: the content of a model folder and how its inputs are made. `models/README.md` is its specification.

mod fields;
mod file;
mod image;
mod reference;
mod relevance;
mod text;
mod variant;

use std::fs;
use std::path::Path;

use super::error::ClipError;
use fields::Fields;

pub use file::{FileName, ModelFile};
pub use image::{Crop, ImageTower, Interpolation, Preprocessing, Resize};
pub use reference::{Reference, ReferenceImage, ReferenceText};
pub use relevance::{Answered, Relevance, RightHit, TextRelevance};
pub use text::{CleaningStep, Padding, TextInput, TextTower};
pub use variant::{Quantization, QuantizationMethod, Variant};

/// The one manifest format that this version reads.
const FORMAT: u32 = 1;
/// The largest `vector_dimension`, which is the largest dimension of Oracle's VECTOR type.
const MAX_DIMENSION: usize = 65_533;

/// A valid manifest: every field is in its range, and the fields agree with each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The name, for example `mitsuke-demo`.
    pub model_name: String,
    /// The version. Name and version together identify a model.
    pub model_version: String,
    /// The number of components of a vector.
    pub vector_dimension: usize,
    /// The SPDX expression, or the name of the licence.
    pub licence: String,
    /// A description of one sentence.
    pub description: String,
    /// The image tower.
    pub image: ImageTower,
    /// The text tower.
    pub text: TextTower,
    /// The reference inputs, whose vectors are known.
    pub reference: Reference,
    /// The calibration of relevance, if the model is calibrated.
    pub relevance: Option<Relevance>,
    /// The origin and agreement of the model, if `scripts/export_model.py` wrote the folder.
    pub export: Option<Export>,
}

/// The origin of an exported model, and its agreement with the original when it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Export {
    /// A hub name, a folder, or an architecture of open_clip.
    pub source: String,
    /// The commit of the hub's repository.
    pub revision: Option<String>,
    /// The lowest cosine of the full image tower's vectors with the original's.
    pub image_agreement: f32,
    /// The lowest cosine of the full text tower's vectors with the original's.
    pub text_agreement: f32,
}

impl Manifest {
    /// The file name of the manifest in a model folder.
    pub const FILE_NAME: &str = "model.json";

    /// Reads and checks `folder/model.json`, and checks that the files it names exist. Their contents are checked by
    /// [`Self::verify_files`].
    ///
    /// # Errors
    /// [`ClipError::Read`] or [`ClipError::NotJson`] when the manifest cannot be read, [`ClipError::Manifest`] when a
    /// field has no usable value or a file is missing.
    pub fn read(folder: &Path) -> Result<Self, ClipError> {
        let path = folder.join(Self::FILE_NAME);
        let bytes = fs::read(&path).map_err(|cause| ClipError::Read { path: path.clone(), cause })?;
        let json = serde_json::from_slice(&bytes).map_err(|cause| ClipError::NotJson { path, cause })?;
        let manifest = Self::from_json(json)?;
        for (field, file) in manifest.files() {
            file.check_exists(folder, field)?;
        }
        Ok(manifest)
    }

    /// Checks a parsed manifest.
    ///
    /// # Errors
    /// [`ClipError::Manifest`] with the first field that has no usable value.
    pub fn from_json(json: serde_json::Value) -> Result<Self, ClipError> {
        let mut root = Fields::new(json, "")?;
        // The format is checked first, so that a later format is reported as such and not as a list of unknown fields.
        let format: u32 = root.take("format")?;
        root.check("format", format == FORMAT, || format!("it is {format}, this version reads format {FORMAT}"))?;
        let vector_dimension = root.take("vector_dimension")?;
        root.check("vector_dimension", (1..=MAX_DIMENSION).contains(&vector_dimension), || {
            format!("it is {vector_dimension}, and must be from 1 to {MAX_DIMENSION}")
        })?;
        let manifest = Self {
            model_name: root.name("model_name")?,
            model_version: root.name("model_version")?,
            vector_dimension,
            licence: root.name("licence")?,
            description: root.take("description")?,
            image: ImageTower::parse(root.object("image")?)?,
            text: TextTower::parse(root.object("text")?)?,
            reference: Reference::parse(root.object("reference")?, vector_dimension)?,
            relevance: root
                .optional_object("relevance")?
                .map(|fields| Relevance::parse(fields, vector_dimension))
                .transpose()?,
            export: root.optional_object("export")?.map(Export::parse).transpose()?,
        };
        root.finish()?;
        Ok(manifest)
    }

    /// Checks the SHA-256 of every file. Each file is read as a stream; this blocks for about a second per gigabyte.
    ///
    /// # Errors
    /// [`ClipError::Sha256`] for the first file that differs, or [`ClipError::Read`] when one cannot be read.
    pub fn verify_files(&self, folder: &Path) -> Result<(), ClipError> {
        self.files().into_iter().try_for_each(|(_, file)| file.verify(folder))
    }

    /// Checks the SHA-256 of the files that every encoder reads. The variants are left out: each of them may be large, and
    /// is checked when it is loaded.
    pub(super) fn verify_inputs(&self, folder: &Path) -> Result<(), ClipError> {
        let images = self.reference.images.iter().map(|image| &image.file);
        [&self.text.tokenizer].into_iter().chain(images).try_for_each(|file| file.verify(folder))
    }

    /// Returns every file with the field that names it.
    #[must_use]
    pub fn files(&self) -> Vec<(&'static str, &ModelFile)> {
        let mut files = vec![
            ("image.file", &self.image.full.file),
            ("text.file", &self.text.full.file),
            ("text.tokenizer.file", &self.text.tokenizer),
        ];
        files.extend(self.image.variants.iter().map(|variant| ("image.variants.file", &variant.file)));
        files.extend(self.text.variants.iter().map(|variant| ("text.variants.file", &variant.file)));
        files.extend(self.reference.images.iter().map(|image| ("reference.images.file", &image.file)));
        files
    }
}

impl Export {
    fn parse(mut fields: Fields) -> Result<Self, ClipError> {
        let export = Self {
            source: fields.take("source")?,
            revision: fields.take("revision")?,
            image_agreement: fields.cosine("image_agreement")?,
            text_agreement: fields.cosine("text_agreement")?,
        };
        fields.finish()?;
        Ok(export)
    }
}

#[cfg(test)]
mod tests;
