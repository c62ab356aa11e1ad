//! The words of prompts, which are suggested while somebody types.

use std::collections::BTreeSet;

use super::document::bounded;
use super::fold::{exact, folded};
use super::narrow::words_of_run;
use super::tokens::{MAX_WORD_CHARS, Piece, pieces};

/// The smallest number of characters of a word of a script with spaces between words.
const MIN_WORD_CHARS: usize = 2;

/// Returns the words of a readable prompt in their folded form: words of two or more characters between spaces and marks,
/// and the runs of kanji, of katakana, of symbols and of other unspaced scripts but hiragana, of which longer ones are
/// cut. Numbers are left out, because in prompts they are weights.
#[must_use]
pub fn prompt_words(readable: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for piece in pieces(&exact(bounded(readable))) {
        match piece {
            Piece::Word(word) => {
                let word = bounded_word(&word);
                let is_long = word.chars().nth(MIN_WORD_CHARS - 1).is_some();
                words.extend((is_long && word.contains(char::is_alphabetic)).then_some(word));
            }
            Piece::Run(run) => words.extend(words_of_run(&run).map(|word| bounded_word(&word))),
        }
    }
    words.remove("");
    words
}

/// Returns a word in its folded form. Folding makes several characters of some.
fn bounded_word(word: &str) -> String {
    folded(word).chars().take(MAX_WORD_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(prompt: &str) -> Vec<String> {
        prompt_words(prompt).into_iter().collect()
    }

    #[test]
    fn a_prompt_gives_its_words_once_and_no_weights() {
        assert_eq!(words("(Masterpiece:1.25), 1girl, CAFÉ, cafe, a 85"), ["1girl", "cafe", "masterpiece"]);
        assert_eq!(words("着物の女性が「サクラ」の下に"), ["さくら", "下", "女性", "着物"]);
        assert!(words("").is_empty() && words("1.2, :)").is_empty());
    }

    proptest! {
        #[test]
        fn every_word_is_folded_bounded_and_of_the_prompt(prompt in any::<String>()) {
            for word in words(&prompt) {
                prop_assert!(!word.is_empty() && word.chars().count() <= MAX_WORD_CHARS);
                prop_assert!(!word.contains(char::is_whitespace), "{word:?}");
            }
        }
    }
}
