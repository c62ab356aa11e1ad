//! The texts of a file without its pixels, for files that are stored already and are read again.

use crate::earlier::earlier_text;
use crate::error::ImageError;
use crate::prompt::{Described, describe};
use crate::sniff::sniff;
use crate::text::{TextLimits, text_chunks};

/// The version of the reader of texts. A change of the caption, the tags or the generation prompt that are found in any
/// file raises it, so that a store knows which of its files to read again. The first release has version 0.
pub const READER_VERSION: u32 = 1;

/// The texts of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileTexts {
    /// The texts and tags that the reader finds.
    pub described: Described,
    /// The text that the reader of version 0 found; see [`READER_VERSION`].
    pub earlier_text: Option<String>,
}

/// Reads the texts of a file, with at most `max_chars` characters of a generation prompt. Its pixels are not decoded.
///
/// # Errors
/// [`ImageError::UnsupportedType`] for a file whose type is not known.
pub fn read_texts(bytes: &[u8], max_chars: usize) -> Result<FileTexts, ImageError> {
    let chunks = text_chunks(bytes, sniff(bytes)?, &TextLimits::default());
    Ok(FileTexts { described: describe(&chunks, max_chars), earlier_text: earlier_text(&chunks) })
}
