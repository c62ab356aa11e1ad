//! JSON → a valid [`Manifest`]: every field in its range, and the fields in agreement with each other.

use super::error::ClipError;
use super::manifest::{
    Bf16Variant, Crop, Export, ImageTower, Manifest, Preprocessing, Reference, ReferenceImage, ReferenceText, Resize,
    TextInput, TextTower,
};
use super::manifest_fields::Fields;
use super::manifest_file::{FileName, ModelFile};
use mitsuke_index::UnitVector;

/// The one manifest format this version reads.
const FORMAT: u32 = 1;
/// Largest `vector_dimension`; what Oracle's VECTOR type holds.
const MAX_DIMENSION: usize = 65_533;
/// Largest height or width of an encoder's input, in pixels.
const MAX_EDGE: u32 = 4_096;
/// Largest `context_length`, in tokens.
const MAX_CONTEXT: usize = 32_768;
/// Longest name or version, in characters.
const MAX_NAME: usize = 200;

impl Manifest {
    /// Checks a parsed manifest.
    ///
    /// # Errors
    /// [`ClipError::Manifest`] with the first field that has no usable value.
    pub fn from_json(json: serde_json::Value) -> Result<Self, ClipError> {
        let mut root = Fields::new(json, "")?;
        // First, so that a later format is called that and not a list of unknown fields.
        let format: u32 = root.take("format")?;
        root.check("format", format == FORMAT, || format!("it is {format}, this version reads format {FORMAT}"))?;
        let vector_dimension = root.take("vector_dimension")?;
        root.check("vector_dimension", (1..=MAX_DIMENSION).contains(&vector_dimension), || {
            format!("it is {vector_dimension}, and must be from 1 to {MAX_DIMENSION}")
        })?;
        let manifest = Self {
            model_name: name(&mut root, "model_name")?,
            model_version: name(&mut root, "model_version")?,
            vector_dimension,
            licence: name(&mut root, "licence")?,
            description: root.take("description")?,
            image: image_tower(root.object("image")?)?,
            text: text_tower(root.object("text")?)?,
            reference: reference(root.object("reference")?, vector_dimension)?,
            export: root.optional_object("export")?.map(export).transpose()?,
        };
        root.finish()?;
        Ok(manifest)
    }
}

fn name(fields: &mut Fields, field: &str) -> Result<String, ClipError> {
    let name: String = fields.take(field)?;
    let usable = !name.trim().is_empty() && name.chars().count() <= MAX_NAME && !name.contains(char::is_control);
    fields.check(field, usable, || {
        format!("it must have 1 to {MAX_NAME} characters, none of them a control character")
    })?;
    Ok(name)
}

fn image_tower(mut fields: Fields) -> Result<ImageTower, ClipError> {
    let mut size = fields.object("size")?;
    let (height, width) = (edge(&mut size, "height")?, edge(&mut size, "width")?);
    size.finish()?;
    let preprocessing = Preprocessing {
        height,
        width,
        resize: fields.take("resize")?,
        crop: fields.take("crop")?,
        interpolation: fields.take("interpolation")?,
        mean: fields.take("mean")?,
        std: fields.take("std")?,
    };
    check_preprocessing(&fields, &preprocessing)?;
    let tower = ImageTower {
        file: fields.file()?,
        stored_precision: fields.take("stored_precision")?,
        bf16: fields.optional_object("bf16")?.map(bf16_variant).transpose()?,
        input_name: name(&mut fields, "input_name")?,
        preprocessing,
    };
    fields.finish()?;
    Ok(tower)
}

fn bf16_variant(mut fields: Fields) -> Result<Bf16Variant, ClipError> {
    let variant = Bf16Variant { file: fields.file()?, agreement: cosine(&mut fields, "agreement")? };
    fields.finish()?;
    Ok(variant)
}

fn export(mut fields: Fields) -> Result<Export, ClipError> {
    let export = Export {
        source: fields.take("source")?,
        revision: fields.take("revision")?,
        image_agreement: cosine(&mut fields, "image_agreement")?,
        text_agreement: cosine(&mut fields, "text_agreement")?,
    };
    fields.finish()?;
    Ok(export)
}

fn cosine(fields: &mut Fields, field: &str) -> Result<f32, ClipError> {
    let cosine = fields.take(field)?;
    fields.check(field, (-1.0..=1.0).contains(&cosine), || format!("it is {cosine}, and must be a cosine"))?;
    Ok(cosine)
}

fn edge(fields: &mut Fields, field: &str) -> Result<u32, ClipError> {
    let edge = fields.take(field)?;
    fields
        .check(field, (1..=MAX_EDGE).contains(&edge), || format!("it is {edge}, and must be from 1 to {MAX_EDGE}"))?;
    Ok(edge)
}

/// The scaled picture must hold the crop, or be of the tensor's size where nothing is cropped.
fn check_preprocessing(fields: &Fields, p: &Preprocessing) -> Result<(), ClipError> {
    let size = p.resize.size();
    let larger = p.height.max(p.width);
    fields.check("resize", (1..=MAX_EDGE).contains(&size), || {
        format!("its size is {size}, and must be from 1 to {MAX_EDGE}")
    })?;
    match p.crop {
        Crop::Center | Crop::CenterFloor => fields.check("resize", size >= larger, || {
            format!("its size {size} is smaller than the crop's longer edge {larger}")
        })?,
        Crop::None => {
            let square = !matches!(p.resize, Resize::ShortestEdge { .. });
            fields.check("crop", square && size == p.height && size == p.width, || {
                format!("`none` needs a resize that always gives {} × {}", p.width, p.height)
            })?;
        }
    }
    fields.check("mean", p.mean.iter().all(|x| x.is_finite()), || "every number must be finite".to_owned())?;
    fields.check("std", p.std.iter().all(|x| x.is_finite() && *x > 0.0), || {
        "every number must be finite and above 0".to_owned()
    })
}

fn text_tower(mut fields: Fields) -> Result<TextTower, ClipError> {
    let mut tokenizer = fields.object("tokenizer")?;
    let tokenizer_file = tokenizer.file()?;
    tokenizer.finish()?;
    let tower = TextTower {
        file: fields.file()?,
        stored_precision: fields.take("stored_precision")?,
        bf16: fields.optional_object("bf16")?.map(bf16_variant).transpose()?,
        tokenizer: tokenizer_file,
        cleaning: fields.take("cleaning")?,
        context_length: fields.take("context_length")?,
        prefix_ids: ids(&mut fields, "prefix_ids")?,
        suffix_ids: ids(&mut fields, "suffix_ids")?,
        pad_id: fields.take::<u32>("pad_id")?.into(),
        id_offset: fields.take::<i32>("id_offset")?.into(),
        inputs: fields.take("inputs")?,
        padding: fields.take("padding")?,
    };
    let special = tower.prefix_ids.len() + tower.suffix_ids.len();
    fields.check("context_length", (1..=MAX_CONTEXT).contains(&tower.context_length), || {
        format!("it is {}, and must be from 1 to {MAX_CONTEXT}", tower.context_length)
    })?;
    fields.check("context_length", tower.context_length > special, || {
        format!("{} leaves no room beside {special} prefix and suffix ids", tower.context_length)
    })?;
    let distinct = tower.inputs.iter().enumerate().all(|(i, input)| !tower.inputs[..i].contains(input));
    fields.check("inputs", distinct, || "an input is named twice".to_owned())?;
    fields
        .check("inputs", tower.inputs.contains(&TextInput::InputIds), || "`input_ids` must be among them".to_owned())?;
    fields.finish()?;
    Ok(tower)
}

fn ids(fields: &mut Fields, field: &str) -> Result<Vec<i64>, ClipError> {
    Ok(fields.take::<Vec<u32>>(field)?.into_iter().map(i64::from).collect())
}

fn reference(mut fields: Fields, dimension: usize) -> Result<Reference, ClipError> {
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
    Ok(Reference { texts, images })
}

fn vector(fields: &mut Fields, dimension: usize) -> Result<UnitVector, ClipError> {
    let components: Vec<f32> = fields.take("vector")?;
    let length = components.len();
    fields.check("vector", length == dimension, || {
        format!("it has {length} numbers, `vector_dimension` is {dimension}")
    })?;
    UnitVector::normalize(components).map_err(|cause| fields.error("vector", cause.to_string()))
}

impl Fields {
    /// A file with its digest, from the fields `file` and `sha256`.
    fn file(&mut self) -> Result<ModelFile, ClipError> {
        let name: String = self.take("file")?;
        let name = FileName::parse(&name).map_err(|reason| self.error("file", reason))?;
        let sha256: String = self.take("sha256")?;
        ModelFile::new(name, &sha256).map_err(|reason| self.error("sha256", reason))
    }
}
