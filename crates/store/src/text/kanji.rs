//! The forms of kanji that stand for one character.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The pairs of [`kanji_forms.txt`](kanji_forms.txt), whose head names their sources.
static FORMS: LazyLock<HashMap<char, char>> = LazyLock::new(|| pairs().collect());

fn pairs() -> impl Iterator<Item = (char, char)> {
    let lines = include_str!("kanji_forms.txt").lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).filter_map(|pair| {
        let mut forms = pair.chars();
        Some((forms.next()?, forms.next()?))
    })
}

/// Returns the form that a kanji is folded to, which is the kanji itself for most.
pub(super) fn common_form(kanji: char) -> char {
    FORMS.get(&kanji).copied().unwrap_or(kanji)
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization as _;

    use super::*;

    #[test]
    fn the_table_holds_pairs_of_different_forms_and_no_chain() {
        let listed: Vec<_> = pairs().collect();
        assert_eq!(listed.len(), FORMS.len(), "a form is listed twice");
        assert!(listed.len() > 400);
        for (rare, common) in listed {
            assert_ne!(rare, common);
            assert_eq!(common_form(common), common, "{rare} leads to {common}, which leads on");
            assert!([rare, common].into_iter().nfkc().eq([rare, common]), "NFKC changes {rare} or {common}");
        }
    }
}
