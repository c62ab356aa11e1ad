//! Segmentation: cuts a text into the tokens of a full-text index.
//!
//! A run of a script that is written without spaces (Japanese above all) becomes overlapping pairs of characters: 青い車です
//! gives 青い い車 車で です, and the last character of the run stands alone: す. Each character starts exactly one token, so
//! consecutive tokens are consecutive characters, and a phrase of pairs finds exactly what a search for a substring
//! finds. Everything else becomes whole words.
//!
//! The text is normalised first: NFKC (half-width kana, full-width letters, ligatures), then lowercase. Katakana and
//! hiragana stay distinct. The prolonged sound mark and iteration marks are treated like any other character.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::characters::{is_invisible, is_unspaced};

/// The number of this way of cutting. A change of the tokens of a text or of a term raises it, and every store then
/// cuts its texts anew when it is next opened.
pub(crate) const SEGMENTATION_VERSION: i64 = 2;

/// The largest number of characters of a word that count; the rest of a longer word is neither indexed nor searched
/// for.
const MAX_WORD_CHARS: usize = 64;

/// A part of a text that is cut in one way.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Letters and digits of a script with spaces between words.
    Word(String),
    /// Characters of an unspaced script, not interrupted by anything else.
    Run(Vec<char>),
}

/// Returns the characters of a text in the form in which texts are compared.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.nfkc().flat_map(char::to_lowercase).filter(|c| !is_invisible(*c))
}

/// Returns a text in the form that decides whether two texts are equal.
pub(crate) fn fold(text: &str) -> String {
    folded(text).collect()
}

/// Cuts a text into words and runs, in its order.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut interrupted = true;
    for c in folded(text) {
        let unspaced = is_unspaced(c);
        if !unspaced && !c.is_alphanumeric() && !is_combining_mark(c) {
            interrupted = true;
            continue;
        }
        match pieces.last_mut() {
            Some(Piece::Run(run)) if unspaced && !interrupted => run.push(c),
            Some(Piece::Word(word)) if !unspaced && !interrupted => word.push(c),
            _ if unspaced => pieces.push(Piece::Run(vec![c])),
            _ => pieces.push(Piece::Word(c.into())),
        }
        interrupted = false;
    }
    for piece in &mut pieces {
        if let Piece::Word(word) = piece
            && let Some((end, _)) = word.char_indices().nth(MAX_WORD_CHARS)
        {
            word.truncate(end);
        }
    }
    pieces
}

/// Returns the tokens of a text in its order, joined by spaces, and adds the characters of its runs to `characters`.
pub(super) fn text_tokens(text: &str, characters: &mut BTreeSet<char>) -> String {
    let mut tokens = Vec::new();
    for piece in pieces(text) {
        if let Piece::Run(run) = &piece {
            characters.extend(run);
        }
        piece.push_tokens(&mut tokens);
    }
    tokens.join(" ")
}

impl Piece {
    /// Appends the tokens that a text with this piece has.
    pub(super) fn push_tokens(self, tokens: &mut Vec<String>) {
        match self {
            Self::Word(word) => tokens.push(word),
            Self::Run(run) => tokens.extend((0..run.len()).map(|at| run.iter().skip(at).take(2).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> String {
        text_tokens(text, &mut BTreeSet::new())
    }

    #[test]
    fn japanese_becomes_overlapping_pairs_and_the_rest_words() {
        assert_eq!(tokens("青い車です"), "青い い車 車で です す");
        assert_eq!(tokens("猫、犬"), "猫 犬");
        assert_eq!(tokens("Masterpiece, 1girl/best_quality Tシャツ"), "masterpiece 1girl best quality t シャ ャツ ツ");
        assert_eq!(tokens("スーパー・マリオ"), "スー ーパ パー ー マリ リオ オ");
        assert_eq!(tokens(" \u{0}%*\"() "), "");
    }

    #[test]
    fn different_spellings_of_a_character_are_one() {
        assert_eq!(tokens("ｶﾞｰﾃﾞﾝ"), tokens("ガーデン"));
        assert_eq!(tokens("ＳＤ３"), "sd3");
        assert_eq!(tokens("葛\u{e0100}飾"), tokens("葛飾"));
        assert_eq!(tokens("か\u{3099}く"), tokens("がく"));
        assert_ne!(tokens("ネコ"), tokens("ねこ"));
    }
}
