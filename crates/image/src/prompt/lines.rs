//! The conversion of text chunks to and from the stored form, one `key:value` line for each chunk.

use super::dialects::DIALECTS;
use crate::text_chunks::{TextChunk, TextSource};

/// Keywords that begin a chunk when the stored form is read back, in addition to those of the [dialects](DIALECTS).
/// PNG, ImageMagick and EXIF define these keywords. A text may have many lines, so any other `word:` at the start of a
/// line is taken for a part of the text.
const COMMON_KEYS: [&str; 12] = [
    "date:create",
    "date:modify",
    "date:timestamp",
    "Author",
    "Comment",
    "Copyright",
    "Creation Time",
    "Description",
    "Disclaimer",
    "Software",
    "Source",
    "UserComment",
];

/// Writes one `key:value` line for each chunk. Line breaks within a text stay.
pub fn join(chunks: &[TextChunk]) -> String {
    let mut joined = String::with_capacity(chunks.iter().map(|c| c.key.len() + c.text.len() + 2).sum());
    for (i, chunk) in chunks.iter().enumerate() {
        if i > 0 {
            joined.push('\n');
        }
        joined.push_str(&chunk.key);
        joined.push(':');
        joined.push_str(&chunk.text);
    }
    joined
}

/// Reads the chunks of the stored form back. The result is empty when the text does not begin with a known keyword.
pub fn split(text: &str) -> Vec<TextChunk> {
    let mut chunks: Vec<TextChunk> = Vec::new();
    for line in text.split('\n') {
        match (known_key(line), chunks.last_mut()) {
            (Some((key, value)), _) => {
                chunks.push(TextChunk::new(key, value, TextSource::Stored));
            }
            (None, Some(chunk)) => {
                chunk.text.push('\n');
                chunk.text.push_str(line);
            }
            (None, None) => return Vec::new(),
        }
    }
    chunks
}

fn known_key(line: &str) -> Option<(&str, &str)> {
    let keys = DIALECTS.iter().flat_map(|dialect| dialect.keys()).chain(&COMMON_KEYS);
    keys.into_iter().find_map(|key| {
        let value = line.strip_prefix(key)?.strip_prefix(':')?;
        Some((&line[..key.len()], value))
    })
}
