//! The collection of the text of a file within limits.

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

/// The defaults are 2 MiB a chunk, 8 MiB in all, and 256 chunks. These limits suffice for a ComfyUI workflow of
/// thousands of nodes.
impl Default for TextLimits {
    fn default() -> Self {
        Self { max_chunk_bytes: 2 << 20, max_total_bytes: 8 << 20, max_chunks: 256 }
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

    /// Adds a text that is not compressed.
    pub fn add(&mut self, source: TextSource, key: &str, text: &[u8]) {
        if let Some(allowance) = self.allowance() {
            self.push(source, key, text, allowance, false);
        }
    }

    /// Adds a text as it stands in the file. An unreadable text gives no chunk but counts as a chunk.
    pub fn add_raw(&mut self, text: Option<&RawText<'_>>) {
        let Some(allowance) = self.allowance() else { return };
        let Some(RawText { key, body, source }) = text else { return };
        let key = to_text(key, false);
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
        let text = to_text(text, cut);
        self.found.chunks.push(TextChunk::new(key, text, source));
    }
}

/// Reads bytes as UTF-8 if they are valid UTF-8 (a character that was cut in two is dropped), else as Latin-1, in which
/// every byte is a character. NUL characters are removed: no text needs them, and databases refuse them.
fn to_text(bytes: &[u8], cut: bool) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(error) if cut && error.error_len().is_none() => {
            String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned()
        }
        Err(_) => bytes.iter().map(|&b| char::from(b)).collect(),
    };
    if text.contains('\0') { text.replace('\0', "") } else { text }
}
