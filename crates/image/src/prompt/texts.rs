//! The text of a file as dialects read it.

use std::cell::Cell;

use serde_json::Value;

use super::fields::Fields;
use super::generation::Generation;
use super::json::{self, MAX_VALUES};
use crate::text_chunks::{TextChunk, TextSource};

/// The texts of a file. Each text is parsed as JSON once, for all dialects.
pub struct Texts<'c>(Vec<Text<'c>>);

/// A text of a file.
pub struct Text<'c> {
    /// The label that the text begins with, such as `prompt:{…}` in an EXIF field; otherwise the keyword or the place.
    pub key: &'c str,
    /// The text after the label, without white space around it.
    pub text: &'c str,
    /// The object that the text is, if the text is JSON.
    pub json: Option<Fields>,
}

/// The result of a dialect on the texts of a file.
#[derive(Default)]
pub struct Reading {
    /// The positions of the texts that the generator wrote.
    pub wrote: Vec<usize>,
    /// The readable parts.
    pub generation: Option<Generation>,
}

impl<'c> Texts<'c> {
    /// Reads chunks.
    pub fn new(chunks: &'c [TextChunk]) -> Self {
        let values_left = Cell::new(MAX_VALUES);
        let read = |chunk: &'c TextChunk| {
            let (key, text) = labelled(&chunk.text).unwrap_or((place(chunk), &chunk.text));
            let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}');
            Text { key, text, json: as_object(text, &values_left) }
        };
        Self(chunks.iter().map(read).collect())
    }

    /// Returns the texts with their positions.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Text<'c>)> {
        self.0.iter().enumerate()
    }

    /// Returns the text of the first text with this keyword.
    pub fn get(&self, key: &str) -> Option<&'c str> {
        self.0.iter().find(|text| text.is(&[key])).map(|text| text.text)
    }

    /// Reads with a dialect that needs one text at a time: `read` returns `None` for a text that is not of the dialect.
    pub fn each(&self, read: impl Fn(&Text<'c>) -> Option<Generation>) -> Reading {
        let mut reading = Reading::default();
        for (at, text) in self.iter() {
            if let Some(generation) = read(text) {
                reading.wrote.push(at);
                reading.generation = reading.generation.or(generation.if_any());
            }
        }
        reading
    }
}

impl Text<'_> {
    /// Returns whether the keyword is one of `keys`. Programs disagree about capital letters.
    pub fn is(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.key.eq_ignore_ascii_case(key))
    }
}

/// Returns the keyword of a text: that of PNG, or the name of the place in which the text stands.
fn place(chunk: &TextChunk) -> &str {
    match chunk.source {
        TextSource::XmpTitle | TextSource::IptcTitle | TextSource::XpTitle => "Title",
        TextSource::XmpDescription | TextSource::IptcCaption => "Description",
        TextSource::XmpUserComment | TextSource::UserComment => "UserComment",
        TextSource::XpComment | TextSource::JpegComment | TextSource::GifComment => "Comment",
        TextSource::Stealth => "stealth_pnginfo",
        _ => &chunk.key,
    }
}

/// Splits `label:{…}` into label and object. Programs that have only EXIF fields write such texts.
fn labelled(text: &str) -> Option<(&str, &str)> {
    let (label, rest) = text.split_at_checked(text.find(':')?)?;
    let label = label.trim();
    let is_label = !label.is_empty() && label.len() <= 32 && label.chars().all(|c| c.is_alphanumeric() || c == '_');
    let rest = &rest[1..];
    (is_label && rest.trim_start().starts_with('{')).then_some((label, rest))
}

/// Reads an object, which may be wrapped into a JSON string.
fn as_object(text: &str, values_left: &Cell<usize>) -> Option<Fields> {
    if !text.starts_with('{') && !text.starts_with("\"{") {
        return None;
    }
    match json::parse(text, values_left)? {
        Value::Object(object) => Some(object),
        Value::String(text) if text.starts_with('{') => match json::parse(&text, values_left)? {
            Value::Object(object) => Some(object),
            _ => None,
        },
        _ => None,
    }
}
