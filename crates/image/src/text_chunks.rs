//! The text of a file as keywords and texts.

/// A keyword and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextChunk {
    /// The keyword, for example `parameters`; never empty.
    pub key: String,
    /// The text without NUL characters, otherwise as written.
    pub text: String,
}

/// The text of a file, in file order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextChunks {
    /// The chunks. A keyword that occurs several times in the file occurs equally often in this list.
    pub chunks: Vec<TextChunk>,
    /// Whether the file holds more text than `TextLimits` allow.
    pub truncated: bool,
}

impl TextChunks {
    /// Returns the text of the first chunk with this keyword.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.chunks.iter().find(|chunk| chunk.key == key).map(|chunk| chunk.text.as_str())
    }
}
