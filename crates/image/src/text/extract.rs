//! The extraction of the text of a file from its metadata.

use std::collections::HashSet;

use super::collector::{Collector, TextLimits};
use super::{exif, iptc, persons, xmp};
use crate::formats::FileType;
use crate::metadata::Metadata;
use crate::text_chunks::TextChunks;

/// Extracts the text of a file of this type.
///
/// PNG: `tEXt`, `zTXt` and `iTXt` chunks, before and after the pixels. JPEG and GIF: comments. Every format that has a
/// place for them: the EXIF fields of persons, cameras and generators, the captions and keywords of IPTC and XMP. Many
/// writers disagree with the encodings that the formats demand, so the encoding is guessed from the bytes
/// (`text::encoding`). Names of persons, owners and places are not read.
///
/// Text is never a reason to refuse a picture: a damaged chunk is skipped, and text beyond `limits` is cut off and
/// flagged.
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
    if let Some(records) = &metadata.iptc {
        iptc::collect(records, &mut collector);
    }
    let mut names = HashSet::new();
    for packet in &metadata.xmp {
        names.extend(xmp::collect(packet, &mut collector));
    }
    let mut found = collector.finish();
    persons::leave_out(&names, &mut found.chunks);
    found
}
