//! The user comment of EXIF. Its first eight bytes name the encoding; cameras leave the comment blank, and writers
//! disagree about the name as much as about the encoding.

use super::encoding;

/// The encoding that a user comment names.
enum Code {
    Ascii,
    Unicode,
    Jis,
    Undefined,
}

/// Reads a user comment; `None` when it is blank. `big_endian` is the byte order of its EXIF structure.
pub fn decode(value: &[u8], big_endian: bool) -> Option<String> {
    let text = match split(value) {
        (Code::Unicode, text) => encoding::decode_unicode(text, big_endian),
        (Code::Jis, text) => encoding::decode_jis(text),
        (Code::Ascii | Code::Undefined, text) => encoding::decode(text),
    };
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    (!text.is_empty()).then(|| text.to_owned())
}

/// Splits the code from the text. A code is a name in any case, filled with NUL or spaces to eight bytes. Some writers
/// fill it to fewer bytes, and some omit it.
fn split(value: &[u8]) -> (Code, &[u8]) {
    let head = value.get(..8).unwrap_or(value);
    let end = head.iter().position(|&b| b == 0).unwrap_or(head.len());
    let name = head[..end].trim_ascii_end().to_ascii_uppercase();
    let filled = head[end..].iter().take_while(|&&b| b == 0).count();
    let text = &value[end + filled..];
    match name.as_slice() {
        b"ASCII" | b"UTF-8" | b"UTF8" => (Code::Ascii, text),
        // A UTF-16 text begins with a zero byte more often than the code is too short.
        b"UNICODE" => (Code::Unicode, value.get(8..).unwrap_or_default()),
        b"JIS" => (Code::Jis, text),
        b"" if head.len() == 8 && filled == 8 => (Code::Undefined, text),
        _ => (Code::Undefined, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_recognised_in_any_case_and_length_and_may_be_missing() {
        for comment in [
            &b"ASCII\0\0\0a cat"[..],
            b"Ascii   a cat",
            b"ascii\0a cat",
            b"\0\0\0\0\0\0\0\0a cat",
            b"a cat",
            b"a cat\0\0\0\0",
        ] {
            assert_eq!(decode(comment, true).as_deref(), Some("a cat"), "{comment:?}");
        }
        assert_eq!(decode(b"Unicode\0c\0a\0t\0", false).as_deref(), Some("cat"));
        assert_eq!(decode(b"UNICODE\0\0c\0a\0t", false).as_deref(), Some("cat"), "not in the order of the file");
        assert_eq!(decode(b"ASCII art of a cat", true).as_deref(), Some("ASCII art of a cat"));
        assert_eq!(decode("UNICODE\0猫".as_bytes(), true).as_deref(), Some("猫"));
    }

    #[test]
    fn a_blank_comment_is_no_text() {
        for comment in [&b""[..], b"ASCII\0\0\0", b"ASCII\0\0\0     ", &[0; 200], b"UNICODE\0", b"UNICODE\0\0 \0 \0\0"]
        {
            assert_eq!(decode(comment, true), None, "{comment:?}");
        }
    }
}
