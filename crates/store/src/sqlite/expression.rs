//! The FTS5 expression of a keyword search.

use super::document::character_token;
use crate::StoreError;
use crate::text::{TermQuery, parse_terms};

/// Returns an FTS5 expression that requires every term; `None` when no term holds anything that is indexed.
///
/// The expression consists of quoted tokens, the AND between terms, and a `*` after a phrase that ends with a prefix.
/// No token holds a quote, so no term can ever act as FTS5 syntax.
///
/// # Errors
/// [`StoreError::BadKeywords`] when there are too many terms.
pub(super) fn expression(terms: &[String]) -> Result<Option<String>, StoreError> {
    let phrases: Vec<String> = parse_terms(terms)?.into_iter().map(quoted).collect();
    let joined = phrases.join(" AND ");
    Ok((!joined.is_empty()).then_some(joined))
}

fn quoted(query: TermQuery) -> String {
    match query {
        TermQuery::Character(character) => format!("\"{}\"", character_token(character)),
        TermQuery::Phrase { tokens, last_is_prefix: true } => format!("\"{}\" *", tokens.join(" ")),
        TermQuery::Phrase { tokens, last_is_prefix: false } => format!("\"{}\"", tokens.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression_of(terms: &[&str]) -> Option<String> {
        expression(&terms.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
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
    fn no_term_is_syntax() {
        assert_eq!(expression_of(&["\" OR caption : *"]).unwrap(), "\"or caption\"");
        assert_eq!(expression_of(&["NEAR(a b, 3)"]).unwrap(), "\"near a b 3\"");
        assert_eq!(expression_of(&["NOT"]).unwrap(), "\"not\"");
    }
}
