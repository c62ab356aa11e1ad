//! Reads a query line.

use mitsuke_store::terms;

use super::field::Field;
use super::{Item, Line, Part};

/// The largest number of characters of a field's value. No stored fact that a field names is longer.
const MAX_VALUE_CHARS: usize = 1_000;

/// The number of characters of the longest name of a field.
const MAX_NAME_CHARS: usize = 10;

/// Reads a query line. Every text is one.
#[must_use]
pub fn parse(line: &str) -> Line {
    let mut items = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (item, left) = item(rest);
        items.extend(item);
        rest = left.trim_start();
    }
    Line { items }
}

/// Reads the item at the beginning of a text, and returns the rest of the text. A phrase without text is no item.
fn item(text: &str) -> (Option<Item>, &str) {
    let Some(after) = after_minus(text) else {
        let (part, rest) = part(text);
        return (part.map(|part| Item { without: false, part }), rest);
    };
    let (part, rest) = part(after);
    // A text without a term describes no image that could be left out.
    let part = part.filter(|part| matches!(part, Part::Field(_)) || !terms(&part.to_string()).is_empty());
    (part.map(|part| Item { without: true, part }), rest)
}

/// Returns the text after a minus that leaves images out.
fn after_minus(text: &str) -> Option<&str> {
    let after = text.strip_prefix(['-', '－', '−'])?;
    let first = after.chars().next()?;
    (is_quote(first) || !terms(first.encode_utf8(&mut [0; 4])).is_empty()).then_some(after)
}

fn part(text: &str) -> (Option<Part>, &str) {
    if let Some(after) = text.strip_prefix(is_quote) {
        let (phrase, rest) = phrase(after);
        return ((!phrase.is_empty()).then(|| Part::Phrase(phrase.to_owned())), rest);
    }
    if let Some((field, rest)) = field(text) {
        return (Some(Part::Field(field)), rest);
    }
    let (word, rest) = word(text);
    (Some(Part::Word(word.to_owned())), rest)
}

/// Reads up to white space or a quote.
fn word(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| c.is_whitespace() || is_quote(c)).unwrap_or(text.len()))
}

/// Reads a phrase whose first quote is behind us. A phrase that is never closed reaches to the end.
fn phrase(text: &str) -> (&str, &str) {
    let (phrase, rest) = text.split_once(is_quote).unwrap_or((text, ""));
    (phrase.trim(), rest)
}

fn field(text: &str) -> Option<(Field, &str)> {
    let mut beginning = text.char_indices().take(MAX_NAME_CHARS + 1);
    let (end, colon) = beginning.find(|(_, c)| matches!(c, ':' | '：'))?;
    let (name, after) = (&text[..end], &text[end + colon.len_utf8()..]);
    let (value, rest) = match after.strip_prefix(is_quote) {
        Some(after) => phrase(after),
        None => word(after),
    };
    if value.is_empty() || value.chars().nth(MAX_VALUE_CHARS).is_some() {
        return None;
    }
    Some((Field::read(name, value)?, rest))
}

/// Tells whether a character begins or ends a phrase.
fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„')
}

/// Returns a text with the half-width lower-case forms of ASCII characters, as names and values of a few words are compared.
pub(super) fn half_width(text: &str) -> String {
    let half = |c: char| match c {
        '！'..='～' => char::from_u32(u32::from(c) - u32::from('！') + u32::from('!')).unwrap_or(c),
        '−' => '-',
        c => c,
    };
    text.chars().map(|c| half(c).to_ascii_lowercase()).collect()
}
