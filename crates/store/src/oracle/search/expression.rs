//! The CONTAINS expression of a keyword search.

use crate::StoreError;
use crate::oracle::rows::document::{VARIED, character_token, encode_token, exact_character_token, exact_token};
use crate::text::{Form, Query, keyword_query};

/// The longest expression that CONTAINS takes as VARCHAR2, in bytes.
pub(super) const EXPRESSION_BYTES: usize = 4_000;

/// The longest group in braces, in bytes. Oracle Text refuses a query token of more than 256 characters.
const GROUP_BYTES: usize = 200;

/// Returns a CONTAINS expression that requires `least` of the terms; `None` when no term holds anything that is indexed.
///
/// The expression consists of ASCII letters and digits inside braces, spaces, parentheses, the operators between terms,
/// and a `%` after an open phrase. Nothing that a caller typed gets out of its braces. ACCUM finds what OR finds, and
/// scores an image higher that holds more of its operands (Oracle Text Reference, "ACCUMulate ( , )").
///
/// # Errors
/// [`StoreError::BadKeywords`] when there are too many terms, or they are too long for Oracle Text.
pub(crate) fn expression(terms: &[String], least: usize) -> Result<Option<String>, StoreError> {
    let Some(query) = keyword_query(terms, least)? else { return Ok(None) };
    let expression = match &query {
        Query::All(parts) => joined(parts, " AND ")?,
        Query::Any(parts) => joined(parts, " ACCUM ")?,
        query => part(query)?,
    };
    if expression.len() > EXPRESSION_BYTES { Err(too_long()) } else { Ok(Some(expression)) }
}

fn joined(parts: &[Query], operator: &str) -> Result<String, StoreError> {
    Ok(parts.iter().map(part).collect::<Result<Vec<_>, _>>()?.join(operator))
}

fn part(query: &Query) -> Result<String, StoreError> {
    Ok(match query {
        Query::Character(Form::Folded, character) => format!("{{{}}}", character_token(*character)),
        Query::Character(Form::Exact, character) => format!("{{{}}}", exact_character_token(*character)),
        Query::Phrase { form: Form::Folded, tokens, last_is_prefix } => phrase(tokens, *last_is_prefix, encode_token)?,
        Query::Phrase { form: Form::Exact, tokens, last_is_prefix } => phrase(tokens, *last_is_prefix, exact_token)?,
        Query::Unvaried(inner) => format!("({} NOT {{{VARIED}}})", part(inner)?),
        Query::Any(parts) => format!("({})", joined(parts, " ACCUM ")?),
        Query::All(parts) => format!("({})", joined(parts, " AND ")?),
    })
}

fn too_long() -> StoreError {
    StoreError::BadKeywords(format!("the CONTAINS expression would have more than {EXPRESSION_BYTES} bytes"))
}

/// Returns a phrase: words side by side without an operator, in one or more groups.
fn phrase(tokens: &[String], open: bool, encode: fn(&str) -> String) -> Result<String, StoreError> {
    let mut out = String::new();
    let mut group = String::new();
    let close = |out: &mut String, group: &mut String| {
        if !group.is_empty() {
            let space = if out.is_empty() { "" } else { " " };
            // No token holds a brace. A brace inside of braces would have to be doubled, so the doubling is right even
            // then.
            out.push_str(&format!("{space}{{{}}}", group.replace('}', "}}")));
            group.clear();
        }
    };
    for (n, token) in tokens.iter().enumerate() {
        let token = encode(token);
        if out.len() + group.len() + token.len() + 8 > EXPRESSION_BYTES {
            return Err(too_long());
        }
        if open && n + 1 == tokens.len() {
            close(&mut out, &mut group);
            // A wildcard works outside of braces only. The token is encoded, so it is no operator.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oracle::rows::document::search_text;
    use crate::text::Document;

    fn asked(terms: &[&str]) -> Option<String> {
        expression(&terms.iter().map(ToString::to_string).collect::<Vec<_>>(), usize::MAX).unwrap()
    }

    /// Answers an expression of one term on one document as Oracle Text does.
    fn contains(document: &str, expression: &str) -> bool {
        let words: Vec<&str> = document.split(' ').collect();
        let holds = |phrase: &str| {
            let tokens: Vec<String> = phrase.replace(['{', '}'], "").split(' ').map(str::to_owned).collect();
            words.windows(tokens.len()).any(|part| {
                part.iter().zip(&tokens).all(|(word, token)| match token.strip_suffix('%') {
                    Some(start) => word.starts_with(start),
                    None => word == token,
                })
            })
        };
        expression.split(" ACCUM ").any(|part| match part.trim_matches(['(', ')']).split_once(" NOT ") {
            Some((phrase, without)) => holds(phrase) && !holds(without),
            None => holds(part),
        })
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
        assert_eq!(expression(&many[..64], 64).unwrap().unwrap().matches(" AND ").count(), 63);
        let wide: Vec<String> = (0..60).map(|n| format!("{}{n}", "猫犬鳥魚".repeat(8))).collect();
        for refused in [&many[..], &wide, &["猫".repeat(20_000)], &["cat ".repeat(5_000)]] {
            assert!(matches!(expression(refused, usize::MAX), Err(StoreError::BadKeywords(_))));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn unspaced_text_is_found_where_a_substring_search_finds_it_and_in_quotes_nowhere_else(
            caption in "[猫犬青いイガーァ々國国😀한ก。、 aB1]{0,12}",
            term in "[猫犬青いイガーァ々國国한ก]{1,4}",
        ) {
            let text = search_text(&Document { caption: Some(&caption), ..Document::default() });
            let [in_any_spelling, exact] = [term.clone(), format!("\"{term}\"")].map(|term| asked(&[&term]).unwrap());
            if caption.contains(&term) {
                prop_assert!(contains(&text, &in_any_spelling), "{} in {}", in_any_spelling, text);
            }
            prop_assert_eq!(contains(&text, &exact), caption.contains(&term), "{} in {}", exact, text);
        }

        #[test]
        fn every_text_is_found_by_itself(text in "[a-z猫いー]{1,8}([ 、.!][A-Z青車é]{1,5}){0,3}") {
            let document = search_text(&Document { caption: Some(&text), file_name: "x", ..Document::default() });
            prop_assert!(contains(&document, &asked(&[&text]).unwrap()));
        }
    }
}
