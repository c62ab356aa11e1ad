//! The definition of a match: whether the texts of an image meet the condition of a keyword query. The full-text indexes
//! of the stores find the same images faster.

use std::collections::BTreeSet;

use super::document::DocumentTokens;
use super::query::{Form, Query};

impl DocumentTokens {
    /// Returns whether the texts meet a condition.
    pub(crate) fn hold(&self, query: &Query) -> bool {
        match query {
            Query::Character(form, character) => {
                self.characters_in(*form).is_some_and(|characters| characters.contains(character))
            }
            Query::Phrase { form, tokens, last_is_prefix } => {
                self.texts_in(*form).any(|text| holds_phrase(text, tokens, *last_is_prefix))
            }
            Query::Unvaried(inner) => self.varied.is_none() && self.hold(inner),
            Query::Any(parts) => parts.iter().any(|part| self.hold(part)),
            Query::All(parts) => parts.iter().all(|part| self.hold(part)),
        }
    }

    fn characters_in(&self, form: Form) -> Option<&BTreeSet<char>> {
        match form {
            Form::Folded => Some(&self.characters),
            Form::Exact => self.varied.as_ref().map(|varied| &varied.characters),
        }
    }

    fn texts_in(&self, form: Form) -> impl Iterator<Item = &Vec<String>> {
        let folded = [&self.caption, &self.tags, &self.prompt, &self.raw, &self.file_name];
        let exact = self.varied.as_ref().filter(|_| form == Form::Exact).map(|varied| varied.texts.as_slice());
        folded.into_iter().filter(move |_| form == Form::Folded).chain(exact.unwrap_or_default())
    }
}

fn holds_phrase(text: &[String], phrase: &[String], last_is_prefix: bool) -> bool {
    let Some((last, before)) = phrase.split_last() else { return false };
    text.windows(phrase.len()).any(|window| {
        window.split_last().is_some_and(|(end, start)| {
            start == before && if last_is_prefix { end.starts_with(last.as_str()) } else { end == last }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::document::Document;
    use super::*;

    fn holds(caption: &str, term: &str) -> bool {
        let tokens = Document { caption: Some(caption), ..Document::default() }.tokens();
        Query::term(term).is_some_and(|query| tokens.hold(&query))
    }

    #[test]
    fn texts_hold_characters_phrases_and_prefixes() {
        for (caption, term) in [
            ("黒猫が座る", "猫"),
            ("黒猫が座る", "猫が座"),
            ("A Black Cat", "black cat"),
            ("赤いSUV車です", "赤いSUV車"),
            ("ネコ", "ねこ"),
            ("ネコ", "\"ネコ\""),
            ("ねこ", "\"ねこ\""),
        ] {
            assert!(holds(caption, term), "{caption} {term}");
        }
        for (caption, term) in [
            ("黒猫が座る", "犬"),
            ("a black fat cat", "black cat"),
            ("ネコ", "\"ねこ\""),
            ("ねこ", "\"ネコ\""),
            ("a", "!"),
        ] {
            assert!(!holds(caption, term), "{caption} {term}");
        }
    }
}
