//! Tokenization: from a text to token ids, and to the int64 tensors of a text tower, exactly as the manifest says.

use std::path::Path;

use tokenizers::Tokenizer;

use super::clean::clean;
use super::error::{ClipError, EncodeError};
use super::manifest::{Padding, TextInput, TextTower};

/// The final ids of one text, prefix and suffix included, not padded. There are never more ids than the context holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenIds(Box<[i64]>);

impl TokenIds {
    /// Returns the ids.
    #[must_use]
    pub fn as_slice(&self) -> &[i64] {
        &self.0
    }
}

/// The inputs of a text module for several texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextBatch {
    /// The number of texts.
    pub rows: usize,
    /// The number of ids in each row.
    pub length: usize,
    /// One `[rows, length]` tensor, row after row, for each input of the manifest, in the order of the manifest.
    pub inputs: Vec<Vec<i64>>,
}

/// A tokenizer, which turns texts into ids and ids into tensors.
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    tower: TextTower,
}

impl TextTokenizer {
    /// Loads `tokenizer.json` from a model folder.
    ///
    /// # Errors
    /// [`ClipError::Tokenizer`] when the file is not a tokenizer.
    pub fn load(folder: &Path, tower: &TextTower) -> Result<Self, ClipError> {
        let path = tower.tokenizer.path(folder);
        let unusable =
            |cause: tokenizers::Error| ClipError::Tokenizer { path: path.clone(), reason: cause.to_string() };
        let mut tokenizer = Tokenizer::from_file(&path).map_err(unusable)?;
        // The file may switch padding and truncation on, but the manifest alone decides on both.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(unusable)?;
        Ok(Self { tokenizer, tower: tower.clone() })
    }

    /// Cleans and tokenizes a text, and cuts the ids to the context. This takes some ten microseconds for a query, and
    /// more for a longer text.
    ///
    /// # Errors
    /// [`EncodeError::Failed`] when the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<TokenIds, EncodeError> {
        let cleaned = clean(text, &self.tower.cleaning);
        // The argument `false` leaves out special tokens, because prefix and suffix come from the manifest. Offsets are
        // not needed.
        let encoding = self.tokenizer.encode_fast(cleaned, false);
        let encoding = encoding.map_err(|cause| EncodeError::Failed(format!("the tokenizer: {cause}")))?;
        Ok(self.frame(encoding.get_ids()))
    }

    /// Returns whether a text fits into the context, so that [`Self::encode`] cuts nothing.
    ///
    /// # Errors
    /// [`EncodeError::Failed`] when the tokenizer refuses the text.
    pub fn fits(&self, text: &str) -> Result<bool, EncodeError> {
        let encoding = self.tokenizer.encode_fast(clean(text, &self.tower.cleaning), false);
        let encoding = encoding.map_err(|cause| EncodeError::Failed(format!("the tokenizer: {cause}")))?;
        Ok(encoding.get_ids().len() <= self.room())
    }

    /// Returns the number of ids that a text's own ones may be.
    fn room(&self) -> usize {
        self.tower.context_length.saturating_sub(self.tower.prefix_ids.len() + self.tower.suffix_ids.len())
    }

    /// Cuts a text's own ids to the context, shifts them, and puts prefix and suffix around them.
    fn frame(&self, ids: &[u32]) -> TokenIds {
        let TextTower { prefix_ids, suffix_ids, id_offset, .. } = &self.tower;
        let own = ids.iter().take(self.room()).map(|id| i64::from(*id) + id_offset);
        TokenIds(prefix_ids.iter().copied().chain(own).chain(suffix_ids.iter().copied()).collect())
    }

    /// Returns the input tensors of several texts.
    #[must_use]
    pub fn batch(&self, texts: &[TokenIds]) -> TextBatch {
        let length = match self.tower.padding {
            Padding::ContextLength => self.tower.context_length,
            // The length is at least one, because modules cannot take a row without columns.
            Padding::Longest => texts.iter().map(|ids| ids.0.len()).max().unwrap_or(0).max(1),
        };
        let rows = || texts.iter().map(|ids| &*ids.0);
        let inputs = self.tower.inputs.iter().map(|input| match input {
            TextInput::InputIds => {
                rows().flat_map(|ids| filled(ids.iter().copied(), self.tower.pad_id, length)).collect()
            }
            TextInput::AttentionMask => rows().flat_map(|ids| filled(ids.iter().map(|_| 1), 0, length)).collect(),
            TextInput::PositionIds => rows().flat_map(|_| (0..).take(length)).collect(),
        });
        TextBatch { rows: texts.len(), length, inputs: inputs.collect() }
    }
}

/// Fills `row` with `pad` up to `length`.
fn filled(row: impl Iterator<Item = i64>, pad: i64, length: usize) -> impl Iterator<Item = i64> {
    row.chain(std::iter::repeat(pad)).take(length)
}

#[cfg(test)]
mod tests;
