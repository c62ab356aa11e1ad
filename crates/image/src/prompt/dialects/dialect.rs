//! The description of a dialect.

use crate::prompt::generation::Generation;
use crate::text_chunks::TextChunk;

/// A dialect: the form in which one image generator writes its prompts into files.
pub trait Dialect: Sync {
    /// Returns the keywords of the chunks that the generator writes. Each keyword begins a chunk when the stored form
    /// is read back.
    fn keys(&self) -> &'static [&'static str];

    /// Returns whether the generator wrote the text of the file. All text is then the generation prompt.
    fn wrote(&self, chunks: &[TextChunk]) -> bool;

    /// Reads the parts from the chunks of a file; `None` when they are not of this dialect.
    fn parse(&self, chunks: &[TextChunk]) -> Option<Generation>;

    /// Reads the parts from a text without keywords; `None` when it is not of this dialect.
    fn parse_bare(&self, _text: &str) -> Option<Generation> {
        None
    }

    /// Returns the keyword of an EXIF user comment that the generator wrote; `None` for any other comment.
    fn user_comment_key(&self, _comment: &str) -> Option<&'static str> {
        None
    }

    /// Returns the keywords of texts that the generator writes into the EXIF fields of the camera, as `keyword:{…}`.
    fn camera_field_keys(&self) -> &'static [&'static str] {
        &[]
    }
}

/// Returns the texts of the chunks with this keyword.
pub fn texts<'c>(chunks: &'c [TextChunk], key: &'static str) -> impl Iterator<Item = &'c str> {
    chunks.iter().filter(move |chunk| chunk.key == key).map(|chunk| chunk.text.as_str())
}

/// Returns whether there is a chunk with this keyword.
pub fn has(chunks: &[TextChunk], key: &'static str) -> bool {
    texts(chunks, key).next().is_some()
}
