//! Cuts text into the tokens of the full-text index, and queries into its search expressions.
//!
//! Scripts that are written without spaces (Japanese above all) become overlapping pairs of characters: 青い車です
//! gives 青い い車 車で です, and the last character of a run stands alone: す. Each character starts exactly one
//! token, so tokens that follow one another are characters that follow one another, and a phrase of pairs
//! finds exactly what searching for a substring would. Everything else becomes whole words.
//!
//! Text is normalised first: NFKC (half-width kana, full-width letters, ligatures), then lowercase.
//! Katakana and hiragana stay distinct; the prolonged sound mark and iteration marks are characters as any other.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::StoreError;
use crate::terms::is_symbol;

/// Number of this way of cutting. Whoever changes what [`Stream`] or [`Question`] produce raises it, and
/// every store cuts its texts anew when it is next opened.
pub(super) const VERSION: i64 = 2;

/// Characters of a word that count; what follows is neither indexed nor asked for.
const WORD_CHARS: usize = 64;

/// Most distinct terms of one question; an expression tree of more would cost more than any answer is worth.
const MAX_TERMS: usize = 64;

/// A stretch of text that is indexed in one way.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    /// Letters and digits of a script with spaces between words.
    Word(String),
    /// Characters of an unspaced script, not interrupted by anything else.
    Run(Vec<char>),
}

/// The tokens of a text in its order, joined by spaces.
#[derive(Debug, Default)]
pub(super) struct Stream(pub(super) String);

impl Stream {
    /// Cuts a text and adds the characters of its unspaced runs to `characters`.
    pub(super) fn of(text: &str, characters: &mut BTreeSet<char>) -> Self {
        let mut stream = Self::default();
        for piece in pieces(text) {
            if let Piece::Run(run) = &piece {
                characters.extend(run);
            }
            stream.push(&piece);
        }
        stream
    }

    fn push(&mut self, piece: &Piece) {
        match piece {
            Piece::Word(word) => self.token(word.chars()),
            Piece::Run(run) => {
                for at in 0..run.len() {
                    self.token(run.iter().skip(at).take(2).copied());
                }
            }
        }
    }

    fn token(&mut self, characters: impl Iterator<Item = char>) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.extend(characters);
    }
}

/// The token for "this character occurs": the `c` makes it unlike any token of a [`Stream`], where
/// Latin letters and unspaced characters never share one.
pub(super) fn single_character(character: char) -> String {
    format!("c{character}")
}

/// What one term asks for.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    /// This character of an unspaced script, anywhere.
    Character(char),
    /// These tokens, one after the other.
    Phrase {
        /// Never empty.
        tokens: Vec<String>,
        /// The last token may go on: it is one character, which in a text is the first of a pair or alone.
        open: bool,
    },
}

impl Question {
    /// What `term` asks for; `None` when it holds nothing that is indexed. Only tokens of [`pieces`] get into it.
    pub(super) fn of(term: &str) -> Option<Self> {
        let pieces = pieces(term);
        let (last, before) = pieces.split_last()?;
        let mut stream = Stream::default();
        before.iter().for_each(|piece| stream.push(piece));
        let mut open = false;
        match last {
            Piece::Run(run) => match run.as_slice() {
                [character] if before.is_empty() => return Some(Self::Character(*character)),
                // The text may go on after the query's last character, which then is the first of a pair.
                [character] => {
                    stream.token(std::iter::once(*character));
                    open = true;
                }
                _ => run.windows(2).for_each(|pair| stream.token(pair.iter().copied())),
            },
            Piece::Word(_) => stream.push(last),
        }
        Some(Self::Phrase { tokens: stream.0.split(' ').map(str::to_owned).collect(), open })
    }
}

/// What terms ask for, each question once. Of more than can be asked at once none is left out: that would find what
/// nobody asked for.
///
/// # Errors
/// [`StoreError::BadKeywords`] when there are more than [`MAX_TERMS`].
pub(super) fn questions(terms: &[String]) -> Result<BTreeSet<Question>, StoreError> {
    let questions: BTreeSet<Question> = terms.iter().filter_map(|term| Question::of(term)).collect();
    if questions.len() > MAX_TERMS {
        return Err(StoreError::BadKeywords(format!("{} different terms, of at most {MAX_TERMS}", questions.len())));
    }
    Ok(questions)
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut interrupted = true;
    for c in text.nfkc().flat_map(char::to_lowercase) {
        if is_invisible(c) {
            continue;
        }
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
            && let Some((end, _)) = word.char_indices().nth(WORD_CHARS)
        {
            word.truncate(end);
        }
    }
    pieces
}

/// Characters that change how a neighbour looks and not what it means: soft hyphen, joiners, byte order mark,
/// variation selectors.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Characters of scripts written without spaces, and symbols that stand for a word each.
fn is_unspaced(c: char) -> bool {
    is_symbol(c)
        || matches!(c,
            '\u{0e00}'..='\u{0eff}'     // Thai, Lao
            | '\u{1000}'..='\u{109f}'   // Burmese
            | '\u{1100}'..='\u{11ff}'   // Hangul letters
            | '\u{1780}'..='\u{17ff}'   // Khmer
            | '\u{3005}'..='\u{3007}'   // 々 〆 〇
            | '\u{3021}'..='\u{3029}'
            | '\u{3031}'..='\u{3035}'
            | '\u{3038}'..='\u{303c}'
            | '\u{3041}'..='\u{3096}'   // hiragana
            | '\u{3099}'..='\u{309a}'   // combining voice marks
            | '\u{309d}'..='\u{309f}'   // ゝ ゞ
            | '\u{30a1}'..='\u{30fa}'   // katakana, without the middle dot
            | '\u{30fc}'..='\u{30ff}'   // ー ヽ ヾ
            | '\u{3100}'..='\u{312f}'   // Bopomofo
            | '\u{31f0}'..='\u{31ff}'   // small katakana
            | '\u{3400}'..='\u{4dbf}'   // Han
            | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7a3}'   // Hangul: particles follow words without a space
            | '\u{f900}'..='\u{faff}'
            | '\u{1b000}'..='\u{1b16f}' // historic kana
            | '\u{20000}'..='\u{3fffd}' // rarer Han
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> String {
        Stream::of(text, &mut BTreeSet::new()).0
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

    #[test]
    fn a_single_character_is_asked_for_wherever_it_stands() {
        assert_eq!(Question::of("猫"), Some(Question::Character('猫')));
        assert_eq!(Question::of(" * 猫!"), Some(Question::Character('猫')));
        assert_eq!(Question::of("!?"), None);
    }

    #[test]
    fn an_endless_word_is_cut_the_same_way_on_both_sides() {
        let word = "x".repeat(5000);
        assert_eq!(Question::of(&word), Some(Question::Phrase { tokens: vec![tokens(&word)], open: false }));
    }
}
