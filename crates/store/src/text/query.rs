//! The terms of a keyword query as the tokens that an image must have.

use std::collections::BTreeSet;

use super::tokens::{Piece, pieces};
use crate::StoreError;

/// The largest number of distinct terms of one query. The expression tree of more would cost more than any answer is
/// worth.
const MAX_TERMS: usize = 64;

/// The tokens that one term requires.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TermQuery {
    /// One character of an unspaced script, anywhere in a text.
    Character(char),
    /// Consecutive tokens.
    Phrase {
        /// The tokens in their order; never empty.
        tokens: Vec<String>,
        /// Whether the last token is a prefix. It is one character then, which in a text is either alone or the first
        /// of a pair.
        last_is_prefix: bool,
    },
}

impl TermQuery {
    /// Cuts a term into tokens; `None` when it holds nothing that is indexed. The tokens consist of letters, digits and
    /// symbols, never of punctuation.
    pub(crate) fn parse(term: &str) -> Option<Self> {
        let mut pieces = pieces(term);
        let last = pieces.pop()?;
        if let Piece::Run(run) = &last
            && let [character] = run.as_slice()
            && pieces.is_empty()
        {
            return Some(Self::Character(*character));
        }
        let mut tokens = Vec::new();
        for piece in pieces {
            piece.push_tokens(&mut tokens);
        }
        let mut last_is_prefix = false;
        match last {
            // The text may go on after the last character of the term, which then is the first of a pair.
            Piece::Run(run) if run.len() == 1 => {
                tokens.push(run.into_iter().collect());
                last_is_prefix = true;
            }
            // The last character needs no token of its own: the last pair contains it.
            Piece::Run(run) => tokens.extend(run.windows(2).map(|pair| pair.iter().collect())),
            word @ Piece::Word(_) => word.push_tokens(&mut tokens),
        }
        Some(Self::Phrase { tokens, last_is_prefix })
    }
}

/// Parses terms, and returns each query once. A term beyond the limit is not left out, since the answer would then hold
/// images that lack it.
///
/// # Errors
/// [`StoreError::BadKeywords`] when there are more than [`MAX_TERMS`].
pub(crate) fn parse_terms(terms: &[String]) -> Result<BTreeSet<TermQuery>, StoreError> {
    let queries: BTreeSet<TermQuery> = terms.iter().filter_map(|term| TermQuery::parse(term)).collect();
    if queries.len() > MAX_TERMS {
        return Err(StoreError::BadKeywords(format!("{} different terms, of at most {MAX_TERMS}", queries.len())));
    }
    Ok(queries)
}

#[cfg(test)]
mod tests {
    use super::super::tokens::text_tokens;
    use super::*;

    #[test]
    fn a_single_character_is_searched_for_anywhere() {
        assert_eq!(TermQuery::parse("猫"), Some(TermQuery::Character('猫')));
        assert_eq!(TermQuery::parse(" * 猫!"), Some(TermQuery::Character('猫')));
        assert_eq!(TermQuery::parse("!?"), None);
    }

    #[test]
    fn a_very_long_word_is_cut_alike_in_texts_and_terms() {
        let word = "x".repeat(5000);
        let tokens = vec![text_tokens(&word, &mut BTreeSet::new())];
        assert_eq!(TermQuery::parse(&word), Some(TermQuery::Phrase { tokens, last_is_prefix: false }));
    }
}
