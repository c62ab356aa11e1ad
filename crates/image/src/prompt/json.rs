//! JSON as image generators write it, read within limits.
//!
//! Python writes NaN and halves of surrogate pairs, hand-made templates leave line breaks in strings, and some programs
//! embed whole pictures as base64. All of this is read. A file may hold anything, so the number of values is limited.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The largest number of bytes of JSON that are parsed.
const MAX_BYTES: usize = 32 << 20;

/// The largest number of values that are read from the text of one file. A graph of some thousand nodes has half as
/// many.
pub const MAX_VALUES: usize = 300_000;

/// The largest number of bytes of a string. Longer strings are embedded pictures and are read as null.
const MAX_STRING_BYTES: usize = 256 << 10;

/// Reads the JSON value at the start of `text` and ignores what follows it. `None` when there is none, or when it holds
/// more values than `values_left`.
pub fn parse(text: &str, values_left: &Cell<usize>) -> Option<Value> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let before = values_left.get();
    let read = |text: &str| Bounded(values_left).deserialize(&mut serde_json::Deserializer::from_str(text)).ok();
    read(text).or_else(|| {
        values_left.set(before);
        read(&repaired(text)?)
    })
}

/// Returns an object: `value` itself, or the object in the text that `value` is.
pub fn object(value: &Value) -> Option<Cow<'_, Map<String, Value>>> {
    match value {
        Value::Object(object) => Some(Cow::Borrowed(object)),
        Value::String(text) if text.trim_start().starts_with('{') => match parse(text, &Cell::new(MAX_VALUES))? {
            Value::Object(object) => Some(Cow::Owned(object)),
            _ => None,
        },
        _ => None,
    }
}

/// Builds a value and counts its parts against the rest of the limit.
#[derive(Clone, Copy)]
struct Bounded<'l>(&'l Cell<usize>);

impl<'l> Bounded<'l> {
    fn count<E: Error>(self) -> Result<(), E> {
        let left = self.0.get().checked_sub(1).ok_or_else(|| E::custom("too many values"))?;
        self.0.set(left);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(if value.len() > MAX_STRING_BYTES { Value::Null } else { value.into() })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            object.insert(key, entries.next_value_seed(self)?);
        }
        Ok(Value::Object(object))
    }
}

/// Replaces what JSON does not allow: NaN, Infinity and -Infinity by null; within strings, halves of surrogate pairs by
/// U+FFFD, control characters by their escapes, and a backslash that begins no escape by two. `None` when there is
/// nothing to replace.
fn repaired(json: &str) -> Option<String> {
    let mut clean = String::with_capacity(json.len() + 16);
    let mut rest = json;
    while let Some(at) = rest.find(['"', 'N', 'I', '-']) {
        clean.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('"') {
            rest = repair_string(rest, &mut clean);
        } else if let Some(after) = ["NaN", "Infinity", "-Infinity"].iter().find_map(|word| rest.strip_prefix(word)) {
            clean.push_str("null");
            rest = after;
        } else {
            clean.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    clean.push_str(rest);
    (clean != json).then_some(clean)
}

/// Copies the string at the start of `rest` to `clean` with its faults repaired, and returns the text after the string.
fn repair_string<'t>(rest: &'t str, clean: &mut String) -> &'t str {
    clean.push('"');
    let mut rest = &rest[1..];
    while let Some(at) = rest.find(|c: char| matches!(c, '"' | '\\') || c < ' ') {
        clean.push_str(&rest[..at]);
        rest = &rest[at..];
        match rest.as_bytes() {
            [b'"', ..] => {
                clean.push('"');
                return &rest[1..];
            }
            [b'\\', b'u', ..] => {
                let (escape, length) = unicode_escape(rest);
                clean.push_str(escape);
                rest = &rest[length..];
            }
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => {
                clean.push_str(&rest[..2]);
                rest = &rest[2..];
            }
            [b'\\', ..] => {
                clean.push_str("\\\\");
                rest = &rest[1..];
            }
            [control, ..] => {
                clean.push_str(match control {
                    b'\n' => "\\n",
                    b'\t' => "\\t",
                    b'\r' => "\\r",
                    _ => " ",
                });
                rest = &rest[1..];
            }
            [] => break,
        }
    }
    clean.push_str(rest);
    ""
}

/// Returns the escape to write for the `\u` at the start of `text`, and the number of bytes that it replaces.
fn unicode_escape(text: &str) -> (&str, usize) {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    match (unit(0), unit(6)) {
        (None, _) => ("\\\\u", 2),
        (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (&text[..12], 12),
        (Some(0xD800..=0xDFFF), _) => ("\\ufffd", 6),
        _ => (&text[..6], 6),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Option<Value> {
        parse(text, &Cell::new(MAX_VALUES))
    }

    #[test]
    fn what_json_does_not_allow_is_repaired() {
        assert_eq!(
            read(r#"{"a": NaN, "b": [-Infinity, -1, Infinity]}"#),
            Some(json!({"a": null, "b": [null, -1, null]}))
        );
        assert_eq!(read(r#""NaN \"-Infinity\"""#), Some(json!("NaN \"-Infinity\"")));
        assert_eq!(read(r#""\ud83d \ude00 \ud83d\ude00 \u732b""#), Some(json!("\u{FFFD} \u{FFFD} 😀 猫")));
        assert_eq!(read("\"two\nlines\u{1}\""), Some(json!("two\nlines ")));
        assert_eq!(read(r#""C:\models\x \u12""#), Some(json!(r"C:\models\x \u12")));
    }

    #[test]
    fn text_after_the_value_is_ignored_and_half_a_value_is_none() {
        assert_eq!(read("{\"a\": 1} and more"), Some(json!({"a": 1})));
        for half in ["", "{", "{\"a\": ", "[1, 2", "\"x", "a cat"] {
            assert_eq!(read(half), None, "{half}");
        }
        assert_eq!(read(&"[".repeat(100_000)), None);
    }

    #[test]
    fn embedded_pictures_are_left_out() {
        let picture = "QUJD".repeat(1_000_000);
        assert_eq!(
            read(&format!("{{\"image\": \"{picture}\", \"seed\": 7}}")),
            Some(json!({"image": null, "seed": 7}))
        );
    }

    #[test]
    fn the_number_of_values_is_limited() {
        let values_left = Cell::new(100);
        assert_eq!(parse(&format!("[{}1]", "1,".repeat(98)), &values_left).unwrap().as_array().unwrap().len(), 99);
        assert_eq!(values_left.get(), 0);
        assert_eq!(parse("[1]", &values_left), None);
    }

    #[test]
    fn an_object_may_be_written_as_a_text() {
        assert_eq!(object(&json!("{\"a\": 1}")).unwrap().get("a"), Some(&json!(1)));
        assert_eq!(object(&json!("[1]")), None);
        assert_eq!(object(&json!("a cat")), None);
    }

    proptest! {
        #[test]
        fn valid_json_is_read_as_it_is(text in any::<String>(), number in any::<i64>()) {
            let value = json!({"text": text, "list": [number, {"text": text}]});
            prop_assert_eq!(read(&value.to_string()), Some(value));
        }

        #[test]
        fn no_text_panics(text in "[\\{\\}\\[\\]\",:\\\\uNaI0-9d-]{0,40}") {
            let _ = read(&text);
        }
    }
}
