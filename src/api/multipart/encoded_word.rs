//! Encoded words (RFC 2047), in which clients that were made for mail write names beyond ASCII.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::Encoding;

use super::disposition::hex;

/// Replaces the encoded words of a text, `=?charset?B?base64?=` and `=?charset?Q?quoted-printable?=`, by what they say.
/// White space between two of them is dropped. A word that cannot be read stays as it is.
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains("=?") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_word = false;
    while let Some(start) = rest.find("=?") {
        let (before, word) = rest.split_at(start);
        if let Some((said, length)) = read_word(word) {
            if !(after_word && before.trim().is_empty()) {
                out.push_str(before);
            }
            out.push_str(&said);
            rest = &word[length..];
            after_word = true;
        } else {
            out.push_str(before);
            out.push_str("=?");
            rest = &word[2..];
            after_word = false;
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Reads the word at the start of `text`. Returns what it says, and its length in bytes.
fn read_word(text: &str) -> Option<(String, usize)> {
    let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (encoded, rest) = rest.split_once("?=")?;
    // A language may follow the charset (RFC 2231): UTF-8*ja.
    let charset = Encoding::for_label(charset.split('*').next()?.as_bytes())?;
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(encoded).ok()?,
        "Q" | "q" => quoted_printable(encoded.as_bytes())?,
        _ => return None,
    };
    Some((charset.decode_without_bom_handling(&bytes).0.into_owned(), text.len() - rest.len()))
}

fn quoted_printable(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        out.push(match byte {
            b'=' => {
                let value = hex(*after.first_chunk()?)?;
                rest = &after[2..];
                value
            }
            b'_' => b' ',
            byte => byte,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_are_replaced_by_what_they_say() {
        for (text, expected) in [
            ("=?UTF-8?B?54yrLnBuZw==?=", "猫.png"),
            ("=?utf-8?q?=E7=8C=AB_1.png?=", "猫 1.png"),
            ("=?ISO-2022-JP?B?GyRCRy0bKEIucG5n?=", "猫.png"),
            ("=?Shift_JIS?Q?=94L.png?=", "猫.png"),
            ("=?UTF-8*ja?B?54yr?= =?UTF-8?B?LnBuZw==?=", "猫.png"),
            ("a =?UTF-8?B?54yr?= b.png", "a 猫 b.png"),
        ] {
            assert_eq!(decode(text), expected, "{text}");
        }
    }

    #[test]
    fn text_that_only_looks_like_one_is_kept() {
        for text in ["cat.png", "a=?b.png", "=?UTF-8?B?!!?=", "=?no-such?B?54yr?=", "=?UTF-8?X?a?=", "=?UTF-8?Q?=4?="] {
            assert_eq!(decode(text), text);
        }
    }
}
