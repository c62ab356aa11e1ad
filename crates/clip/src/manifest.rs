//! `model.json`: what a model folder holds and how its inputs are made. `models/README.md` is its specification.

use std::path::Path;
use std::{fmt, fs};

use serde::Deserialize;

use super::error::ClipError;
use super::manifest_file::ModelFile;
use mitsuke_index::UnitVector;

/// A valid manifest: every field is in its range, and the fields agree with each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Name, for example `mitsuke-demo`.
    pub model_name: String,
    /// Version; name and version together identify a model.
    pub model_version: String,
    /// Components of a vector.
    pub vector_dimension: usize,
    /// SPDX expression, or the name of the licence.
    pub licence: String,
    /// One sentence for people.
    pub description: String,
    /// The image tower.
    pub image: ImageTower,
    /// The text tower.
    pub text: TextTower,
    /// Inputs whose vectors are known.
    pub reference: Reference,
    /// What `scripts/export_model.py` says about itself, where it wrote the folder.
    pub export: Option<Export>,
}

/// Where an exported model comes from, and how well it reproduced the original when it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Export {
    /// A hub name, a folder, or an architecture of open_clip.
    pub source: String,
    /// The commit of the hub's repository.
    pub revision: Option<String>,
    /// Lowest cosine of the image tower's float32 vectors with the original's.
    pub image_agreement: f32,
    /// The same of the text tower.
    pub text_agreement: f32,
}

/// A tower once more in bfloat16: half the size, and faster where the hardware multiplies such numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Bf16Variant {
    /// The TorchScript file; its inputs and outputs are those of the full one.
    pub file: ModelFile,
    /// Lowest cosine of its vectors with the original's when it was written.
    pub agreement: f32,
}

/// The image tower: float32 `[batch, 3, height, width]` → float32 `[batch, vector_dimension]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageTower {
    /// The TorchScript file.
    pub file: ModelFile,
    /// The precision its weights are stored in.
    pub stored_precision: Precision,
    /// The same tower in bfloat16.
    pub bf16: Option<Bf16Variant>,
    /// Name of the input; for people.
    pub input_name: String,
    /// From pixels to the tensor.
    pub preprocessing: Preprocessing,
}

/// From an RGB picture to the input tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preprocessing {
    /// Height of the tensor in pixels.
    pub height: u32,
    /// Width of the tensor in pixels.
    pub width: u32,
    /// How the picture is scaled.
    pub resize: Resize,
    /// What is cut out of the scaled picture.
    pub crop: Crop,
    /// The filter of the scaling.
    pub interpolation: Interpolation,
    /// Subtracted from each channel (red, green, blue) after scaling to 0–1.
    pub mean: [f32; 3],
    /// Each channel is divided by this afterwards.
    pub std: [f32; 3],
}

/// How a picture is scaled. Sizes are in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum Resize {
    /// The shorter edge becomes `size`, the aspect ratio stays.
    ShortestEdge {
        /// Length of the shorter edge.
        size: u32,
    },
    /// The picture becomes `size` × `size`, the aspect ratio is given up.
    Exact {
        /// Length of both edges.
        size: u32,
    },
    /// The longer edge becomes `size`, the rest of the square is filled.
    LongestEdgePad {
        /// Length of the longer edge, and of both edges after padding.
        size: u32,
        /// Red, green and blue of the rest; white when it is not said.
        #[serde(default = "white")]
        fill: [u8; 3],
    },
}

fn white() -> [u8; 3] {
    [255; 3]
}

impl Resize {
    /// The size it is given, in pixels.
    #[must_use]
    pub fn size(self) -> u32 {
        match self {
            Self::ShortestEdge { size } | Self::Exact { size } | Self::LongestEdgePad { size, .. } => size,
        }
    }
}

/// What is cut out of the scaled picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Crop {
    /// Height × width from the middle; halves of a pixel are rounded to even, as torchvision does.
    Center,
    /// Height × width from the middle; halves are rounded down, as Hugging Face's processors do.
    CenterFloor,
    /// Nothing: scaling gives the right size already.
    None,
}

/// The filter of a scaling, always antialiased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// Cubic convolution with a = −0.5 (Keys 1981).
    Bicubic,
    /// Triangle.
    Bilinear,
    /// Windowed sinc with three lobes.
    Lanczos,
}

/// The number format of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// IEEE 754 single.
    Float32,
    /// IEEE 754 half.
    Float16,
    /// The upper half of a single.
    Bfloat16,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Float32 => "float32",
            Self::Float16 => "float16",
            Self::Bfloat16 => "bfloat16",
        })
    }
}

/// The text tower: int64 `[batch, length]` inputs → float32 `[batch, vector_dimension]`.
#[derive(Debug, Clone, PartialEq)]
pub struct TextTower {
    /// The TorchScript file.
    pub file: ModelFile,
    /// The precision its weights are stored in.
    pub stored_precision: Precision,
    /// The same tower in bfloat16.
    pub bf16: Option<Bf16Variant>,
    /// The Hugging Face `tokenizers` file.
    pub tokenizer: ModelFile,
    /// Applied to a text in this order before it is tokenized.
    pub cleaning: Vec<CleaningStep>,
    /// Most tokens of a text, prefix and suffix included.
    pub context_length: usize,
    /// Final ids before the text's own.
    pub prefix_ids: Vec<i64>,
    /// Final ids after the text's own.
    pub suffix_ids: Vec<i64>,
    /// The id that fills a row.
    pub pad_id: i64,
    /// Added to every id of the tokenizer.
    pub id_offset: i64,
    /// The module's inputs in call order.
    pub inputs: Vec<TextInput>,
    /// How far rows are filled.
    pub padding: Padding,
}

/// A step of text cleaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CleaningStep {
    /// Repairs mojibake and the like, as Python's ftfy does.
    Ftfy,
    /// Resolves HTML character references, once.
    HtmlUnescape,
    /// Unicode normalization form KC.
    Nfkc,
    /// Unicode normalization form C.
    Nfc,
    /// Full Unicode lower-casing.
    Lowercase,
    /// `_` becomes a space.
    UnderscoresToSpaces,
    /// Removes ASCII punctuation.
    RemovePunctuation,
    /// Runs of white space become one space; none at the ends.
    CollapseWhitespace,
}

/// An input of the text module, int64 `[batch, length]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextInput {
    /// The tokens.
    InputIds,
    /// 1 where a token is, 0 where a row is filled.
    AttentionMask,
    /// 0, 1, 2, … in every row.
    PositionIds,
}

/// How far the rows of a batch are filled with the pad id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// To the longest text of the batch.
    Longest,
    /// To the context length.
    ContextLength,
}

/// Inputs whose vectors are known.
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
    /// What the original model makes of it.
    pub vector: UnitVector,
}

/// A picture with its vector.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceImage {
    /// The picture file.
    pub file: ModelFile,
    /// What the original model makes of it.
    pub vector: UnitVector,
}

impl Manifest {
    /// Name of the manifest in a model folder.
    pub const FILE_NAME: &str = "model.json";

    /// Reads and checks `folder/model.json`, and that the files it names exist. Their contents are checked by
    /// [`Self::verify_files`].
    ///
    /// # Errors
    /// When the manifest cannot be read, a field has no usable value, or a file is missing.
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

    /// Checks the SHA-256 of every file, reading each as a stream. Blocks: about a second per gigabyte.
    ///
    /// # Errors
    /// [`ClipError::Sha256`] for the first file that differs, or when one cannot be read.
    pub fn verify_files(&self, folder: &Path) -> Result<(), ClipError> {
        self.files().into_iter().try_for_each(|(_, file)| file.verify(folder))
    }

    /// The same for what an encoder reads that uses these modules; the other variant may be as large again.
    pub(super) fn verify_used(&self, folder: &Path, modules: [&ModelFile; 2]) -> Result<(), ClipError> {
        let images = self.reference.images.iter().map(|image| &image.file);
        modules.into_iter().chain([&self.text.tokenizer]).chain(images).try_for_each(|file| file.verify(folder))
    }

    /// Every file with the field that names it.
    #[must_use]
    pub fn files(&self) -> Vec<(&'static str, &ModelFile)> {
        let mut files = vec![
            ("image.file", &self.image.file),
            ("text.file", &self.text.file),
            ("text.tokenizer.file", &self.text.tokenizer),
        ];
        files.extend(self.image.bf16.iter().map(|variant| ("image.bf16.file", &variant.file)));
        files.extend(self.text.bf16.iter().map(|variant| ("text.bf16.file", &variant.file)));
        files.extend(self.reference.images.iter().map(|image| ("reference.images.file", &image.file)));
        files
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
