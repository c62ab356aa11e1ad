//! Questions as FTS5 expressions.

use crate::StoreError;
use crate::segment::{self, Question};

/// An FTS5 expression that asks for every term, or `None` when no term holds anything that is indexed.
/// [`StoreError::BadKeywords`] when there are too many.
///
/// Only tokens get into it, always inside quotes, and no token holds a quote: whatever a term says, it is never
/// FTS5 syntax.
pub(super) fn expression(terms: &[String]) -> Result<Option<String>, StoreError> {
    let phrases: Vec<String> = segment::questions(terms)?.into_iter().map(quoted).collect();
    let joined = phrases.join(" AND ");
    Ok((!joined.is_empty()).then_some(joined))
}

fn quoted(question: Question) -> String {
    match question {
        Question::Character(character) => format!("\"{}\"", segment::single_character(character)),
        Question::Phrase { tokens, open: true } => format!("\"{}\" *", tokens.join(" ")),
        Question::Phrase { tokens, open: false } => format!("\"{}\"", tokens.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(terms: &[&str]) -> Option<String> {
        expression(&terms.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_question_asks_for_every_term_as_a_phrase() {
        assert_eq!(asked(&["猫"]).unwrap(), "\"c猫\"");
        assert_eq!(asked(&["青い車", "Cat"]).unwrap(), "\"cat\" AND \"青い い車\"");
        assert_eq!(asked(&["赤いSUV車"]).unwrap(), "\"赤い い suv 車\" *");
        assert_eq!(asked(&["猫 犬"]).unwrap(), "\"猫 犬\" *");
        assert_eq!(asked(&["猫犬、鳥です"]).unwrap(), "\"猫犬 犬 鳥で です\"");
        assert_eq!(asked(&["  ", "*", "猫"]), asked(&["猫"]));
        assert_eq!(asked(&["!?", ""]), None);
    }

    #[test]
    fn no_term_is_syntax() {
        assert_eq!(asked(&["\" OR caption : *"]).unwrap(), "\"or caption\"");
        assert_eq!(asked(&["NEAR(a b, 3)"]).unwrap(), "\"near a b 3\"");
        assert_eq!(asked(&["NOT"]).unwrap(), "\"not\"");
    }
}
