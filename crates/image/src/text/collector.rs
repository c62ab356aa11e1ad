//! The collection of the text of a file within limits.

use super::encoding;
use crate::inflate::inflate;
use crate::metadata::{Body, RawText};
use crate::text_chunks::{TextChunk, TextChunks, TextSource};

/// Limits on the text that is taken from one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextLimits {
    /// The largest number of bytes of one chunk's text, after decompression.
    pub max_chunk_bytes: usize,
    /// The largest number of bytes of all text together, after decompression. The bytes decompressed from damaged
    /// chunks count too.
    pub max_total_bytes: usize,
    /// The largest number of chunks. Damaged chunks count too.
    pub max_chunks: usize,
}

/// The defaults are 8 MiB a chunk, 16 MiB in all, and 512 chunks. These limits suffice for a ComfyUI workflow that holds
/// a source picture as base64, and for the keywords of a picture agency.
impl Default for TextLimits {
    fn default() -> Self {
        Self { max_chunk_bytes: 8 << 20, max_total_bytes: 16 << 20, max_chunks: 512 }
    }
}

/// Gathers chunks and enforces the limits.
pub struct Collector {
    found: TextChunks,
    chunk_bytes: usize,
    bytes_left: usize,
    chunks_left: usize,
}

impl Collector {
    /// Makes a collector without chunks.
    pub fn new(limits: &TextLimits) -> Self {
        Self {
            found: TextChunks::default(),
            chunk_bytes: limits.max_chunk_bytes,
            bytes_left: limits.max_total_bytes,
            chunks_left: limits.max_chunks,
        }
    }

    /// Adds a decoded text, unless it is blank.
    pub fn add_text(&mut self, source: TextSource, key: &str, text: &str) {
        if text.trim_matches(|c: char| c.is_whitespace() || c.is_control()).is_empty() {
            return;
        }
        let Some(allowance) = self.allowance() else { return };
        let end = text.floor_char_boundary(allowance);
        self.charge(end);
        self.found.truncated |= end < text.len();
        self.found.chunks.push(TextChunk::new(key, text[..end].replace('\0', ""), source));
    }

    /// Adds a text as it stands in the file. An unreadable text gives no chunk but counts as a chunk.
    pub fn add_raw(&mut self, text: Option<&RawText<'_>>) {
        let Some(allowance) = self.allowance() else { return };
        let Some(RawText { key, body, source }) = text else { return };
        let key = encoding::decode(key);
        match body {
            Body::Plain(text) => self.push(*source, &key, text, allowance, false),
            Body::Zlib(zlib) => {
                let text = inflate(zlib, allowance);
                if text.damaged {
                    self.charge(text.bytes.len());
                } else {
                    self.push(*source, &key, &text.bytes, allowance, text.truncated);
                }
            }
        }
    }

    /// Notes that the file holds more text than was gathered.
    pub fn note_more(&mut self) {
        self.found.truncated = true;
    }

    /// Returns the chunks that were gathered.
    pub fn finish(self) -> TextChunks {
        self.found
    }

    /// Counts one more chunk and returns how many bytes the chunk may have. Once no more text is taken, the function
    /// notes that the file holds more and returns `None`.
    fn allowance(&mut self) -> Option<usize> {
        if self.chunks_left == 0 || self.bytes_left == 0 {
            self.note_more();
            return None;
        }
        self.chunks_left -= 1;
        Some(self.chunk_bytes.min(self.bytes_left))
    }

    /// Counts decompressed bytes against the total.
    fn charge(&mut self, bytes: usize) {
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
    }

    /// Adds `text`, cut to `allowance` bytes. `truncated` says that the text was cut before.
    fn push(&mut self, source: TextSource, key: &str, text: &[u8], allowance: usize, truncated: bool) {
        let (text, cut) = match text.get(..allowance) {
            Some(head) => (head, truncated || text.len() > allowance),
            None => (text, truncated),
        };
        self.charge(text.len());
        self.found.truncated |= cut;
        // A character that was cut in two is dropped.
        let whole = match std::str::from_utf8(text) {
            Err(error) if cut && error.error_len().is_none() => &text[..error.valid_up_to()],
            _ => text,
        };
        self.found.chunks.push(TextChunk::new(key, encoding::decode(whole), source));
    }
}
