//! The choice of the caption and the tags among the texts of a file.

use crate::text_chunks::{TextChunk, TextSource};

/// The caption and the tags of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Captioned {
    /// The caption.
    pub caption: Option<String>,
    /// The tags, without duplicates.
    pub tags: Vec<String>,
}

/// Reads caption and tags from the chunks that no image generator wrote.
pub fn read<'c>(chunks: impl IntoIterator<Item = &'c TextChunk>) -> Captioned {
    let texts: Vec<_> = chunks
        .into_iter()
        .filter(|chunk| matches!(chunk.source, TextSource::PngText | TextSource::UserComment))
        .map(|chunk| format!("{}:{}", chunk.key, chunk.text))
        .collect();
    Captioned { caption: (!texts.is_empty()).then(|| texts.join("\n")), tags: Vec::new() }
}
