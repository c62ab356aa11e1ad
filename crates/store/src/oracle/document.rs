//! An image's texts as Oracle Text indexes them, and questions as it reads them.
//!
//! Both stores have to find the same images, and what Oracle's lexers do with a lone 猫, with ー or with half-width
//! kana differs between them and their versions. So the text is cut into tokens here, exactly as for the embedded store,
//! and every token that is more than ASCII letters and digits is written in ASCII letters. What is left for the
//! lexer is to cut at spaces. That of this index is a BASIC_LEXER; a JAPANESE_VGRAM_LEXER with BIGRAM works on the
//! two columns that other programs search.

use crate::StoreError;
use crate::segment::{Question, VERSION, questions};
use crate::texts::{Document, Streams};

// Rows hold texts that were cut this way. Whoever changes it adds a migration that cuts them anew.
const _: () = assert!(VERSION == 2, "add a migration that writes SEARCH_TEXT anew");

/// What every encoded token starts with; a plain word that starts with it is encoded too, so none is ever taken for one.
const MARK: &str = "zq";

/// Stands between two texts, so that no phrase reaches from one into the next. No question holds it.
const BARRIER: &str = " zqfield ";

/// Longest token in bytes: beyond 64 older index tables cut it by themselves.
const TOKEN_BYTES: usize = 64;

/// Longest expression that CONTAINS takes as VARCHAR2, in bytes.
const EXPRESSION_BYTES: usize = 4_000;

/// Longest group in braces, in bytes. Oracle Text refuses a query token of more than 256 characters.
const GROUP_BYTES: usize = 200;

/// The value of SEARCH_TEXT.
pub(super) fn search_text(document: &Document<'_>) -> String {
    let Streams { caption, prompt, raw, file_name, characters } = document.streams();
    let singles = characters.into_iter().map(single).collect::<Vec<_>>().join(" ");
    let streams = [caption, prompt, raw, file_name].map(|stream| encoded_stream(&stream));
    let texts: Vec<&str> =
        streams.iter().map(String::as_str).chain([singles.as_str()]).filter(|text| !text.is_empty()).collect();
    texts.join(BARRIER)
}

/// A CONTAINS expression that asks for every term; `None` when no term holds anything that is indexed.
///
/// It holds ASCII letters and digits inside braces, spaces, the AND between terms and a `%` behind an open phrase, and
/// nothing of what a caller typed gets out of its braces. [`StoreError::BadKeywords`] when there are too many terms, or
/// when they are too long for Oracle Text.
pub(super) fn expression(terms: &[String]) -> Result<Option<String>, StoreError> {
    let questions = questions(terms)?;
    let mut expression = String::new();
    for question in questions {
        let part = match question {
            Question::Character(character) => format!("{{{}}}", single(character)),
            Question::Phrase { tokens, open } => phrase(&tokens, open)?,
        };
        let separator = if expression.is_empty() { "" } else { " AND " };
        if expression.len() + separator.len() + part.len() > EXPRESSION_BYTES {
            return Err(too_long());
        }
        expression.push_str(separator);
        expression.push_str(&part);
    }
    Ok((!expression.is_empty()).then_some(expression))
}

fn too_long() -> StoreError {
    StoreError::BadKeywords(format!("the CONTAINS expression would have more than {EXPRESSION_BYTES} bytes"))
}

/// Words side by side without an operator are a phrase, in however many groups.
fn phrase(tokens: &[String], open: bool) -> Result<String, StoreError> {
    let mut out = String::new();
    let mut group = String::new();
    let close = |out: &mut String, group: &mut String| {
        if !group.is_empty() {
            let space = if out.is_empty() { "" } else { " " };
            // No token holds a brace; doubled all the same, as Oracle Text wants it inside of braces.
            out.push_str(&format!("{space}{{{}}}", group.replace('}', "}}")));
            group.clear();
        }
    };
    for (n, token) in tokens.iter().enumerate() {
        let token = encoded(token);
        if out.len() + group.len() + token.len() + 8 > EXPRESSION_BYTES {
            return Err(too_long());
        }
        if open && n + 1 == tokens.len() {
            close(&mut out, &mut group);
            // A wildcard works outside of braces only; the token is encoded, so it is no operator.
            out.push_str(&format!("{}{token}%", if out.is_empty() { "" } else { " " }));
            break;
        }
        if !group.is_empty() && group.len() + 1 + token.len() > GROUP_BYTES {
            close(&mut out, &mut group);
        }
        if !group.is_empty() {
            group.push(' ');
        }
        group.push_str(&token);
    }
    close(&mut out, &mut group);
    Ok(out)
}

fn encoded_stream(stream: &str) -> String {
    stream.split(' ').filter(|token| !token.is_empty()).map(encoded).collect::<Vec<_>>().join(" ")
}

/// A token in ASCII letters and digits.
fn encoded(token: &str) -> String {
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
fn single(character: char) -> String {
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

    fn asked(terms: &[&str]) -> Option<String> {
        expression(&terms.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    /// What Oracle Text does with an expression of ours, on one document.
    fn contains(document: &str, expression: &str) -> bool {
        let words: Vec<&str> = document.split(' ').collect();
        expression.split(" AND ").all(|phrase| {
            let tokens: Vec<String> = phrase.replace(['{', '}'], "").split(' ').map(str::to_owned).collect();
            words.windows(tokens.len()).any(|part| {
                part.iter().zip(&tokens).all(|(word, token)| match token.strip_suffix('%') {
                    Some(start) => word.starts_with(start),
                    None => word == token,
                })
            })
        })
    }

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

    #[test]
    fn questions_are_phrases_joined_by_and() {
        assert_eq!(asked(&["cat"]).unwrap(), "{cat}");
        assert_eq!(asked(&["猫"]).unwrap(), "{zqshdcl}");
        assert_eq!(asked(&["cinematic  Lighting", "cat"]).unwrap(), "{cat} AND {cinematic lighting}");
        assert_eq!(asked(&["SUV車"]).unwrap(), "{suv} zqtiomk%");
        assert_eq!(asked(&["!?", ""]), None);
    }

    #[test]
    fn operators_are_words() {
        for hostile in
            ["cat OR dog", "{cat} {dog}", "}{", "near(cat,dog)", "cat%", "$cat", "a}b", "\\", "AND", "zqfield"]
        {
            let Some(expression) = asked(&[hostile]) else { continue };
            let inside = expression.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap();
            assert!(inside.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b' '), "{expression}");
        }
    }

    #[test]
    fn long_phrases_are_several_groups_and_what_is_too_long_is_refused() {
        for long in ["猫犬".repeat(40), "cat ".repeat(900), "é".repeat(9_000)] {
            let expression = asked(&[&long]).unwrap();
            assert!(expression.len() <= EXPRESSION_BYTES, "{}", expression.len());
            assert!(expression.split("} {").all(|group| group.len() <= GROUP_BYTES + 2));
        }
        assert!(asked(&[&"猫犬".repeat(40)]).unwrap().contains("} {"));
        let many: Vec<String> = (0..65).map(|n| format!("word{n}")).collect();
        assert_eq!(expression(&many[..64]).unwrap().unwrap().matches(" AND ").count(), 63);
        let wide: Vec<String> = (0..60).map(|n| format!("{}{n}", "猫犬鳥魚".repeat(8))).collect();
        for refused in [&many[..], &wide, &["猫".repeat(20_000)], &["cat ".repeat(5_000)]] {
            assert!(matches!(expression(refused), Err(StoreError::BadKeywords(_))));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn unspaced_text_is_found_exactly_where_a_substring_search_finds_it(
            caption in "[猫犬青いガーァ々😀한ก。、 aB1]{0,12}",
            term in "[猫犬青いガーァ々한ก]{1,4}",
        ) {
            let text = search_text(&Document { caption: Some(&caption), ..Document::default() });
            let expression = asked(&[&term]).unwrap();
            prop_assert_eq!(contains(&text, &expression), caption.contains(&term), "{} in {}", expression, text);
        }

        #[test]
        fn every_text_is_found_by_itself(text in "[a-z猫いー]{1,8}([ 、.!][A-Z青車é]{1,5}){0,3}") {
            let document = search_text(&Document { caption: Some(&text), file_name: "x", ..Document::default() });
            prop_assert!(contains(&document, &asked(&[&text]).unwrap()));
        }

        #[test]
        fn different_tokens_are_never_written_alike(a in "\\w{1,10}", b in "\\w{1,10}") {
            prop_assert_eq!(encoded(&a) == encoded(&b), a == b);
        }
    }
}
