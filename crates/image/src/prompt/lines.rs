//! Text chunks ↔ the stored form, one `key:value` line per chunk.

use crate::TextChunk;

/// Keywords that begin a chunk when the stored form is read back: those of image generators, and those
/// that PNG and ImageMagick define. Values may have many lines, so any other "word:" at the start of a
/// line is taken for a part of the text.
const KEYS: [&str; 27] = [
    "parameters",
    "prompt",
    "workflow",
    "prompt_2",
    "prompt_3",
    "negative_prompt",
    "negative_prompt_2",
    "negative_prompt_3",
    "seed",
    "steps",
    "num_inference_steps",
    "guidance_scale",
    "sampler",
    "scheduler",
    "model",
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

/// One `key:value` line per chunk, values whole (their own line breaks included).
pub(super) fn join(chunks: &[TextChunk]) -> String {
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

/// The chunks of the stored form; none when the text does not begin with a known keyword.
pub(super) fn split(text: &str) -> Vec<TextChunk> {
    let mut chunks: Vec<TextChunk> = Vec::new();
    for line in text.split('\n') {
        match (known_key(line), chunks.last_mut()) {
            (Some((key, value)), _) => {
                chunks.push(TextChunk { key: key.to_owned(), text: value.to_owned() });
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
    KEYS.iter().find_map(|key| {
        let value = line.strip_prefix(key)?.strip_prefix(':')?;
        Some((&line[..key.len()], value))
    })
}
