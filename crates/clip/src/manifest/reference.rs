//! The reference inputs of a manifest, by which a model is checked when it is loaded.

use mitsuke_index::UnitVector;

use super::fields::Fields;
use super::file::ModelFile;
use crate::error::ClipError;

/// The inputs whose vectors are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// Texts, at least one.
    pub texts: Vec<ReferenceText>,
    /// Pictures, at least one.
    pub images: Vec<ReferenceImage>,
}

/// A text with its vector.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceText {
    /// The text, before cleaning.
    pub text: String,
    /// The original model's vector.
    pub vector: UnitVector,
}

/// A picture with its vector.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceImage {
    /// The picture file.
    pub file: ModelFile,
    /// The original model's vector.
    pub vector: UnitVector,
}

impl Reference {
    /// Parses the object `reference` of a manifest whose vectors have `dimension` components.
    pub(super) fn parse(mut fields: Fields, dimension: usize) -> Result<Self, ClipError> {
        let mut texts = Vec::new();
        for mut item in fields.objects("texts")? {
            texts.push(ReferenceText { text: item.take("text")?, vector: vector(&mut item, dimension)? });
            item.finish()?;
        }
        let mut images = Vec::new();
        for mut item in fields.objects("images")? {
            images.push(ReferenceImage { file: item.file()?, vector: vector(&mut item, dimension)? });
            item.finish()?;
        }
        fields.check("texts", !texts.is_empty(), || "at least one text is needed".to_owned())?;
        fields.check("images", !images.is_empty(), || "at least one picture is needed".to_owned())?;
        fields.finish()?;
        Ok(Self { texts, images })
    }
}

fn vector(fields: &mut Fields, dimension: usize) -> Result<UnitVector, ClipError> {
    let components: Vec<f32> = fields.take("vector")?;
    let length = components.len();
    fields.check("vector", length == dimension, || {
        format!("it has {length} numbers, `vector_dimension` is {dimension}")
    })?;
    UnitVector::normalize(components).map_err(|cause| fields.error("vector", cause.to_string()))
}
