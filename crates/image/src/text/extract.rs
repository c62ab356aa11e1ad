//! The extraction of the text of a file from its metadata.

use super::collector::{Collector, TextLimits};
use super::exif;
use crate::formats::FileType;
use crate::metadata::Metadata;
use crate::text_chunks::TextChunks;

/// Extracts the text of a file of this type.
///
/// PNG: `tEXt`, `zTXt` and `iTXt` chunks, before and after the pixels. Many writers put UTF-8 where the format demands
/// Latin-1, so text that is valid UTF-8 is read as UTF-8. JPEG, PNG, WebP and TIFF: the EXIF user comment
/// (under the keyword of the dialect that wrote it, else `UserComment`), and the texts that a dialect writes into the
/// EXIF fields of the camera.
///
/// Text is never a reason to refuse a picture: a damaged chunk is skipped, and text beyond `limits` is cut off and
/// flagged. XMP packets and raw EXIF profiles are left out, because this metadata is useless for searches and may
/// reveal where the picture was taken.
#[must_use]
pub fn text_chunks(bytes: &[u8], file_type: FileType, limits: &TextLimits) -> TextChunks {
    extract(&file_type.metadata(bytes, limits.max_chunks), limits)
}

/// Extracts the text of a file from metadata that was read with [`TextLimits::max_chunks`] pieces of text at most.
pub fn extract(metadata: &Metadata<'_>, limits: &TextLimits) -> TextChunks {
    let mut collector = Collector::new(limits);
    for text in &metadata.texts {
        collector.add_raw(text.as_ref());
    }
    if metadata.has_more_texts {
        collector.note_more();
    }
    for exif in metadata.valid_exif() {
        exif::collect(exif, &mut collector);
    }
    collector.finish()
}
