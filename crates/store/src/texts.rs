//! The searchable texts of an image, cut the same way for every store.

use std::borrow::Cow;
use std::collections::BTreeSet;

use mitsuke_image::Generation;

use super::segment::Stream;

/// Characters of each text that are indexed. ComfyUI writes whole graphs of a megabyte into a picture; what
/// they say about the picture is in the readable prompt, which has this much room to itself.
const FIELD_CHARS: usize = 32_768;

/// An image's texts as they are stored.
#[derive(Debug, Default)]
pub(super) struct Document<'a> {
    pub(super) file_name: &'a str,
    pub(super) caption: Option<&'a str>,
    pub(super) generation_prompt: Option<&'a str>,
    /// The readable parts of the generation prompt.
    pub(super) generation: Option<&'a Generation>,
}

/// An image's texts as tokens with spaces between, each in the order of its text.
#[derive(Debug, Default)]
pub(super) struct Streams {
    pub(super) caption: String,
    /// The readable prompt.
    pub(super) prompt: String,
    /// The rest of the generation prompt.
    pub(super) raw: String,
    pub(super) file_name: String,
    /// Each character of unspaced scripts that occurs in any of them.
    pub(super) characters: BTreeSet<char>,
}

impl Document<'_> {
    /// Cuts the texts.
    pub(super) fn streams(&self) -> Streams {
        let readable = self.generation.and_then(|generation| generation.prompt.as_deref()).unwrap_or_default();
        let raw = remainder(self.generation_prompt.unwrap_or_default(), readable);
        let mut characters = BTreeSet::new();
        let mut stream = |text: &str| Stream::of(bounded(text), &mut characters).0;
        let caption = stream(self.caption.unwrap_or_default());
        let prompt = stream(readable);
        let raw = stream(&raw);
        let file_name = stream(self.file_name);
        Streams { caption, prompt, raw, file_name, characters }
    }
}

/// The raw text without the readable prompt, which has a column of its own and more weight there.
fn remainder<'a>(raw: &'a str, readable: &str) -> Cow<'a, str> {
    let raw = bounded(raw);
    let rest = if !readable.is_empty() && raw.contains(readable) {
        Cow::Owned(raw.replacen(readable, "\n", 1))
    } else {
        Cow::Borrowed(raw)
    };
    // ComfyUI's JSON mostly escapes what is not ASCII, so 猫 is there as \u732b.
    if rest.contains("{\"") && rest.contains('\\') { Cow::Owned(unescaped(&rest)) } else { rest }
}

/// Resolves the escapes of JSON strings wherever they occur; what is none stays as it is.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        rest = match escape.chars().next() {
            Some('u') => match utf16_escape(&rest[at..]) {
                Some((c, length)) => {
                    out.push(c);
                    &rest[at + length..]
                }
                None => escape,
            },
            Some(c @ ('n' | 'r' | 't' | 'f' | 'b' | '"' | '\\' | '/')) => {
                out.push(if c.is_alphabetic() { ' ' } else { c });
                &escape[1..]
            }
            _ => {
                out.push('\\');
                escape
            }
        };
    }
    out.push_str(rest);
    out
}

/// The character that `\uXXXX` (or a pair of them) at the start of `text` stands for, and its length in bytes.
fn utf16_escape(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
    };
    let first = unit(0)?;
    let second = if (0xD800..0xDC00).contains(&first) { unit(6) } else { None };
    let units = [Some(first), second];
    let c = char::decode_utf16(units.into_iter().flatten()).next()?.ok()?;
    Some((c, if second.is_some() { 12 } else { 6 }))
}

fn bounded(text: &str) -> &str {
    text.char_indices().nth(FIELD_CHARS).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readable_prompt_is_taken_out_of_the_raw_text() {
        assert_eq!(remainder("a cat\nNegative prompt: bad", "a cat"), "\n\nNegative prompt: bad");
        assert_eq!(remainder("a cat", ""), "a cat");
    }

    #[test]
    fn json_escapes_are_resolved_and_all_else_is_kept() {
        assert_eq!(
            remainder(r#"{"text": "\u732b\n\ud83d\ude00 \"x\" C:\\new \q \u12 \ud83d"#, ""),
            "{\"text\": \"猫 😀 \"x\" C:\\new \\q u12 ud83d"
        );
        assert_eq!(remainder(r"C:\new\u732b", ""), r"C:\new\u732b");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(bounded(&"猫".repeat(40_000)).chars().count(), FIELD_CHARS);
    }
}
