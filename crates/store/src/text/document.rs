//! The searchable texts of an image as tokens.

use std::collections::BTreeSet;

use mitsuke_image::Generation;

use super::fold::{exact, folded};
use super::prose::prose;
use super::tokens::{Piece, pieces, tokens};
use crate::Image;

/// The largest number of characters of each text that are indexed. ComfyUI writes whole graphs of a megabyte into a
/// picture; the part that describes the picture is in the readable prompt, which has this much room to itself.
const MAX_TEXT_CHARS: usize = 32_768;

/// The texts of an image as they are stored.
#[derive(Debug, Default)]
pub(crate) struct Document<'a> {
    pub(crate) file_name: &'a str,
    pub(crate) caption: Option<&'a str>,
    pub(crate) tags: &'a [String],
    pub(crate) generation_prompt: Option<&'a str>,
    /// The readable parts of the generation prompt.
    pub(crate) generation: Option<&'a Generation>,
}

/// The texts of an image as tokens, each in the order of its text.
#[derive(Debug, Default)]
pub(crate) struct DocumentTokens {
    pub(crate) caption: Vec<String>,
    /// The tokens of the tags.
    pub(crate) tags: Vec<String>,
    /// The tokens of the readable prompt.
    pub(crate) prompt: Vec<String>,
    /// The tokens of what the generation prompt holds besides: the names of models, and prose that no dialect reads.
    pub(crate) raw: Vec<String>,
    pub(crate) file_name: Vec<String>,
    /// Every character of unspaced scripts that occurs in any of the texts.
    pub(crate) characters: BTreeSet<char>,
    /// The texts in their exact form; `None` when folding changes no token of theirs.
    pub(crate) varied: Option<VariedTokens>,
}

/// The tokens of the exact form of an image's texts.
#[derive(Debug, Default)]
pub(crate) struct VariedTokens {
    /// The tokens of each text.
    pub(crate) texts: Vec<Vec<String>>,
    /// Every character of unspaced scripts that occurs in any of the texts.
    pub(crate) characters: BTreeSet<char>,
}

impl<'a> Document<'a> {
    /// Returns the texts of a stored image.
    pub(crate) fn of(image: &'a Image) -> Self {
        Self {
            file_name: &image.file_name,
            caption: image.caption.as_deref(),
            tags: &image.tags,
            generation_prompt: image.generation_prompt.as_deref(),
            generation: image.generation.as_ref(),
        }
    }
}

impl Document<'_> {
    /// Cuts the texts into tokens.
    pub(crate) fn tokens(&self) -> DocumentTokens {
        let readable = self.generation.and_then(|generation| generation.prompt.as_deref()).unwrap_or_default();
        let rest = self.rest();
        let tags = self.tags.join("\n");
        let texts = [self.caption.unwrap_or_default(), &tags, readable, &rest, self.file_name].map(bounded);
        let exact_texts = texts.map(|text| pieces(&exact(text)));
        let folded_texts = texts.map(|text| pieces(&folded(text)));
        let mut characters = characters_of(&folded_texts);
        let varied = (exact_texts != folded_texts).then(|| {
            let spelled = characters_of(&exact_texts);
            // A query of one character is folded alone, without the neighbours by which a text folds 々 or ケ.
            characters
                .extend(spelled.iter().flat_map(|c| folded(c.encode_utf8(&mut [0; 4])).chars().collect::<Vec<_>>()));
            let texts = exact_texts.iter().filter(|text| !text.is_empty()).map(|text| tokens(text)).collect();
            VariedTokens { texts, characters: spelled }
        });
        let [caption, tags, prompt, raw, file_name] = folded_texts.map(|text| tokens(&text));
        DocumentTokens { caption, tags, prompt, raw, file_name, characters, varied }
    }

    /// Returns the words of the generation prompt besides the readable prompt: the name of the image generator's model,
    /// by which people look for their pictures, and the prose of a text that no dialect has read. Samplers are settings;
    /// a filter finds them.
    fn rest(&self) -> String {
        let raw = self.generation_prompt.unwrap_or_default();
        match self.generation {
            Some(generation) if generation.prompt.is_some() => generation.model.clone().unwrap_or_default(),
            Some(generation) => {
                let negative = generation.negative_prompt.as_deref().filter(|negative| !negative.is_empty());
                let prose = prose(raw);
                let shown = negative.map_or_else(|| prose.clone(), |negative| prose.replace(negative, "\n"));
                [generation.model.as_deref().unwrap_or_default(), &shown].join("\n")
            }
            None => prose(raw),
        }
    }
}

fn characters_of(texts: &[Vec<Piece>]) -> BTreeSet<char> {
    let runs = texts.iter().flatten().filter_map(|piece| match piece {
        Piece::Run(run) => Some(run),
        Piece::Word(_) => None,
    });
    runs.flatten().copied().collect()
}

/// Returns the part of a text that is indexed.
pub(super) fn bounded(text: &str) -> &str {
    text.char_indices().nth(MAX_TEXT_CHARS).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_that_folding_changes_are_kept_in_their_exact_form_too() {
        let plain = Document { caption: Some("Blue CAR, 青い車"), ..Document::default() }.tokens();
        assert!(plain.varied.is_none());
        let varied = Document { caption: Some("ネコと佐々木"), file_name: "a.png", ..Document::default() }.tokens();
        assert_eq!(varied.caption.join(" "), "ねこ こと と佐 佐佐 佐木 木");
        let exact = varied.varied.unwrap();
        assert_eq!(exact.texts[0].join(" "), "ネコ コと と佐 佐々 々木 木");
        assert_eq!(exact.texts[1].join(" "), "a png");
        assert!(varied.characters.contains(&'々') && varied.characters.contains(&'ね'));
    }

    #[test]
    fn a_prompt_that_was_read_stands_for_its_raw_text() {
        let generation = Generation {
            prompt: Some("a cat".into()),
            negative_prompt: Some("blurry".into()),
            sampler: Some("Euler".into()),
            model: Some("dreamXL".into()),
            ..Generation::default()
        };
        let raw = "parameters:a cat\nNegative prompt: blurry\nSteps: 3, Sampler: Euler, Model: dreamXL";
        let document =
            Document { generation_prompt: Some(raw), generation: Some(&generation), ..Document::default() }.tokens();
        assert_eq!((document.prompt.join(" "), document.raw.join(" ")), ("a cat".into(), "dreamxl".into()));
        let settings = Generation { prompt: None, ..generation };
        let raw = "Negative prompt: blurry\nSteps: 3, Sampler: Euler, Model: dreamXL";
        let document =
            Document { generation_prompt: Some(raw), generation: Some(&settings), ..Document::default() }.tokens();
        assert_eq!(document.raw.join(" "), "dreamxl");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(bounded(&"猫".repeat(40_000)).chars().count(), MAX_TEXT_CHARS);
    }
}
