//! Folding: the forms in which texts and queries are compared.
//!
//! There are two forms. The *exact* form makes one of spellings that differ in width, case and Unicode composition only; a
//! phrase in double quotes is compared in it. The *folded* form makes one of more: accents, hiragana and katakana, old
//! forms of kanji, and the other rows of the table in docs/search.md. Everything else, file names included, is compared in
//! the folded form. Every store folds by this code alone, so every store finds the same images.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::decompose_canonical;

use super::characters::{is_han, is_hiragana, is_invisible, is_kana, is_katakana, is_unspaced};
use super::kanji::common_form;

/// The prolonged sound mark.
pub(super) const LONG_MARK: char = 'ー';

/// The largest number of characters of a folded file name. A few characters fold to several, and the database columns end
/// here.
pub(crate) const MAX_NAME_CHARS: usize = 1_000;

/// Returns the exact form of a text: NFKC and full case folding, without invisible characters.
pub(super) fn exact(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Case folding may leave a decomposed character behind, and composing it may make one that has another case.
    let once = case_folded(text);
    let twice = case_folded(&once);
    if twice == once { once } else { case_folded(&twice) }
}

fn case_folded(text: &str) -> String {
    let visible = text.chars().filter(|c| !is_invisible(*c));
    // Upper case first makes one of ς and σ, and ss of ß, as Unicode's full case folding does.
    let folded = visible.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.nfkc().filter(|c| !is_invisible(*c)).collect()
}

/// Returns the folded form of a text.
#[must_use]
pub(crate) fn folded(text: &str) -> String {
    let exact = exact(text);
    if exact.is_ascii() {
        return exact;
    }
    let letters = without_accents(&exact);
    let marks = with_common_marks(&letters);
    let kanji = with_common_kanji(&marks);
    in_hiragana(&kanji).into_iter().collect()
}

/// Returns the folded form of a file name, which the stores keep.
#[must_use]
pub(crate) fn folded_name(name: &str) -> String {
    folded(name).chars().take(MAX_NAME_CHARS).collect()
}

/// Returns the folded form of a part of a file name that is looked for. A long mark at the end of a katakana word of four
/// or more characters is left out, so that サーバー is found in サーバ.png as in サーバー.png.
/// Returns `None` for a part that is longer than any name.
pub(crate) fn folded_name_part(part: &str) -> Option<String> {
    let exact: Vec<char> = exact(part).chars().collect();
    let word = exact.iter().rev().take_while(|c| is_katakana(**c)).count();
    let part: String = exact.iter().collect();
    let shorter = if word >= MIN_LONG_WORD { part.strip_suffix(LONG_MARK) } else { None };
    let folded = folded(shorter.unwrap_or(&part));
    folded.chars().nth(MAX_NAME_CHARS).is_none().then_some(folded)
}

/// The length of a katakana word, its long mark included, from which the mark at its end is optional: サーバー is a spelling
/// of サーバ, but キー is none of キ. The rule is that of JIS Z 8301, which leaves the mark out of longer words.
pub(super) const MIN_LONG_WORD: usize = 4;

/// Removes accents from Latin and Greek letters, and stress and the dots of ё from Cyrillic ones. Other scripts keep their
/// marks, which are letters of their own there: が is not か, and й is not и.
fn without_accents(text: &str) -> Vec<char> {
    let mut out: Vec<char> = Vec::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{300}'..='\u{36f}' if out.last().is_some_and(|base| is_latin_or_greek(*base) || is_cyrillic(*base)) => {}
            // A voice mark that no kana has taken up, as in あ゙.
            '\u{3099}' | '\u{309a}' => {}
            'ё' => out.push('е'),
            c if is_latin_or_greek(c) => decompose_canonical(c, |part| match part {
                '\u{300}'..='\u{36f}' => {}
                'æ' => out.extend(['a', 'e']),
                'œ' => out.extend(['o', 'e']),
                'ø' => out.push('o'),
                'đ' | 'ð' => out.push('d'),
                'ħ' => out.push('h'),
                'ł' => out.push('l'),
                'ŧ' => out.push('t'),
                part => out.push(part),
            }),
            c => out.push(c),
        }
    }
    out
}

const fn is_latin_or_greek(c: char) -> bool {
    matches!(c, 'a'..='z' | '\u{c0}'..='\u{24f}' | '\u{250}'..='\u{2af}' | '\u{370}'..='\u{3ff}' | '\u{1e00}'..='\u{1fff}')
}

const fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{52f}')
}

/// Makes one of the marks that look alike: dashes, minus signs and tildes; writes the long mark where a keyboard gave a
/// dash or a tilde, and a hyphen where it gave a long mark; drops the dot between the parts of a name.
fn with_common_marks(text: &[char]) -> Vec<char> {
    let mut out: Vec<char> = Vec::with_capacity(text.len());
    for (at, &c) in text.iter().enumerate() {
        let (before, after) = (out.last().copied(), text.get(at + 1).copied());
        let between = |test: fn(char) -> bool| before.is_some_and(test) && after.is_some_and(test);
        match c {
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' => {
                out.push(if between(is_katakana) { LONG_MARK } else { '-' });
            }
            '~' | '\u{301c}' | '\u{223c}' => out.push(if between(is_kana) { LONG_MARK } else { '~' }),
            LONG_MARK if between(|c| c.is_ascii_digit()) => out.push('-'),
            '・' if between(is_unspaced) => {}
            '=' | '\u{30a0}' if between(is_katakana) => {}
            '\u{2018}' | '\u{2019}' | '\u{2bc}' => out.push('\''),
            c => out.push(c),
        }
    }
    out
}

/// Writes kanji in their common forms, and writes out 々.
fn with_common_kanji(text: &[char]) -> Vec<char> {
    let mut out: Vec<char> = Vec::with_capacity(text.len());
    for &c in text {
        match out.last() {
            Some(&kanji) if matches!(c, '々' | '〻') && is_han(kanji) => out.push(kanji),
            _ => out.push(common_form(c)),
        }
    }
    out
}

/// Writes katakana as hiragana, writes out ゝ and ゞ, and makes one of the spellings of small ヶ and of ヴ.
fn in_hiragana(text: &[char]) -> Vec<char> {
    let mut out: Vec<char> = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&c) = text.get(at) {
        let (before, after) = (out.last().copied(), text.get(at + 1).copied());
        at += 1;
        let beside_kanji = (before.is_some_and(is_han), after.is_some_and(is_han));
        let counts = before.is_some_and(is_numeral) && after.is_some_and(is_counter);
        match c {
            'ヶ' | 'ゖ' | 'ケ' | '箇' if counts => out.push('か'),
            'ヵ' | 'ゕ' => out.push('か'),
            'ケ' if beside_kanji == (true, true) => out.push('が'),
            'ヶ' | 'ゖ' => out.push(if beside_kanji == (false, false) { 'ゖ' } else { 'が' }),
            'ヴ' | 'ゔ' => match after.map(hiragana).and_then(labial) {
                Some(kana) => {
                    out.extend(kana.chars());
                    at += 1;
                }
                None => out.push('ぶ'),
            },
            'ゝ' | 'ヽ' | 'ゞ' | 'ヾ' => {
                let repeated = before.filter(|kana| !matches!(kana, 'ゕ' | 'ゖ')).and_then(|kana| match c {
                    'ゝ' | 'ヽ' => Some(plain(kana)).filter(|kana| is_hiragana(*kana)),
                    _ => voiced(plain(kana)),
                });
                out.push(repeated.unwrap_or_else(|| hiragana(c)));
            }
            c => out.push(hiragana(c)),
        }
    }
    out
}

/// Returns the hiragana for a katakana letter or iteration mark, and any other character as it is.
fn hiragana(c: char) -> char {
    match c {
        'ァ'..='ヶ' | 'ヽ' | 'ヾ' => char::from_u32(u32::from(c) - 0x60).unwrap_or(c),
        c => c,
    }
}

/// Returns the kana that ヴ and a small kana are also written with: ヴァイオリン is バイオリン.
const fn labial(small: char) -> Option<&'static str> {
    Some(match small {
        'ぁ' => "ば",
        'ぃ' => "び",
        'ぇ' => "べ",
        'ぉ' => "ぼ",
        'ゅ' => "びゅ",
        _ => return None,
    })
}

/// The kana with a voice mark, each behind the kana without.
const VOICED: &str = "かがきぎくぐけげこごさざしじすずせぜそぞただちぢつづてでとどはばひびふぶへべほぼ";

fn voiced(kana: char) -> Option<char> {
    let mut letters = VOICED.chars();
    while let (Some(plain), Some(voiced)) = (letters.next(), letters.next()) {
        if plain == kana {
            return Some(voiced);
        }
    }
    None
}

fn plain(kana: char) -> char {
    let mut letters = VOICED.chars();
    while let (Some(plain), Some(voiced)) = (letters.next(), letters.next()) {
        if voiced == kana {
            return plain;
        }
    }
    kana
}

const fn is_numeral(c: char) -> bool {
    c.is_ascii_digit()
        || matches!(c, '一' | '二' | '三' | '四' | '五' | '六' | '七' | '八' | '九' | '十' | '百' | '千' | '数' | '何')
}

/// Returns whether numbers count these with か between: 三ヶ月, 二カ所.
const fn is_counter(c: char) -> bool {
    matches!(c, '月' | '所' | '国' | '年' | '条' | '村' | '町' | '寺' | '店' | '社' | '校')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_exact_form_makes_one_of_width_case_and_composition() {
        for (a, b) in [
            ("ｶﾞｰﾃﾞﾝ", "ガーデン"),
            ("ＳＤ３", "sd3"),
            ("か\u{3099}く", "がく"),
            ("STRASSE", "straße"),
            ("ΟΔΟΣ", "οδος"),
            ("Ｅ\u{301}té", "ÉTÉ"),
            ("葛\u{e0100}飾", "葛飾"),
        ] {
            assert_eq!(exact(a), exact(b));
        }
        for (a, b) in [("ネコ", "ねこ"), ("cafe", "café"), ("國", "国"), ("時々", "時時")] {
            assert_ne!(exact(a), exact(b));
        }
    }

    #[test]
    fn a_long_mark_at_the_end_of_a_longer_katakana_word_is_not_asked_for_in_names() {
        assert_eq!(folded_name_part("サーバー").unwrap(), "さーば");
        assert_eq!(folded_name_part("ｻｰﾊﾞｰ").unwrap(), "さーば");
        assert_eq!(folded_name_part("キー").unwrap(), "きー");
        assert_eq!(folded_name_part("らーめんだー").unwrap(), "らーめんだー");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn folding_twice_is_folding_once(
            text in prop_oneof![
                any::<String>(),
                "[アガゔヴぁァゅうゝゞヽヾ々〻ヶケヵかが箇一3月猫國・＝=〜~ー\u{2212}1a\u{301}\u{307}\u{3099}éßΣςёй-]{0,12}",
            ],
        ) {
            prop_assert_eq!(exact(&exact(&text)), exact(&text));
            prop_assert_eq!(folded(&folded(&text)), folded(&text));
            prop_assert_eq!(folded(&exact(&text)), folded(&text));
        }
    }
}
