//! The searchable text of an image, in the tokens that Oracle Text indexes.
//!
//! Both stores have to find the same images, but Oracle's lexers differ, from each other and between versions, in their
//! treatment of a lone 猫, of ー or of half-width kana. So this module cuts the text into tokens, exactly as the embedded
//! store does, and writes every token that is more than ASCII letters and digits in ASCII letters. The lexer of this
//! index, a BASIC_LEXER, then only has to cut at spaces. The two columns that other programs search have a
//! JAPANESE_VGRAM_LEXER with BIGRAM.

use crate::text::{Document, DocumentTokens, SEGMENTATION_VERSION};

// Rows hold texts that this version has cut. A change of the segmentation needs a migration that cuts them again.
const _: () = assert!(SEGMENTATION_VERSION == 2, "add a migration that writes SEARCH_TEXT anew");

/// The start of every encoded token. A plain word with this start is encoded too, so it is never taken for a token.
const MARK: &str = "zq";

/// The separator between two texts, so that no phrase reaches from one into the next. No search term contains it.
const BARRIER: &str = " zqfield ";

/// The longest token in bytes. Older index tables cut tokens beyond 64 bytes by themselves.
const TOKEN_BYTES: usize = 64;

/// Returns the value of SEARCH_TEXT.
pub(crate) fn search_text(document: &Document<'_>) -> String {
    let DocumentTokens { caption, tags, prompt, raw, file_name, characters } = document.tokens();
    let singles = characters.into_iter().map(character_token).collect::<Vec<_>>().join(" ");
    let streams = [caption, tags, prompt, raw, file_name].map(|stream| encode_stream(&stream));
    let texts: Vec<&str> =
        streams.iter().map(String::as_str).chain([singles.as_str()]).filter(|text| !text.is_empty()).collect();
    texts.join(BARRIER)
}

fn encode_stream(stream: &str) -> String {
    stream.split(' ').filter(|token| !token.is_empty()).map(encode_token).collect::<Vec<_>>().join(" ")
}

/// Writes a token in ASCII letters and digits.
pub(crate) fn encode_token(token: &str) -> String {
    if token.bytes().all(|b| b.is_ascii_alphanumeric()) && !token.starts_with(MARK) {
        return token.to_owned();
    }
    let mut out = format!("{MARK}t");
    for character in token.chars() {
        let letters = letters(character);
        if out.len() + letters.len() > TOKEN_BYTES {
            break;
        }
        out.push_str(&letters);
    }
    out
}

/// Returns the token that says that a character occurs.
pub(crate) fn character_token(character: char) -> String {
    format!("{MARK}s{}", letters(character))
}

/// Writes a character as letters: four from a to p, one for each hexadecimal digit, or q and six of them.
fn letters(character: char) -> String {
    let code = u32::from(character);
    let (mark, digits) = if code <= 0xFFFF { ("", 4) } else { ("q", 6) };
    let digit = |n: u32| char::from(b'a' + u8::try_from(code >> (4 * n) & 0xF).unwrap_or_default());
    mark.chars().chain((0..digits).rev().map(digit)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_words_stay_readable_and_all_else_becomes_letters() {
        assert_eq!(encode_token("1girl"), "1girl");
        assert_eq!(encode_token("青い"), "zqtjhfcdaee");
        assert_eq!(encode_token("😀"), "zqtqabpgaa");
        assert_eq!(encode_token("zqfield"), "zqtaahkaahbaaggaagjaagfaagmaage");
        assert_eq!(character_token('猫'), "zqshdcl");
    }

    #[test]
    fn texts_stand_apart() {
        let document = Document { caption: Some("青い車"), file_name: "a.png", ..Document::default() };
        assert_eq!(
            search_text(&document),
            "zqtjhfcdaee zqtdaeeiomk zqtiomk zqfield a png zqfield zqsdaee zqsiomk zqsjhfc"
        );
        assert_eq!(search_text(&Document::default()), "");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn different_tokens_are_never_written_alike(a in "\\w{1,10}", b in "\\w{1,10}") {
            prop_assert_eq!(encode_token(&a) == encode_token(&b), a == b);
        }
    }
}
