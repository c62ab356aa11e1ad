//! Reads the header Content-Disposition of a part of a form, however its bytes are encoded.

use std::borrow::Cow;

use encoding_rs::Encoding;
use mitsuke_image::decode_text;

use super::encoded_word;

/// The names in a Content-Disposition.
#[derive(Debug, PartialEq, Eq)]
pub struct Disposition {
    /// The name of the part.
    pub name: String,
    /// The name that the caller gives the file: `filename*` (RFC 8187), else `filename`.
    pub file_name: Option<String>,
}

impl Disposition {
    /// Reads the value of the header; `None` unless it is a `form-data` disposition with a name (RFC 7578).
    ///
    /// Clients differ in what they write, and a picture is worth more than the bytes of its name. Names without a
    /// declared encoding are UTF-8, else the legacy encoding that they resemble. A backslash escapes a quotation mark and
    /// nothing else, because old Windows clients send whole paths.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut parameters = Parameters(value);
        if !parameters.token().eq_ignore_ascii_case(b"form-data") {
            return None;
        }
        let (mut name, mut plain, mut extended) = (None, None, None);
        while let Some((key, value)) = parameters.next() {
            let slot = match key.to_ascii_lowercase().as_slice() {
                b"name" => &mut name,
                b"filename" => &mut plain,
                b"filename*" => &mut extended,
                _ => continue,
            };
            slot.get_or_insert(value);
        }
        let plain = plain.map(|bytes| encoded_word::decode(&decode_text(&bytes)).into_owned());
        Some(Self { name: decode_text(&name?), file_name: extended.and_then(|bytes| extended_value(&bytes)).or(plain) })
    }
}

/// Reads an extended value, `charset'language'percent-encoded` (RFC 8187).
fn extended_value(value: &[u8]) -> Option<String> {
    let mut parts = value.splitn(3, |&byte| byte == b'\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = percent_decoded(encoded);
    let text = match Encoding::for_label(charset) {
        Some(encoding) => encoding.decode_without_bom_handling(&bytes).0.into_owned(),
        None => decode_text(&bytes),
    };
    Some(text)
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| after.first_chunk::<2>()).flatten().and_then(|digits| hex(*digits));
        match escaped {
            Some(value) => {
                out.push(value);
                rest = &after[2..];
            }
            None => {
                out.push(byte);
                rest = after;
            }
        }
    }
    out
}

/// Reads a byte from two hexadecimal digits.
pub fn hex(digits: [u8; 2]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(value(digits[0])? * 16 + value(digits[1])?).ok()
}

/// The rest of a header value.
struct Parameters<'a>(&'a [u8]);

impl<'a> Parameters<'a> {
    /// Takes what stands before the next semicolon.
    fn token(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|&byte| byte == b';').unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        token.trim_ascii()
    }

    /// Takes the next parameter: its key, and its value without quotation marks.
    fn next(&mut self) -> Option<(&'a [u8], Cow<'a, [u8]>)> {
        loop {
            let rest = self.0.trim_ascii_start().strip_prefix(b";")?.trim_ascii_start();
            let Some(equals) = rest.iter().position(|&byte| byte == b'=' || byte == b';') else {
                self.0 = b"";
                continue;
            };
            self.0 = &rest[equals..];
            if rest[equals] == b';' {
                continue;
            }
            let (key, value) = (rest[..equals].trim_ascii(), rest[equals + 1..].trim_ascii_start());
            let Some(quoted) = value.strip_prefix(b"\"") else {
                self.0 = value;
                return Some((key, Cow::Borrowed(self.token())));
            };
            return Some((key, Cow::Owned(self.quoted(quoted))));
        }
    }

    /// Takes a quoted value that begins after its opening mark.
    fn quoted(&mut self, quoted: &'a [u8]) -> Vec<u8> {
        let mut value = Vec::new();
        let mut at = 0;
        while let Some(&byte) = quoted.get(at) {
            match (byte, quoted.get(at + 1)) {
                // A backslash before the last mark belongs to a path: the value ends there.
                (b'\\', Some(b'"')) if !ends_value(&quoted[at + 2..]) => {
                    value.push(b'"');
                    at += 2;
                }
                (b'"', _) => {
                    at += 1;
                    break;
                }
                _ => {
                    value.push(byte);
                    at += 1;
                }
            }
        }
        self.0 = &quoted[at.min(quoted.len())..];
        value
    }
}

/// Tells whether nothing or another parameter follows a quotation mark.
fn ends_value(after: &[u8]) -> bool {
    let after = after.trim_ascii_start();
    after.is_empty() || after.starts_with(b";")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file_name(parameters: &[u8]) -> Option<String> {
        let value = [b"form-data; name=\"file\"; ".as_slice(), parameters].concat();
        let disposition = Disposition::parse(&value).unwrap();
        assert_eq!(disposition.name, "file", "{parameters:x?}");
        disposition.file_name
    }

    #[test]
    fn names_are_read_in_every_form_that_clients_send() {
        let cases: [(&[u8], &str); 14] = [
            (b"filename=\"cat.png\"", "cat.png"),
            (b"filename=cat.png", "cat.png"),
            (b"FileName = \"cat.png\" ; size=3", "cat.png"),
            ("filename=\"猫 1.png\"".as_bytes(), "猫 1.png"),
            // Shift_JIS, as programs of old versions of Windows send it: 表.png, whose second byte is a backslash.
            (b"filename=\"\x94\x4C\x82\xCC\x95\x5C.png\"", "猫の表.png"),
            (b"filename=\"=?UTF-8?B?54yrLnBuZw==?=\"", "猫.png"),
            (b"filename*=UTF-8''%E7%8C%AB%201.png", "猫 1.png"),
            (b"filename=\"x.png\"; filename*=utf-8'ja'%E7%8C%AB.png", "猫.png"),
            (b"filename*=shift_jis''%94%4C.png", "猫.png"),
            (b"filename*=broken; filename=\"x.png\"", "x.png"),
            (b"filename=\"a;b=c.png\"", "a;b=c.png"),
            (br#"filename="say \"hi\".png""#, "say \"hi\".png"),
            (br#"filename="C:\new\cat.png""#, r"C:\new\cat.png"),
            (br#"filename="C:\folder\"; x=y"#, r"C:\folder\"),
        ];
        for (parameters, expected) in cases {
            assert_eq!(file_name(parameters).as_deref(), Some(expected), "{parameters:x?}");
        }
        assert_eq!(file_name(b""), None);
        assert_eq!(file_name(b"filename=\"\"").as_deref(), Some(""));
    }

    #[test]
    fn other_dispositions_are_not_parts_of_a_form() {
        assert_eq!(Disposition::parse(b"attachment; filename=\"cat.png\""), None);
        assert_eq!(Disposition::parse(b""), None);
        assert_eq!(Disposition::parse(b"form-data; filename=\"cat.png\""), None);
        assert!(Disposition::parse(b"Form-Data; NAME=file").is_some());
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_fail(value in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Disposition::parse(&value);
            let _ = Disposition::parse(&[b"form-data; filename=\"".as_slice(), &value].concat());
        }

        #[test]
        fn a_quoted_name_is_read_back(name in "[^\"\\\\\u{1b}\u{feff}\\p{Cc}]{0,20}") {
            prop_assume!(!name.contains("=?"));
            prop_assert_eq!(file_name(format!("filename=\"{name}\"").as_bytes()), Some(name));
        }
    }
}
