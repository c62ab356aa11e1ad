//! An image's texts as Oracle Text indexes them, and questions as it reads them.
//!
//! Both stores have to find the same images, and what Oracle's lexers do with a lone 猫, with ー or with half-width
//! kana differs between them and their versions. So the text is cut into tokens here, exactly as for the embedded store,
//! and every token that is more than ASCII letters and digits is written in ASCII letters. What is left for the
//! lexer is to cut at spaces. That of this index is a BASIC_LEXER; a JAPANESE_VGRAM_LEXER with BIGRAM works on the
//! two columns that other programs search.

use crate::segment::VERSION;
use crate::texts::{Document, Streams};

// Rows hold texts that were cut this way. Whoever changes it adds a migration that cuts them anew.
const _: () = assert!(VERSION == 2, "add a migration that writes SEARCH_TEXT anew");

/// What every encoded token starts with; a plain word that starts with it is encoded too, so none is ever taken for one.
const MARK: &str = "zq";

/// Stands between two texts, so that no phrase reaches from one into the next. No question holds it.
const BARRIER: &str = " zqfield ";

/// Longest token in bytes: beyond 64 older index tables cut it by themselves.
const TOKEN_BYTES: usize = 64;

/// The value of SEARCH_TEXT.
pub(crate) fn search_text(document: &Document<'_>) -> String {
    let Streams { caption, prompt, raw, file_name, characters } = document.streams();
    let singles = characters.into_iter().map(single).collect::<Vec<_>>().join(" ");
    let streams = [caption, prompt, raw, file_name].map(|stream| encoded_stream(&stream));
    let texts: Vec<&str> =
        streams.iter().map(String::as_str).chain([singles.as_str()]).filter(|text| !text.is_empty()).collect();
    texts.join(BARRIER)
}

fn encoded_stream(stream: &str) -> String {
    stream.split(' ').filter(|token| !token.is_empty()).map(encoded).collect::<Vec<_>>().join(" ")
}

/// A token in ASCII letters and digits.
pub(crate) fn encoded(token: &str) -> String {
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

/// The token for "this character occurs".
pub(crate) fn single(character: char) -> String {
    format!("{MARK}s{}", letters(character))
}

/// A character as letters: four of a to p, a hexadecimal digit each, or q and six of them.
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
        assert_eq!(encoded("1girl"), "1girl");
        assert_eq!(encoded("青い"), "zqtjhfcdaee");
        assert_eq!(encoded("😀"), "zqtqabpgaa");
        assert_eq!(encoded("zqfield"), "zqtaahkaahbaaggaagjaagfaagmaage");
        assert_eq!(single('猫'), "zqshdcl");
    }

    #[test]
    fn texts_stand_apart() {
        let document =
            Document { caption: Some("青い車"), file_name: "a.png", generation_prompt: None, generation: None };
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
            prop_assert_eq!(encoded(&a) == encoded(&b), a == b);
        }
    }
}
