//! The text in EXIF. Image generators write into EXIF because JPEG and WebP have no text chunks.

use std::borrow::Cow;

use super::collector::Collector;
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

/// Collects the texts of the fields, then the user comment.
pub fn collect(exif: Exif<'_>, collector: &mut Collector) {
    for (tag, source, key) in FIELDS {
        let value = exif.first_directory(tag).unwrap_or_default();
        if value.iter().any(|b| !matches!(b, 0 | b' ')) {
            collector.add(source, key, value);
        }
    }
    if let Some(comment) = exif.user_comment().and_then(decode_comment) {
        collector.add(TextSource::UserComment, "UserComment", comment.as_bytes());
    }
}

/// Reads a user comment. Its first eight bytes name the encoding; cameras leave the comment blank, and writers disagree
/// about the encoding.
fn decode_comment(value: &[u8]) -> Option<String> {
    let (code, text) = value.split_at_checked(8)?;
    let text = match code {
        b"UNICODE\0" => Cow::Owned(decode_utf16(text)),
        b"JIS\0\0\0\0\0" => return None,
        // The code is ASCII, or undefined (zeros).
        b"ASCII\0\0\0" | [0, 0, 0, 0, 0, 0, 0, 0] => decode_bytes(text),
        // Some writers omit the code.
        _ => decode_bytes(value),
    };
    let text = text.replace('\0', "");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Reads text of an unknown encoding. Text with many zero bytes is read as UTF-16, because every other byte of Latin
/// text in UTF-16 is zero. Other text is read as UTF-8 if it is valid UTF-8, else as Latin-1.
fn decode_bytes(text: &[u8]) -> Cow<'_, str> {
    let end = text.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    let zeros = text[..end].iter().filter(|&&b| b == 0).count();
    if zeros * 4 > end {
        return Cow::Owned(decode_utf16(text));
    }
    match std::str::from_utf8(text) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(text.iter().map(|&b| char::from(b)).collect()),
    }
}

/// Reads UTF-16 in the byte order that its mark names, or without a mark in the byte order in which the text is more
/// legible. The standard demands the byte order of the file, but AUTOMATIC1111 always writes big-endian, and others
/// always little-endian.
fn decode_utf16(bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let (read, pairs): (fn([u8; 2]) -> u16, _) = match pairs {
        [[0xFE, 0xFF], rest @ ..] => (u16::from_be_bytes, rest),
        [[0xFF, 0xFE], rest @ ..] => (u16::from_le_bytes, rest),
        _ if legibility(pairs, u16::from_le_bytes) > legibility(pairs, u16::from_be_bytes) => {
            (u16::from_le_bytes, pairs)
        }
        _ => (u16::from_be_bytes, pairs),
    };
    char::decode_utf16(pairs.iter().map(|&pair| read(pair)))
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Rates how much UTF-16 looks like text. Prompts are full of spaces, ASCII letters and kana, which turn into rare
/// symbols when the bytes are swapped. Ideographs prove little, because many are ideographs in either order.
fn legibility(pairs: &[[u8; 2]], read: fn([u8; 2]) -> u16) -> u64 {
    pairs
        .iter()
        .map(|&pair| match read(pair) {
            0x09 | 0x0A | 0x0D | 0x20..=0x7E => 4,
            0x3000..=0x30FF => 4,
            0x4E00..=0x9FFF | 0xFF01..=0xFF5E => 1,
            _ => 0,
        })
        .sum()
}
