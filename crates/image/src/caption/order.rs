//! The places of captions and keywords in a file, in the order in which they are read.

use crate::text_chunks::{TextChunk, TextSource};

/// The places of captions: titles come before descriptions, and places that a person fills in by hand before those that
/// programs fill in as well. docs/texts.md shows the same order to users.
const CAPTIONS: [TextSource; 15] = [
    TextSource::XmpTitle,
    TextSource::IptcTitle,
    TextSource::XpTitle,
    TextSource::XmpHeadline,
    TextSource::IptcHeadline,
    TextSource::XmpDescription,
    TextSource::IptcCaption,
    TextSource::ImageDescription,
    TextSource::XpSubject,
    TextSource::XpComment,
    TextSource::UserComment,
    TextSource::XmpUserComment,
    TextSource::PngText,
    TextSource::JpegComment,
    TextSource::GifComment,
];

/// The keywords of PNG text that come before the others, in lower case.
const PNG_KEYS: &[&str] = &["title", "caption", "description", "subject", "comment"];

/// The places of keywords. A place with a hierarchy comes last, because most programs that write one also write its
/// parts as plain keywords.
const TAGS: [TextSource; 4] =
    [TextSource::XmpSubject, TextSource::IptcKeyword, TextSource::XpKeywords, TextSource::XmpHierarchicalSubject];

/// The keywords of PNG text that hold keywords, in lower case.
const PNG_TAG_KEYS: &[&str] = &["keywords", "keyword", "tags"];

/// Returns the rank of the chunk's place among the places of captions; `None` when the place holds none.
pub fn caption_rank(chunk: &TextChunk) -> Option<(usize, usize)> {
    let place = CAPTIONS.iter().position(|source| *source == chunk.source)?;
    if chunk.source != TextSource::PngText {
        return Some((place, 0));
    }
    if is_png_tags(chunk) {
        return None;
    }
    let key = chunk.key.to_lowercase();
    Some((place, PNG_KEYS.iter().position(|known| *known == key).unwrap_or(PNG_KEYS.len())))
}

/// Returns the rank of the chunk's place among the places of keywords; `None` when the place holds none.
pub fn tag_rank(chunk: &TextChunk) -> Option<usize> {
    if chunk.source == TextSource::PngText {
        return is_png_tags(chunk).then_some(TAGS.len());
    }
    TAGS.iter().position(|source| *source == chunk.source)
}

fn is_png_tags(chunk: &TextChunk) -> bool {
    PNG_TAG_KEYS.contains(&chunk.key.to_lowercase().as_str())
}
