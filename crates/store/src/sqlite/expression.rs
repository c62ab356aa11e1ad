//! The condition of a keyword search, for posting lists and for FTS5.

use mitsuke_postings::Expr;

use super::document::{VARIED, character_token, exact_token};
use crate::StoreError;
use crate::text::{Form, Query, keyword_query};

/// Returns an FTS5 expression that requires `least` of the terms; `None` when no term holds anything that is indexed.
///
/// The expression consists of quoted tokens, the operators between them, parentheses, and a `*` after a phrase that ends
/// with a prefix. No token holds a quote, so no term can ever act as FTS5 syntax.
///
/// # Errors
/// [`StoreError::BadKeywords`] when there are too many terms.
pub(super) fn expression(terms: &[String], least: usize) -> Result<Option<String>, StoreError> {
    Ok(keyword_query(terms, least)?.map(|query| match query {
        Query::All(parts) => joined(&parts, " AND "),
        Query::Any(parts) => joined(&parts, " OR "),
        query => part(&query),
    }))
}

fn joined(parts: &[Query], operator: &str) -> String {
    parts.iter().map(part).collect::<Vec<_>>().join(operator)
}

fn part(query: &Query) -> String {
    match query {
        Query::Character(form, character) => format!("\"{}\"", in_form(*form, &character_token(*character))),
        Query::Phrase { form, tokens, last_is_prefix } => {
            let tokens: Vec<String> = tokens.iter().map(|token| in_form(*form, token)).collect();
            format!("\"{}\"{}", tokens.join(" "), if *last_is_prefix { " *" } else { "" })
        }
        Query::Unvaried(inner) => format!("({} NOT \"{VARIED}\")", part(inner)),
        Query::Any(parts) => format!("({})", joined(parts, " OR ")),
        Query::All(parts) => format!("({})", joined(parts, " AND ")),
    }
}

/// Returns the condition of a query for posting lists.
pub(super) fn condition(query: &Query) -> Expr {
    let all = |parts: &[Query]| parts.iter().map(condition).collect();
    match query {
        Query::Character(form, character) => {
            Expr::Phrase { tokens: vec![in_form(*form, &character_token(*character))], last_is_prefix: false }
        }
        Query::Phrase { form, tokens, last_is_prefix } => Expr::Phrase {
            tokens: tokens.iter().map(|token| in_form(*form, token)).collect(),
            last_is_prefix: *last_is_prefix,
        },
        Query::Unvaried(inner) => Expr::Without(Box::new(condition(inner)), VARIED.to_owned()),
        Query::Any(parts) => Expr::Any(all(parts)),
        Query::All(parts) => Expr::All(all(parts)),
    }
}

fn in_form(form: Form, token: &str) -> String {
    match form {
        Form::Folded => token.to_owned(),
        Form::Exact => exact_token(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression_of(terms: &[&str]) -> Option<String> {
        expression(&terms.iter().map(ToString::to_string).collect::<Vec<_>>(), usize::MAX).unwrap()
    }

    #[test]
    fn an_expression_requires_every_term_as_a_phrase() {
        assert_eq!(expression_of(&["猫"]).unwrap(), "\"c猫\"");
        assert_eq!(expression_of(&["青い車", "Cat"]).unwrap(), "\"cat\" AND \"青い い車\"");
        assert_eq!(expression_of(&["赤いSUV車"]).unwrap(), "\"赤い い suv 車\" *");
        assert_eq!(expression_of(&["猫 犬"]).unwrap(), "\"猫 犬\" *");
        assert_eq!(expression_of(&["猫犬、鳥です"]).unwrap(), "\"猫犬 犬 鳥で です\"");
        assert_eq!(expression_of(&["  ", "*", "猫"]), expression_of(&["猫"]));
        assert_eq!(expression_of(&["!?", ""]), None);
    }

    #[test]
    fn the_exact_form_stands_beside_the_folded_one() {
        assert_eq!(expression_of(&["ネコ"]).unwrap(), "\"ねこ\" OR \"\u{e000}ネコ\"");
        assert_eq!(expression_of(&["\"ネコ\""]).unwrap(), "\"\u{e000}ネコ\"");
        assert_eq!(expression_of(&["\"ねこ\""]).unwrap(), "(\"ねこ\" NOT \"\u{e000}\") OR \"\u{e000}ねこ\"");
    }

    #[test]
    fn no_term_is_syntax() {
        assert_eq!(expression_of(&["\" OR caption : *"]).unwrap(), "\"or caption\"");
        assert_eq!(expression_of(&["NEAR(a b, 3)"]).unwrap(), "\"near a b 3\"");
        assert_eq!(expression_of(&["NOT"]).unwrap(), "\"not\"");
    }
}
