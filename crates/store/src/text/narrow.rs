//! The narrowing of long queries: of a pasted prompt, the rarest words decide.

use std::collections::HashSet;

use super::characters::{is_han, is_hiragana, is_katakana, is_symbol, is_unspaced};
use super::fold::{exact, folded};
use super::tokens::{Piece, pieces};

/// The largest number of different terms that are all required. Nobody requires more words by hand.
const MAX_REQUIRED: usize = 16;

/// The largest size of the terms that are all required. A character of an ASCII word counts 1 and any other 12, as they
/// do in the expressions of Oracle Text, which end at 4,000 bytes.
const MAX_SIZE: usize = 1_200;

/// The number of words of a long query whose images are counted: the longest ones.
const MAX_COUNTED: usize = 64;

/// The number of letters that a character of an unspaced script counts for where the lengths of words are compared.
const LETTERS_OF_A_CHARACTER: usize = 4;

/// The number up to which the images of a word are counted. All words with more are alike, so that counting a common word
/// takes no longer in a large collection.
pub(crate) const MAX_COUNT: usize = 1_000;

/// The number of words that decide.
const MAX_CHOSEN: usize = 6;

/// The largest number of characters of a word of an unspaced script. A longer run without a kana or a mark is cut.
const MAX_RUN: usize = 8;

/// The terms that a query comes down to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Narrowed {
    /// The terms to search for.
    pub terms: Vec<String>,
    /// The number of them that an image must hold at least.
    pub least: usize,
    /// The words of a long query that are not searched for, in their order.
    pub left_out: Vec<String>,
}

/// Narrows the terms of a query. A short query requires all of its terms. Of a long one, the words are counted that are
/// not hiragana, at most [`MAX_COUNTED`] of them; the [`MAX_CHOSEN`] that the fewest images hold are searched for (the
/// earlier of words with equal counts), and an image must hold at least half of these. Words that no image holds are left
/// out. The function `count` counts the images of each word up to [`MAX_COUNT`].
pub(crate) fn narrowed<E>(
    terms: &[String],
    count: impl FnOnce(&[String]) -> Result<Vec<usize>, E>,
) -> Result<Narrowed, E> {
    let mut seen = HashSet::new();
    let different: Vec<String> = terms.iter().filter(|term| seen.insert(*term)).cloned().collect();
    let size = |term: &String| term.chars().map(|c| if c.is_ascii() { 1 } else { 12 }).sum::<usize>();
    if different.len() <= MAX_REQUIRED && different.iter().map(size).sum::<usize>() <= MAX_SIZE {
        return Ok(Narrowed { least: different.len(), terms: different, left_out: Vec::new() });
    }
    let words = words(&different);
    let mut counted: Vec<usize> = (0..words.len()).collect();
    counted.sort_by_key(|at| std::cmp::Reverse(length(&words[*at])));
    counted.truncate(MAX_COUNTED);
    let counts = count(&counted.iter().map(|at| words[*at].clone()).collect::<Vec<_>>())?;
    let mut found: Vec<(usize, usize)> = counts.into_iter().zip(counted).filter(|(count, _)| *count > 0).collect();
    found.sort_unstable();
    found.truncate(MAX_CHOSEN);
    let chosen: HashSet<usize> = found.into_iter().map(|(_, at)| at).collect();
    let mut narrowed = Narrowed { least: chosen.len().div_ceil(2), ..Narrowed::default() };
    for (at, word) in words.into_iter().enumerate() {
        if chosen.contains(&at) { &mut narrowed.terms } else { &mut narrowed.left_out }.push(word);
    }
    Ok(narrowed)
}

fn length(word: &str) -> usize {
    word.chars().map(|c| if is_unspaced(c) { LETTERS_OF_A_CHARACTER } else { 1 }).sum()
}

/// Returns the different words of terms in their order: words between spaces and marks, and the runs of kanji, of
/// katakana, of symbols and of other unspaced scripts.
fn words(terms: &[String]) -> Vec<String> {
    let mut words = Vec::new();
    for piece in terms.iter().flat_map(|term| pieces(&exact(term))) {
        match piece {
            Piece::Word(word) => words.push(word),
            Piece::Run(run) => words.extend(words_of_run(&run)),
        }
    }
    let mut seen = HashSet::new();
    words.retain(|word| seen.insert(folded(word)));
    words
}

/// Returns the words of a run of an unspaced script: its parts of one script each but hiragana, of which longer ones are
/// cut.
pub(super) fn words_of_run(run: &[char]) -> impl Iterator<Item = String> {
    run.chunk_by(|a, b| script(*a) == script(*b))
        .filter(|part| part.first().is_some_and(|first| !is_hiragana(*first)))
        .flat_map(|part| part.chunks(MAX_RUN))
        .map(|word| word.iter().collect())
}

fn script(c: char) -> u8 {
    match c {
        '々' => 1,
        c if is_han(c) => 1,
        c if is_katakana(c) => 2,
        c if is_hiragana(c) => 3,
        c if is_symbol(c) => 4,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn narrow(terms: &[String], count: impl Fn(&str) -> usize) -> Narrowed {
        narrowed(terms, |words| Ok::<_, Infallible>(words.iter().map(|word| count(word)).collect())).unwrap()
    }

    #[test]
    fn a_short_query_requires_all_terms() {
        let terms = ["猫".to_owned(), "\"a b\"".to_owned()];
        let short = narrow(&terms, |_| panic!("nothing is counted"));
        assert_eq!((short.terms.as_slice(), short.least, short.left_out.len()), (&terms[..], 2, 0));
    }

    #[test]
    fn of_a_long_query_the_rarest_words_decide() {
        let terms: Vec<String> = (0..80).map(|n| format!("tag{n:02}")).collect();
        let long = narrow(&terms, |word| word[3..].parse::<usize>().unwrap() % 40);
        assert_eq!(long.terms, ["tag01", "tag02", "tag03", "tag41", "tag42", "tag43"]);
        assert_eq!((long.least, long.left_out.len()), (3, 74));
        assert!(narrow(&terms, |_| 0).terms.is_empty());
        assert_eq!(narrow(&terms, |word| usize::from(word == "tag07")).least, 1);
    }

    #[test]
    fn a_long_sentence_comes_down_to_its_kanji_and_katakana_words() {
        let sentence = "着物の女性が「サクラ」の下に立つ。".repeat(9);
        assert_eq!(words(&[sentence]), ["着物", "女性", "サクラ", "下", "立"]);
        assert_eq!(words(&["A Cat, cat 国 國".to_owned()]), ["a", "cat", "国"]);
    }
}
