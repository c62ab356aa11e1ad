//! The terms of a keyword query as the tokens that an image must have.

use std::collections::BTreeSet;

use super::characters::is_katakana;
use super::fold::{LONG_MARK, MIN_LONG_WORD, exact, folded};
use super::terms::phrase_of;
use super::tokens::{Piece, pieces};
use crate::StoreError;

/// The largest number of distinct terms of one query. The expression tree of more would cost more than any answer is
/// worth.
const MAX_TERMS: usize = 64;

/// The form of the texts that tokens are looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// The folded form, which every image has.
    Folded,
    /// The exact form, which only images have whose texts folding changes.
    Exact,
}

/// A condition on the texts of an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Query {
    /// One character of an unspaced script, anywhere in a text.
    Character(Form, char),
    /// Consecutive tokens.
    Phrase {
        form: Form,
        /// The tokens in their order; never empty.
        tokens: Vec<String>,
        /// Whether the last token is a prefix. It is one character then, which in a text is either alone or the first
        /// of a pair.
        last_is_prefix: bool,
    },
    /// The condition, on images whose texts folding does not change.
    Unvaried(Box<Query>),
    /// At least one of the conditions. An image that meets more of them is a better hit.
    Any(Vec<Query>),
    /// All of the conditions.
    All(Vec<Query>),
}

impl Query {
    /// Reads a term, which is a phrase in its exact form when double quotes enclose it; `None` when the term holds
    /// nothing that is indexed. The tokens consist of letters, digits and symbols, never of punctuation.
    pub(crate) fn term(term: &str) -> Option<Self> {
        match phrase_of(term) {
            Some(phrase) => Self::exactly(phrase),
            None => Self::in_any_spelling(term),
        }
    }

    /// An image whose texts folding does not change has no exact form, and its folded form is as exact.
    fn exactly(phrase: &str) -> Option<Self> {
        let exact = exact(phrase);
        let spelled = pieces(&exact);
        let query = Self::tokens(Form::Exact, &spelled)?;
        let common = pieces(&folded(&exact));
        if common != spelled {
            return Some(query);
        }
        let unvaried = Self::Unvaried(Box::new(Self::tokens(Form::Folded, &common)?));
        Some(Self::Any(vec![unvaried, query]))
    }

    /// Images with the spelling of the term are better hits. The exact form also holds two things that folding cannot
    /// know: the long marks that may be left out at the end of a word, and a 々 that begins a term.
    fn in_any_spelling(term: &str) -> Option<Self> {
        let exact = exact(term);
        let query = Self::folded(term)?;
        let spelled = pieces(&exact);
        let mut spellings = Vec::new();
        if exact.starts_with(['々', '〻', 'ゝ', 'ゞ']) || spelled != pieces(&folded(&exact)) {
            spellings.extend(Self::tokens(Form::Exact, &spelled));
        }
        let marks = long_mark_spellings(&exact);
        spellings.extend(marks.iter().filter_map(|spelling| Self::tokens(Form::Exact, &pieces(spelling))));
        Some(if spellings.is_empty() { query } else { Self::Any([vec![query], spellings].concat()) })
    }

    /// Reads a term in its folded form alone.
    fn folded(term: &str) -> Option<Self> {
        Self::tokens(Form::Folded, &pieces(&folded(term)))
    }

    fn tokens(form: Form, pieces: &[Piece]) -> Option<Self> {
        let (last, before) = pieces.split_last()?;
        if let (Piece::Run(run), []) = (last, before)
            && let [character] = run.as_slice()
        {
            return Some(Self::Character(form, *character));
        }
        let mut tokens = Vec::new();
        for piece in before {
            piece.push_tokens(&mut tokens);
        }
        let mut last_is_prefix = false;
        match last {
            // The text may go on after the last character of the term, which then is the first of a pair.
            Piece::Run(run) if run.len() == 1 => {
                tokens.push(run.iter().collect());
                last_is_prefix = true;
            }
            // The last character needs no token of its own: the last pair contains it.
            Piece::Run(run) => tokens.extend(run.windows(2).map(|pair| pair.iter().collect())),
            word @ Piece::Word(_) => word.push_tokens(&mut tokens),
        }
        Some(Self::Phrase { form, tokens, last_is_prefix })
    }

    /// Returns the condition that at least `least` of the conditions are met.
    fn at_least(least: usize, conditions: &[Self]) -> Self {
        match conditions {
            [only] => only.clone(),
            [first, rest @ ..] if (2..conditions.len()).contains(&least) => {
                let with_first = Self::All(vec![first.clone(), Self::at_least(least - 1, rest)]);
                Self::Any(vec![with_first, Self::at_least(least, rest)])
            }
            _ if least < 2 => Self::Any(conditions.to_vec()),
            _ => Self::All(conditions.to_vec()),
        }
    }
}

/// Returns an exact text with the other spellings of its katakana words: without long marks at the end of words, and with
/// them. A mark at the end of the text is never added, because a search for a part of a word finds the longer word.
fn long_mark_spellings(exact: &str) -> Vec<String> {
    let characters: Vec<char> = exact.chars().collect();
    let (mut with, mut without) = (String::new(), String::new());
    let mut left = characters.len();
    for word in characters.chunk_by(|a, b| is_katakana(*a) == is_katakana(*b)) {
        left -= word.len();
        let text: String = word.iter().collect();
        with.push_str(&text);
        match word {
            [first, .., LONG_MARK] if is_katakana(*first) && word.len() >= MIN_LONG_WORD => {
                without.extend(&word[..word.len() - 1]);
            }
            [first, .., last] if is_katakana(*first) && word.len() + 1 >= MIN_LONG_WORD => {
                without.push_str(&text);
                if !matches!(last, 'ン' | 'ッ') && left > 0 {
                    with.push(LONG_MARK);
                }
            }
            _ => without.push_str(&text),
        }
    }
    [with, without].into_iter().filter(|spelling| spelling != exact).collect()
}

/// Reads the terms of a query, of which an image must hold at least `least`, or all if they are fewer; `None` when no term
/// holds anything that is indexed.
///
/// # Errors
/// [`StoreError::BadKeywords`] when there are more than [`MAX_TERMS`] different terms.
pub(crate) fn keyword_query(terms: &[String], least: usize) -> Result<Option<Query>, StoreError> {
    let queries: BTreeSet<Query> = terms.iter().filter_map(|term| Query::term(term)).collect();
    if queries.len() > MAX_TERMS {
        return Err(StoreError::BadKeywords(format!("{} different terms, of at most {MAX_TERMS}", queries.len())));
    }
    if queries.is_empty() {
        return Ok(None);
    }
    if least >= queries.len() {
        let queries: Vec<Query> = queries.into_iter().collect();
        return Ok(Some(Query::at_least(queries.len(), &queries)));
    }
    // Each term occurs many times in this condition, so each has one form.
    let folded: BTreeSet<Query> = terms.iter().filter_map(|term| Query::folded(term)).collect();
    Ok(Some(Query::at_least(least.max(1), &folded.into_iter().collect::<Vec<_>>())))
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;

    #[test]
    fn a_single_character_is_searched_for_anywhere() {
        assert_eq!(Query::term("猫"), Some(Query::Character(Form::Folded, '猫')));
        assert_eq!(Query::term(" * 猫!"), Some(Query::Character(Form::Folded, '猫')));
        assert_eq!(Query::term("!?"), None);
    }

    #[test]
    fn a_very_long_word_is_cut_alike_in_texts_and_terms() {
        let word = "x".repeat(5000);
        let tokens = tokens(&pieces(&word));
        assert_eq!(Query::term(&word), Some(Query::Phrase { form: Form::Folded, tokens, last_is_prefix: false }));
    }

    #[test]
    fn long_marks_are_optional_at_the_end_of_longer_katakana_words() {
        assert_eq!(long_mark_spellings("サーバー"), ["サーバ"]);
        assert_eq!(long_mark_spellings("コンピュータ室"), ["コンピューター室"]);
        assert_eq!(long_mark_spellings("コンピューター室"), ["コンピュータ室"]);
        for unchanged in ["サーバ", "キー", "カバー", "らーめんだー", "ペンギンの", "cat"] {
            assert!(long_mark_spellings(unchanged).is_empty(), "{unchanged}");
        }
    }

    #[test]
    fn at_least_some_of_the_conditions_are_met() {
        let met = |least: usize, count: u8| -> Vec<u32> {
            let conditions: Vec<Query> =
                (0..count).map(|n| Query::Character(Form::Folded, char::from(b'a' + n))).collect();
            let query = Query::at_least(least, &conditions);
            (0..1_u32 << count).filter(|set| holds(&query, *set)).collect()
        };
        fn holds(query: &Query, set: u32) -> bool {
            match query {
                Query::Character(_, c) => set >> (u32::from(*c) - u32::from('a')) & 1 == 1,
                Query::Any(parts) => parts.iter().any(|part| holds(part, set)),
                Query::All(parts) => parts.iter().all(|part| holds(part, set)),
                other => panic!("{other:?}"),
            }
        }
        for count in 1..=6 {
            for least in 1..=usize::from(count) {
                let expected: Vec<u32> = (0..1_u32 << count).filter(|set| set.count_ones() as usize >= least).collect();
                assert_eq!(met(least, count), expected, "{least} of {count}");
            }
        }
    }
}
