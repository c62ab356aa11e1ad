//! The texts in EXIF: those of persons, of cameras, and of image generators, which write here because JPEG and WebP have
//! no text chunks.

use super::collector::Collector;
use super::encoding;
use super::taken;
use super::user_comment;
use crate::exif::{Exif, tag};
use crate::text_chunks::TextSource;

/// The ASCII fields that are read, with their names. The model comes before the maker, because ComfyUI writes its prompt
/// into the model and its workflow into the maker.
const FIELDS: [(u16, TextSource, &str); 4] = [
    (tag::MODEL, TextSource::CameraModel, "Model"),
    (tag::MAKE, TextSource::Make, "Make"),
    (tag::IMAGE_DESCRIPTION, TextSource::ImageDescription, "ImageDescription"),
    (tag::SOFTWARE, TextSource::Software, "Software"),
];

/// The fields of Windows that are read, in UTF-16, with their names.
const WINDOWS_FIELDS: [(u16, TextSource, &str); 4] = [
    (tag::XP_TITLE, TextSource::XpTitle, "XPTitle"),
    (tag::XP_SUBJECT, TextSource::XpSubject, "XPSubject"),
    (tag::XP_COMMENT, TextSource::XpComment, "XPComment"),
    (tag::XP_KEYWORDS, TextSource::XpKeywords, "XPKeywords"),
];

/// Collects the texts of the fields, then the user comment and the time.
pub fn collect(exif: Exif<'_>, collector: &mut Collector) {
    for (tag, source, key) in FIELDS {
        if let Some(value) = exif.first_directory(tag) {
            collector.add_text(source, key, &ascii(value));
        }
    }
    for (tag, source, key) in WINDOWS_FIELDS {
        if let Some(value) = exif.first_directory(tag) {
            collector.add_text(source, key, &encoding::decode_unicode(value, false));
        }
    }
    if let Some(comment) = exif.user_comment().and_then(|value| user_comment::decode(value, exif.is_big_endian())) {
        collector.add_text(TextSource::UserComment, "UserComment", &comment);
    }
    if let Some(taken) = taken::in_exif(&exif) {
        collector.add_text(TextSource::TakenAt, "DateTimeOriginal", &taken);
    }
}

/// Decodes a field that EXIF calls ASCII. The text ends with the first NUL, unless it is UTF-16.
fn ascii(value: &[u8]) -> String {
    let end = value.iter().position(|&b| b == 0).unwrap_or(value.len());
    match &value[..end] {
        // One letter before the first zero, or none and more after it, is UTF-16.
        [] | [_] => encoding::decode(value),
        text => encoding::decode(text),
    }
}
