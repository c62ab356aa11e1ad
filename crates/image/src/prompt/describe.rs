//! The classification of the text of a file.

use super::dialects::DIALECTS;
use super::generation::Generation;
use super::lines;
use crate::text_chunks::{TextChunk, TextChunks};

/// The meaning of the text of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Described {
    /// All text, if an image generator wrote the text: one `key:value` line for each chunk, in file order.
    pub generation_prompt: Option<String>,
    /// All text otherwise, in the same form.
    pub caption: Option<String>,
    /// The readable parts, if the text could be parsed.
    pub generation: Option<Generation>,
}

/// Classifies the text of a file as the original application does. All text is the generation prompt if the image
/// generator of one of the dialects in `prompt::dialects` wrote it; any other text is the caption.
#[must_use]
pub fn describe(text: &TextChunks) -> Described {
    let chunks = &text.chunks;
    if chunks.iter().all(|chunk| chunk.text.trim().is_empty()) {
        return Described::default();
    }
    let whole = Some(lines::join(chunks));
    let generation = parse_chunks(chunks);
    if DIALECTS.iter().any(|dialect| dialect.wrote(chunks)) {
        Described { generation_prompt: whole, caption: None, generation }
    } else {
        Described { generation_prompt: None, caption: whole, generation }
    }
}

/// Reads a generation prompt that is stored or that a caller set. The prompt is the `key:value` lines that [`describe`]
/// makes, or the text of a dialect without keywords, such as AUTOMATIC1111's parameters. Returns `None` for any other
/// text, such as free text.
#[must_use]
pub fn parse_generation_prompt(text: &str) -> Option<Generation> {
    parse_chunks(&lines::split(text)).or_else(|| DIALECTS.iter().find_map(|dialect| dialect.parse_bare(text)))
}

fn parse_chunks(chunks: &[TextChunk]) -> Option<Generation> {
    DIALECTS.iter().find_map(|dialect| dialect.parse(chunks))
}
