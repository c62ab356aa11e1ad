//! Segmentation: cuts a text into the tokens of a full-text index.
//!
//! A run of a script that is written without spaces (Japanese above all) becomes overlapping pairs of characters: 青い車です
//! gives 青い い車 車で です, and the last character of the run stands alone: す. Each character starts exactly one token, so
//! consecutive tokens are consecutive characters, and a phrase of pairs finds exactly what a search for a substring
//! finds. Everything else becomes whole words.
//!
//! The text is in one of the forms of [`super::fold`] already.

use unicode_normalization::char::is_combining_mark;

use super::characters::is_unspaced;

/// The number of this way of folding and cutting. A change of the tokens of a text or of a term, or of the folded form of a
/// file name, raises it. Every store then folds and cuts its texts anew when it is next opened.
pub(crate) const SEGMENTATION_VERSION: i64 = 3;

/// The largest number of characters of a word that count; the rest of a longer word is neither indexed nor searched
/// for.
pub(super) const MAX_WORD_CHARS: usize = 64;

/// A part of a text that is cut in one way.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Letters and digits of a script with spaces between words.
    Word(String),
    /// Characters of an unspaced script, not interrupted by anything else.
    Run(Vec<char>),
}

/// Cuts a folded or exact text into words and runs, in its order.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut interrupted = true;
    for c in text.chars() {
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

/// Returns the tokens that a text with these pieces has, in its order.
pub(super) fn tokens(pieces: &[Piece]) -> Vec<String> {
    let mut tokens = Vec::new();
    for piece in pieces {
        piece.push_tokens(&mut tokens);
    }
    tokens
}

impl Piece {
    /// Appends the tokens that a text with this piece has.
    pub(super) fn push_tokens(&self, tokens: &mut Vec<String>) {
        match self {
            Self::Word(word) => tokens.push(word.clone()),
            Self::Run(run) => tokens.extend((0..run.len()).map(|at| run.iter().skip(at).take(2).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn japanese_becomes_overlapping_pairs_and_the_rest_words() {
        for (text, expected) in [
            ("青い車です", "青い い車 車で です す"),
            ("猫、犬", "猫 犬"),
            ("masterpiece, 1girl/best_quality tシャツ", "masterpiece 1girl best quality t シャ ャツ ツ"),
            (" \u{0}%*\"() ", ""),
        ] {
            assert_eq!(tokens(&pieces(text)).join(" "), expected);
        }
    }
}
