//! The searchable text of an image, in the tokens that Oracle Text indexes.
//!
//! Both stores have to find the same images, but Oracle's lexers differ, from each other and between versions, in their
//! treatment of a lone 猫, of ー or of half-width kana. So this module cuts the text into tokens, exactly as the embedded
//! store does, and writes every token that is more than ASCII letters and digits in ASCII letters. The lexer of this
//! index, a BASIC_LEXER, then only has to cut at spaces. The two columns that other programs search have a
//! JAPANESE_VGRAM_LEXER with BIGRAM.

use crate::text::{Document, DocumentTokens, SEGMENTATION_VERSION, VariedTokens};

// Rows hold texts that this version has cut. A change of the segmentation needs a migration that cuts them again
// (`schema::folding`).
const _: () = assert!(SEGMENTATION_VERSION == 3, "add a migration that writes SEARCH_TEXT anew");

/// The start of every encoded token. A plain word with this start is encoded too, so it is never taken for a token.
const MARK: &str = "zq";

/// The separator between two texts, so that no phrase reaches from one into the next. No search term contains it.
const BARRIER: &str = " zqfield ";

/// The token that says that folding changes the texts of an image.
pub(crate) const VARIED: &str = "zqvaried";

/// The longest token in bytes. Older index tables cut tokens beyond 64 bytes by themselves.
const TOKEN_BYTES: usize = 64;

/// Returns the value of SEARCH_TEXT.
pub(crate) fn search_text(document: &Document<'_>) -> String {
    let DocumentTokens { caption, tags, prompt, raw, file_name, characters, varied } = document.tokens();
    let mut texts = [caption, tags, prompt, raw, file_name].map(|text| encoded(&text, encode_token)).to_vec();
    let mut singles: Vec<String> = characters.into_iter().map(character_token).collect();
    if let Some(VariedTokens { texts: exact, characters }) = varied {
        singles.extend(characters.into_iter().map(exact_character_token));
        singles.push(VARIED.to_owned());
        texts.extend(exact.iter().map(|text| encoded(text, exact_token)));
    }
    texts.push(singles.join(" "));
    texts.retain(|text| !text.is_empty());
    texts.join(BARRIER)
}

fn encoded(tokens: &[String], encode: fn(&str) -> String) -> String {
    tokens.iter().map(|token| encode(token)).collect::<Vec<_>>().join(" ")
}

/// Writes a token in ASCII letters and digits.
pub(crate) fn encode_token(token: &str) -> String {
    if token.bytes().all(|b| b.is_ascii_alphanumeric()) && !token.starts_with(MARK) {
        return token.to_owned();
    }
    encode_letters(format!("{MARK}t"), token)
}

/// Writes a token of the exact form of a text in ASCII letters and digits.
pub(crate) fn exact_token(token: &str) -> String {
    if token.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return format!("{MARK}w{token}").chars().take(TOKEN_BYTES).collect();
    }
    encode_letters(format!("{MARK}x"), token)
}

fn encode_letters(mut out: String, token: &str) -> String {
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

/// Returns the token that says that a character occurs in the exact form of a text.
pub(crate) fn exact_character_token(character: char) -> String {
    format!("{MARK}y{}", letters(character))
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
        let varied = search_text(&Document { caption: Some("ネコ"), file_name: "a", ..Document::default() });
        let exact = [exact_token("ネコ"), exact_token("コ")].join(" ");
        assert!(varied.contains(&format!(" zqfield {exact} zqfield zqwa zqfield ")), "{varied}");
        assert!(varied.ends_with(&format!(
            " {} {} {VARIED}",
            exact_character_token('コ'),
            exact_character_token('ネ')
        )));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn different_tokens_are_never_written_alike(a in "\\w{1,10}", b in "\\w{1,10}") {
            prop_assert_eq!(encode_token(&a) == encode_token(&b), a == b);
            prop_assert_eq!(exact_token(&a) == exact_token(&b), a == b);
            prop_assert_ne!(encode_token(&a), exact_token(&b));
        }
    }
}
