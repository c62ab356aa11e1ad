//! The searchable texts of an image as tokens.

use std::borrow::Cow;
use std::collections::BTreeSet;

use mitsuke_image::Generation;

use super::tokens::text_tokens;

/// The largest number of characters of each text that are indexed. ComfyUI writes whole graphs of a megabyte into a
/// picture; the part that describes the picture is in the readable prompt, which has this much room to itself.
const MAX_TEXT_CHARS: usize = 32_768;

/// The texts of an image as they are stored.
#[derive(Debug, Default)]
pub(crate) struct Document<'a> {
    pub(crate) file_name: &'a str,
    pub(crate) caption: Option<&'a str>,
    pub(crate) tags: &'a [String],
    pub(crate) generation_prompt: Option<&'a str>,
    /// The readable parts of the generation prompt.
    pub(crate) generation: Option<&'a Generation>,
}

/// The texts of an image as tokens with spaces between them, each in the order of its text.
#[derive(Debug, Default)]
pub(crate) struct DocumentTokens {
    pub(crate) caption: String,
    /// The tokens of the tags.
    pub(crate) tags: String,
    /// The tokens of the readable prompt.
    pub(crate) prompt: String,
    /// The tokens of the rest of the generation prompt.
    pub(crate) raw: String,
    pub(crate) file_name: String,
    /// Every character of unspaced scripts that occurs in any of the texts.
    pub(crate) characters: BTreeSet<char>,
}

impl Document<'_> {
    /// Cuts the texts into tokens.
    pub(crate) fn tokens(&self) -> DocumentTokens {
        let readable = self.generation.and_then(|generation| generation.prompt.as_deref()).unwrap_or_default();
        let raw = remainder(self.generation_prompt.unwrap_or_default(), readable);
        let mut characters = BTreeSet::new();
        let mut tokens = |text: &str| text_tokens(bounded(text), &mut characters);
        let caption = tokens(self.caption.unwrap_or_default());
        let tags = tokens(&self.tags.join("\n"));
        let prompt = tokens(readable);
        let raw = tokens(&raw);
        let file_name = tokens(self.file_name);
        DocumentTokens { caption, tags, prompt, raw, file_name, characters }
    }
}

/// Returns the raw text without the readable prompt, which has a column of its own with more weight.
fn remainder<'a>(raw: &'a str, readable: &str) -> Cow<'a, str> {
    let raw = bounded(raw);
    let rest = if !readable.is_empty() && raw.contains(readable) {
        Cow::Owned(raw.replacen(readable, "\n", 1))
    } else {
        Cow::Borrowed(raw)
    };
    // ComfyUI's JSON mostly escapes characters beyond ASCII, so 猫 is written as \u732b.
    if rest.contains("{\"") && rest.contains('\\') { Cow::Owned(unescaped(&rest)) } else { rest }
}

/// Resolves the escapes of JSON strings wherever they occur, and keeps everything else.
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

/// Reads `\uXXXX` (or a surrogate pair of them) at the start of `text`. Returns the character and the length of the
/// escape in bytes.
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

/// Returns the part of a text that is indexed.
fn bounded(text: &str) -> &str {
    text.char_indices().nth(MAX_TEXT_CHARS).map_or(text, |(end, _)| &text[..end])
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
        assert_eq!(bounded(&"猫".repeat(40_000)).chars().count(), MAX_TEXT_CHARS);
    }
}
