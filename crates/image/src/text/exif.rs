//! Text that image generators write into EXIF, where JPEG and WebP have no text chunks.

use std::borrow::Cow;

use super::Collector;
use crate::exif::{Exif, tag};
use crate::metadata::exif_blob;
use crate::sniff::FileType;

/// Collects ComfyUI's `prompt:…` and `workflow:…` from the camera fields, then the user comment.
pub(super) fn collect(bytes: &[u8], file_type: FileType, collector: &mut Collector) {
    let Some(blob) = exif_blob(bytes, file_type) else { return };
    let Some(exif) = Exif::parse(&blob) else { return };

    for tag in [tag::MODEL, tag::MAKE, tag::IMAGE_DESCRIPTION] {
        let value = exif.first_directory(tag).unwrap_or_default();
        for key in ["prompt", "workflow"] {
            if let Some(json) = strip_key(value, key) {
                push(key, json, collector);
            }
        }
    }
    if let Some(comment) = exif.user_comment().and_then(decode_comment) {
        let key = if is_a1111(&comment) { "parameters" } else { "UserComment" };
        push(key, comment.as_bytes(), collector);
    }
}

fn push(key: &str, text: &[u8], collector: &mut Collector) {
    if let Some(allowance) = collector.allowance() {
        collector.push(key, text, allowance, false);
    }
}

/// The JSON object after `key:`.
fn strip_key<'a>(value: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let json = value.strip_prefix(key.as_bytes())?.strip_prefix(b":")?;
    json.trim_ascii_start().starts_with(b"{").then_some(json)
}

fn is_a1111(comment: &str) -> bool {
    comment.contains("Negative prompt:") || comment.contains("Steps: ")
}

/// Eight bytes name the encoding; cameras leave the field blank, writers disagree about it.
fn decode_comment(value: &[u8]) -> Option<String> {
    let (code, text) = value.split_at_checked(8)?;
    let text = match code {
        b"UNICODE\0" => Cow::Owned(decode_utf16(text)),
        b"JIS\0\0\0\0\0" => return None,
        // ASCII, undefined (zeros), and writers that omit the code altogether.
        b"ASCII\0\0\0" | [0, 0, 0, 0, 0, 0, 0, 0] => decode_bytes(text),
        _ => decode_bytes(value),
    };
    let text = text.replace('\0', "");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// UTF-8 or, failing that, UTF-16 where every other byte of Latin text is zero, or Latin-1.
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

/// UTF-16 in the byte order that its mark names, or in which it reads more like text. The standard says
/// "the byte order of the file", AUTOMATIC1111 always writes big-endian, others always little-endian.
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

/// Prompts are full of spaces, ASCII letters and kana; with the bytes swapped they turn into rare
/// symbols. Ideographs prove little, many are ideographs either way.
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
