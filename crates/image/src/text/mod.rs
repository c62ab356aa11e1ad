//! The text inside a file: PNG text chunks, and the EXIF fields where image generators write theirs.

mod exif;
mod png;
#[cfg(test)]
mod tests;

use super::sniff::FileType;

/// How much text is taken out of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextLimits {
    /// Most bytes of one chunk's text, after decompression.
    pub max_chunk_bytes: usize,
    /// Most bytes of all text together, after decompression; what damaged chunks cost counts too.
    pub max_total_bytes: usize,
    /// Most chunks.
    pub max_chunks: usize,
}

/// 2 MiB a chunk, 8 MiB in all, 256 chunks: a ComfyUI workflow of thousands of nodes fits.
impl Default for TextLimits {
    fn default() -> Self {
        Self { max_chunk_bytes: 2 << 20, max_total_bytes: 8 << 20, max_chunks: 256 }
    }
}

/// One keyword and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextChunk {
    /// The keyword, for example `parameters`; never empty.
    pub key: String,
    /// The text without NUL characters, otherwise as written.
    pub text: String,
}

/// All text of a file, in file order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextChunks {
    /// The chunks, the same keyword as often as it occurs.
    pub chunks: Vec<TextChunk>,
    /// Whether the file holds more text than [`TextLimits`] let through.
    pub truncated: bool,
}

impl TextChunks {
    /// The text of the first chunk with this keyword.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.chunks.iter().find(|chunk| chunk.key == key).map(|chunk| chunk.text.as_str())
    }
}

/// Extracts the text of a file whose type was [sniffed](super::sniff()).
///
/// PNG: `tEXt`, `zTXt` and `iTXt` chunks, before and after the pixels. Many writers put UTF-8 where the
/// format says Latin-1, so text that is valid UTF-8 is read as such. JPEG, PNG, WebP and TIFF: the EXIF
/// user comment (`parameters` when it is AUTOMATIC1111's, else `UserComment`), and the prompt and
/// workflow that ComfyUI writes into the camera fields.
///
/// Text never refuses a picture: a damaged chunk is skipped, and what exceeds `limits` is cut off and
/// flagged. XMP packets and raw EXIF profiles are left out: they are metadata in which nobody searches,
/// and may tell where the picture was taken.
#[must_use]
pub fn text_chunks(bytes: &[u8], file_type: FileType, limits: &TextLimits) -> TextChunks {
    let mut collector = Collector::new(limits);
    if file_type == FileType::Png {
        png::collect(bytes, &mut collector);
    }
    exif::collect(bytes, file_type, &mut collector);
    collector.found
}

/// Gathers chunks and enforces the limits.
struct Collector {
    found: TextChunks,
    chunk_bytes: usize,
    bytes_left: usize,
    chunks_left: usize,
}

impl Collector {
    fn new(limits: &TextLimits) -> Self {
        Self {
            found: TextChunks::default(),
            chunk_bytes: limits.max_chunk_bytes,
            bytes_left: limits.max_total_bytes,
            chunks_left: limits.max_chunks,
        }
    }

    /// How many bytes the next chunk may have; `None`, with the note set, when nothing more is taken.
    fn allowance(&mut self) -> Option<usize> {
        if self.chunks_left == 0 || self.bytes_left == 0 {
            self.found.truncated = true;
            return None;
        }
        self.chunks_left -= 1;
        Some(self.chunk_bytes.min(self.bytes_left))
    }

    /// Charges work that gave no text.
    fn charge(&mut self, bytes: usize) {
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
    }

    /// Adds `text`, cut to `allowance` bytes; `truncated` when it was cut before.
    fn push(&mut self, key: &str, text: &[u8], allowance: usize, truncated: bool) {
        let (text, cut) = match text.get(..allowance) {
            Some(head) => (head, truncated || text.len() > allowance),
            None => (text, truncated),
        };
        self.charge(text.len());
        self.found.truncated |= cut;
        let text = to_text(text, cut);
        self.found.chunks.push(TextChunk { key: key.to_owned(), text });
    }
}

/// UTF-8 when it is valid UTF-8 (a character that a cut went through is dropped), else Latin-1, in
/// which every byte is a character. NUL goes: no text needs it and databases trip over it.
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
