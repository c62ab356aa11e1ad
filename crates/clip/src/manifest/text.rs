//! The text tower of a manifest, and the steps from a text to the inputs of the tower.

use serde::Deserialize;

use super::fields::Fields;
use super::file::ModelFile;
use super::variant::Variant;
use crate::error::ClipError;

/// The largest `context_length`, in tokens.
const MAX_CONTEXT: usize = 32_768;

/// The text tower: int64 `[batch, length]` inputs → float32 `[batch, vector_dimension]`.
#[derive(Debug, Clone, PartialEq)]
pub struct TextTower {
    /// The variant that every folder has.
    pub full: Variant,
    /// The other variants, in the order of the manifest.
    pub variants: Vec<Variant>,
    /// The Hugging Face `tokenizers` file.
    pub tokenizer: ModelFile,
    /// The cleaning steps that are applied to a text, in this order, before the text is tokenized.
    pub cleaning: Vec<CleaningStep>,
    /// The largest number of tokens of a text, prefix and suffix included.
    pub context_length: usize,
    /// The final ids before the text's own ids.
    pub prefix_ids: Vec<i64>,
    /// The final ids after the text's own ids.
    pub suffix_ids: Vec<i64>,
    /// The pad id, which fills a row.
    pub pad_id: i64,
    /// The number that is added to every id of the tokenizer.
    pub id_offset: i64,
    /// The module's inputs in call order.
    pub inputs: Vec<TextInput>,
    /// The length to which rows are filled.
    pub padding: Padding,
}

/// A step of text cleaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CleaningStep {
    /// Normalises quotes, widths, ligatures and the like, as Python's ftfy does.
    Ftfy,
    /// Resolves HTML character references, once.
    HtmlUnescape,
    /// Applies Unicode normalization form KC.
    Nfkc,
    /// Applies Unicode normalization form C.
    Nfc,
    /// Applies full Unicode lower-casing.
    Lowercase,
    /// Replaces `_` by a space.
    UnderscoresToSpaces,
    /// Removes ASCII punctuation.
    RemovePunctuation,
    /// Makes one space of each run of white space, and removes white space at the ends.
    CollapseWhitespace,
}

/// An input of the text module, int64 `[batch, length]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextInput {
    /// The tokens.
    InputIds,
    /// The number 1 for each token, and 0 where a row is filled.
    AttentionMask,
    /// The positions 0, 1, 2, … in every row.
    PositionIds,
}

/// The length to which the rows of a batch are filled with the pad id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// The length of the longest text of the batch.
    Longest,
    /// The context length.
    ContextLength,
}

impl TextTower {
    /// Parses the object `text` of a manifest.
    pub(super) fn parse(mut fields: Fields) -> Result<Self, ClipError> {
        let mut tokenizer = fields.object("tokenizer")?;
        let tokenizer_file = tokenizer.file()?;
        tokenizer.finish()?;
        let full = Variant::take_full(&mut fields)?;
        let tower = Self {
            variants: Variant::take_others(&mut fields, &full)?,
            full,
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
        tower.check(&fields)?;
        fields.finish()?;
        Ok(tower)
    }

    /// Checks that a text of one token fits the context, and that the inputs can be made.
    fn check(&self, fields: &Fields) -> Result<(), ClipError> {
        let special = self.prefix_ids.len() + self.suffix_ids.len();
        fields.check("context_length", (1..=MAX_CONTEXT).contains(&self.context_length), || {
            format!("it is {}, and must be from 1 to {MAX_CONTEXT}", self.context_length)
        })?;
        fields.check("context_length", self.context_length > special, || {
            format!("{} leaves no room beside {special} prefix and suffix ids", self.context_length)
        })?;
        let distinct = self.inputs.iter().enumerate().all(|(i, input)| !self.inputs[..i].contains(input));
        fields.check("inputs", distinct, || "an input is named twice".to_owned())?;
        fields
            .check("inputs", self.inputs.contains(&TextInput::InputIds), || "`input_ids` must be among them".to_owned())
    }
}

fn ids(fields: &mut Fields, field: &str) -> Result<Vec<i64>, ClipError> {
    Ok(fields.take::<Vec<u32>>(field)?.into_iter().map(i64::from).collect())
}
