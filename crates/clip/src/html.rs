//! The resolution of HTML character references, as in Python's `html.unescape`, which CLIP tokenizers call.
//!
//! The rules are those of the HTML standard, section "Named character reference state" and its neighbours: a name may
//! lack its semicolon where the standard lists the name without one, the longest name wins, and numbers that name no
//! character are replaced.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The table of the HTML standard, name → characters.
static ENTITIES: LazyLock<HashMap<&str, String>> = LazyLock::new(|| {
    let lines = include_str!("html_entities.tsv").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (name, codes) = line.split_once('\t')?;
            let chars = codes.split(' ').filter_map(|hex| char::from_u32(u32::from_str_radix(hex, 16).ok()?));
            Some((name, chars.collect()))
        })
        .collect()
});

/// The characters of the numbers 128 to 159: the characters of Windows-1252, or the numbers themselves where
/// Windows-1252 has no character.
const WINDOWS_1252: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2c6}', '\u{2030}',
    '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}',
    '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}',
    '\u{17e}', '\u{178}',
];

/// The length of the longest name, in characters.
const MAX_NAME: usize = 32;

/// Resolves every character reference of `text` once.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find('&') else { return Cow::Borrowed(text) };
    let mut resolved = String::with_capacity(text.len());
    let (before, mut rest) = text.split_at(first);
    resolved.push_str(before);
    while let Some(after) = rest.strip_prefix('&') {
        let used = reference(after, &mut resolved);
        rest = &after[used..];
        let next = rest.find('&').unwrap_or(rest.len());
        resolved.push_str(&rest[..next]);
        rest = &rest[next..];
    }
    Cow::Owned(resolved)
}

/// Writes the characters of the reference at the start of `text` (behind its ampersand), or the ampersand when there is
/// no reference. Returns how many bytes of `text` were used.
fn reference(text: &str, out: &mut String) -> usize {
    let used = if text.starts_with('#') { numeric(text, out) } else { named(text, out) };
    if used == 0 {
        out.push('&');
    }
    used
}

/// Writes the character of a reference like `#12354;` or `#x3042`. Returns how many bytes of `text` were used: 0 when
/// `text` does not begin with such a reference.
fn numeric(text: &str, out: &mut String) -> usize {
    let (start, radix) = if text.starts_with("#x") || text.starts_with("#X") { (2, 16) } else { (1, 10) };
    let digits = text[start..].bytes().take_while(|&byte| char::from(byte).is_digit(radix)).count();
    if digits == 0 {
        return 0;
    }
    let end = start + digits;
    // A number too large for 32 bits is too large for Unicode as well.
    out.extend(numbered(u32::from_str_radix(&text[start..end], radix).unwrap_or(u32::MAX)));
    end + usize::from(text[end..].starts_with(';'))
}

/// Returns the character that a number stands for, if any.
fn numbered(number: u32) -> Option<char> {
    match number {
        0 => Some(char::REPLACEMENT_CHARACTER),
        0x80..=0x9f => WINDOWS_1252.get(number as usize - 0x80).copied(),
        0x01..=0x08 | 0x0b | 0x0e..=0x1f | 0x7f | 0xfdd0..=0xfdef => None,
        _ if number <= 0x10_ffff && number & 0xfffe == 0xfffe => None,
        _ => Some(char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)),
    }
}

/// Writes the characters of a reference like `amp;` or `eacute`. Returns how many bytes of `text` were used: 0 when
/// `text` does not begin with such a reference.
fn named(text: &str, out: &mut String) -> usize {
    let name_end = text
        .char_indices()
        .take(MAX_NAME)
        .find(|(_, c)| matches!(c, '\t' | '\n' | '\u{c}' | ' ' | '<' | '&' | '#' | ';'))
        .map_or_else(|| text.char_indices().nth(MAX_NAME).map_or(text.len(), |(at, _)| at), |(at, _)| at);
    let end = name_end + usize::from(text[name_end..].starts_with(';'));
    // The names in the table are ASCII and have at least two characters.
    for length in (2..=end).rev() {
        if let Some(chars) = text.get(..length).and_then(|name| ENTITIES.get(name)) {
            out.push_str(chars);
            return length;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_is_read() {
        assert_eq!(ENTITIES.len(), 2_231);
        assert_eq!(ENTITIES["NotEqualTilde;"], "\u{2242}\u{338}");
    }

    /// The expected texts are the results of `html.unescape` of Python 3.11.
    #[test]
    fn references_become_characters_as_in_python() {
        for (text, expected) in [
            ("猫 & 犬", "猫 & 犬"),
            ("a &amp; b", "a & b"),
            ("&amp;amp;", "&amp;"),
            ("&lt;b&gt;", "<b>"),
            ("&notit; &notin; &not", "¬it; ∉ ¬"),
            ("&#12354;&#x3042;&#X3042", "あああ"),
            ("&#0;&#x80;&#xD800;&#1114112;&#99999999999;", "\u{fffd}€\u{fffd}\u{fffd}\u{fffd}"),
            ("[&#1;&#11;&#xFFFE;&#127;]", "[]"),
            ("&#13;", "\r"),
            ("& &# &#x &; &é; &", "& &# &#x &; &é; &"),
            ("&unknown; &quotあ", "&unknown; \"あ"),
            ("&CounterClockwiseContourIntegral;", "∳"),
        ] {
            assert_eq!(unescape(text), expected, "{text}");
        }
    }
}
