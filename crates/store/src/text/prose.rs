//! The words of a person in the raw text of a generation prompt.
//!
//! A program writes more into a picture than the prompt: names of JSON members and nodes, settings with their labels, and
//! what the picture should not show. None of it says what the picture shows, so none of it is indexed.

use super::characters::is_unspaced;

/// The keywords of text chunks, which stand before the texts of a file.
const KEYWORDS: [&str; 6] = ["parameters", "prompt", "workflow", "comment", "usercomment", "description"];

/// The members of JSON objects that hold a prompt, however short.
const PROMPTS: [&str; 6] = ["text", "prompt", "positive", "positive_prompt", "caption", "description"];

/// Words in the names of members that hold a label, a setting, or what a picture should not show.
const SETTINGS: [&str; 18] = [
    "negative",
    "uc",
    "title",
    "class_type",
    "type",
    "name",
    "label",
    "sampler",
    "scheduler",
    "model",
    "version",
    "ver",
    "color",
    "bgcolor",
    "software",
    "date",
    "id",
    "format",
];

/// The longest word of a text that a person wrote, in bytes. Longer ones are encoded pictures and hashes.
const MAX_WORD_BYTES: usize = 64;

/// Returns the text that a person wrote: all of a plain text but its settings, and the prose among the strings of JSON.
pub(super) fn prose(raw: &str) -> String {
    let json = raw.char_indices().find(|(at, c)| *c == '{' && raw[at + 1..].trim_start().starts_with('"'));
    let (plain, json) = raw.split_at(json.map_or(raw.len(), |(at, _)| at));
    let mut out = plain_prose(plain);
    json_prose(json, &mut out);
    out
}

/// Leaves out the keyword of the chunk, the negative prompt to its end, and the line of settings.
fn plain_prose(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line = match line.split_once(':') {
            Some((keyword, rest)) if KEYWORDS.contains(&keyword.to_ascii_lowercase().as_str()) => rest,
            _ => line,
        };
        if line.trim_start().starts_with("Negative prompt:") {
            break;
        }
        if !line.trim_start().starts_with("Steps: ") {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// Appends the strings that look like prose. The text may break off anywhere, so the strings are read one by one without a
/// parser of whole documents.
fn json_prose(text: &str, out: &mut String) {
    let mut member = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('"') {
        let (string, after) = string(&rest[start + 1..]);
        rest = after;
        if rest.trim_start().starts_with(':') {
            member = string.to_ascii_lowercase();
        } else if is_prose(&member, &string) {
            out.push_str(&string);
            out.push('\n');
        }
    }
}

fn is_prose(member: &str, value: &str) -> bool {
    let names_setting =
        member.split(|c: char| !c.is_alphanumeric()).any(|word| SETTINGS.contains(&word)) || SETTINGS.contains(&member);
    if names_setting || !value.chars().any(|c| c.is_alphabetic() || is_unspaced(c)) {
        return false;
    }
    let nested = value.trim_start().starts_with(['{', '[']) || value.contains("://");
    if nested || value.split_whitespace().any(|word| word.is_ascii() && word.len() > MAX_WORD_BYTES) {
        return false;
    }
    PROMPTS.contains(&member) || value.trim().contains(|c: char| c.is_whitespace() || c == ',' || is_unspaced(c))
}

/// Reads a JSON string behind its opening quote; returns it and what follows its closing quote. An escape that is none is
/// kept as it stands.
fn string(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\\']) {
        out.push_str(&rest[..at]);
        if rest[at..].starts_with('"') {
            return (out, &rest[at + 1..]);
        }
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
    (out, "")
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(raw: &str) -> String {
        prose(raw).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_plain_text_is_prose_without_its_settings() {
        assert_eq!(words("a cat {red|blue}, 8k"), "a cat {red|blue}, 8k");
        assert_eq!(words("parameters:a cat\nNegative prompt: dog\nbird\nSteps: 3"), "a cat");
        assert_eq!(words("parameters:a cat\nSteps: 3, Seed: 5"), "a cat");
    }

    #[test]
    fn json_gives_its_sentences_and_neither_names_nor_settings() {
        let graph = r#"prompt:{"6": {"class_type": "My Encoder", "inputs": {"text": "cat", "negative_text": "a dog",
            "mode": "a_b", "note": "ship \u732b\n\ud83d\ude00 \"x\"", "clip": ["4", 1], "image": "https://a b",
            "data": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg a"}},
            "title": "Load Checkpoint", "widgets_values": ["a boat, calm sea", 7, "euler"]"#;
        assert_eq!(words(graph), "cat ship 猫 😀 \"x\" a boat, calm sea");
        assert_eq!(words(r#"{"text": "broken \u73"#), "broken \\u73".replace('\\', ""));
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic(text in "[{}\":,\\\\u73 2bné猫]{0,40}") {
            prose(&text);
        }
    }
}
