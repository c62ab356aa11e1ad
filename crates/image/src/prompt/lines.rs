//! The conversion of texts to and from the stored form, one `key:value` line for each text.

use super::dialects::DIALECTS;
use crate::text_chunks::{TextChunk, TextSource};

/// Keywords that begin a text when the stored form is read back, in addition to those of the [dialects](DIALECTS).
/// PNG, ImageMagick, EXIF and XMP define these keywords. A text may have many lines, so any other `word:` at the start
/// of a line is taken for a part of the text.
const COMMON_KEYS: [&str; 16] = [
    "date:create",
    "date:modify",
    "date:timestamp",
    "Author",
    "Comment",
    "Copyright",
    "Creation Time",
    "Description",
    "Disclaimer",
    "Generation time",
    "ImageDescription",
    "Software",
    "Source",
    "Title",
    "UserComment",
    "Warning",
];

/// Writes one `key:value` line for each text. Line breaks within a text stay.
pub fn join<'t>(texts: impl Iterator<Item = (&'t str, &'t str)>) -> String {
    let lines: Vec<_> = texts.map(|(key, text)| [key, ":", text].concat()).collect();
    lines.join("\n")
}

/// Reads the texts of the stored form back in every way in which they may have been written: by the keywords of all
/// dialects, by the ordinary words that are keywords of one dialect, and last as one text without a keyword.
pub fn split_in_every_way(text: &str) -> impl Iterator<Item = Vec<TextChunk>> {
    let words = DIALECTS.iter().map(|dialect| dialect.word_keys()).filter(|words| !words.is_empty());
    let by_words = words.map(move |words| split(text, |line| find_key(line, words)));
    let by_keys = std::iter::once_with(move || split(text, known_key));
    let bare = std::iter::once_with(move || vec![TextChunk::new("", text, TextSource::Stored)]);
    by_words.chain(by_keys).chain(bare).filter(|chunks| !chunks.is_empty())
}

/// Splits a text at the lines that begin with a key. The result is empty when the first line does not.
fn split<'t>(text: &'t str, key: impl Fn(&'t str) -> Option<(&'t str, &'t str)>) -> Vec<TextChunk> {
    let mut chunks: Vec<TextChunk> = Vec::new();
    for line in text.split('\n') {
        match (key(line), chunks.last_mut()) {
            (Some((key, value)), _) => chunks.push(TextChunk::new(key, value, TextSource::Stored)),
            (None, Some(chunk)) => {
                chunk.text.push('\n');
                chunk.text.push_str(line);
            }
            (None, None) => return Vec::new(),
        }
    }
    chunks
}

/// Splits a line into a keyword of any dialect and the value. Programs disagree about the capitals of a keyword before
/// an object.
fn known_key(line: &str) -> Option<(&str, &str)> {
    let keys = || DIALECTS.iter().flat_map(|dialect| dialect.keys()).chain(&COMMON_KEYS);
    find_key(line, keys()).or_else(|| {
        let (key, value) = line.split_once(':')?;
        let is_known = value.trim_start().starts_with('{') && keys().any(|known| known.eq_ignore_ascii_case(key));
        is_known.then_some((key, value))
    })
}

fn find_key<'t, 'k>(line: &'t str, keys: impl IntoIterator<Item = &'k &'k str>) -> Option<(&'t str, &'t str)> {
    keys.into_iter().find_map(|key| {
        let value = line.strip_prefix(key)?.strip_prefix(':')?;
        Some((&line[..key.len()], value))
    })
}
