//! The texts of a file, for files that are stored already and are read again.

use crate::decode::limits::DecodeLimits;
use crate::earlier::earlier_text;
use crate::error::ImageError;
use crate::formats::FileType;
use crate::picture::hidden_text;
use crate::prompt::{Described, describe};
use crate::sniff::sniff;
use crate::text::{TextLimits, text_chunks};
use crate::text_chunks::{TextChunk, TextSource};

/// The version of the reader of texts. A change of the caption, the tags, the generation prompt, the time or the camera
/// that are found in any file raises it, so that a store knows which of its files to read again. The first release has
/// version 0, version 2 is the first to find the time and the camera, and version 3 cuts every text.
pub const READER_VERSION: u32 = 3;

/// The texts of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileTexts {
    /// The texts and tags that the reader finds.
    pub described: Described,
    /// The text that the reader of version 0 found; see [`READER_VERSION`].
    pub earlier_text: Option<String>,
}

/// Reads the texts of a file, with at most `max_chars` characters of each. The pixels are decoded where a
/// generator may have hidden its text in them: in a PNG or WebP file without another generation prompt.
///
/// # Errors
/// [`ImageError::UnsupportedType`] for a file whose type is not known.
pub fn read_texts(bytes: &[u8], max_chars: usize, limits: &DecodeLimits) -> Result<FileTexts, ImageError> {
    let (file_type, text_limits) = (sniff(bytes)?, TextLimits::default());
    let mut chunks = text_chunks(bytes, file_type, &text_limits);
    let earlier_text = earlier_text(&chunks);
    let mut described = describe(&chunks, max_chars);
    if described.generation_prompt.is_none()
        && matches!(file_type, FileType::Png | FileType::WebP)
        && let Some(hidden) = hidden_text(file_type, bytes, limits, &text_limits)
    {
        chunks.chunks.push(TextChunk::new("stealth", hidden.text, TextSource::Stealth));
        chunks.truncated |= hidden.truncated;
        described = describe(&chunks, max_chars);
    }
    Ok(FileTexts { described, earlier_text })
}
