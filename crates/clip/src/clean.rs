//! The cleaning of texts: the steps that a manifest may list.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick, is_nfkc_quick};

use super::ftfy::ftfy;
use super::html;
use super::manifest::CleaningStep;

/// Applies `steps` to `text` in the given order.
#[must_use]
pub fn clean(text: &str, steps: &[CleaningStep]) -> String {
    let mut cleaned = Cow::Borrowed(text);
    for step in steps {
        // A step makes a new string only when it changes something, which is rare for a query.
        let changed = match apply(*step, &cleaned) {
            Cow::Owned(changed) => changed,
            Cow::Borrowed(_) => continue,
        };
        cleaned = Cow::Owned(changed);
    }
    cleaned.into_owned()
}

fn apply(step: CleaningStep, text: &str) -> Cow<'_, str> {
    match step {
        CleaningStep::Ftfy => Cow::Owned(ftfy(text)),
        CleaningStep::HtmlUnescape => html::unescape(text),
        CleaningStep::Nfkc if is_nfkc_quick(text.chars()) == IsNormalized::Yes => Cow::Borrowed(text),
        CleaningStep::Nfkc => Cow::Owned(text.nfkc().collect()),
        CleaningStep::Nfc if is_nfc_quick(text.chars()) == IsNormalized::Yes => Cow::Borrowed(text),
        CleaningStep::Nfc => Cow::Owned(text.nfc().collect()),
        CleaningStep::Lowercase => Cow::Owned(text.to_lowercase()),
        CleaningStep::UnderscoresToSpaces => Cow::Owned(text.replace('_', " ")),
        CleaningStep::RemovePunctuation => Cow::Owned(text.replace(|c: char| c.is_ascii_punctuation(), "")),
        CleaningStep::CollapseWhitespace => Cow::Owned(collapse_whitespace(text)),
    }
}

/// Replaces each run of white space by one space and removes white space at the ends, as Python's `re.sub(r"\s+", " ",
/// text).strip()` does.
fn collapse_whitespace(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for word in text.split(is_python_whitespace).filter(|word| !word.is_empty()) {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.push_str(word);
    }
    collapsed
}

/// Tells whether Python counts `c` as white space: Unicode's White_Space and the four information separators.
fn is_python_whitespace(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use CleaningStep::*;

    #[test]
    fn each_step_does_its_work() {
        for (step, text, expected) in [
            (Ftfy, "“ＡＢＣ”", "\"ABC\""),
            (Ftfy, "青い車", "青い車"),
            (HtmlUnescape, "&amp;lt;", "&lt;"),
            (Nfkc, "ﾈｺ　ＡＢＣ①", "ネコ ABC1"),
            (Nfc, "か\u{3099}", "が"),
            (Nfc, "ﾈｺ", "ﾈｺ"),
            (Lowercase, "ÀBC ΟΔΟΣ İ", "àbc οδος i\u{307}"),
            (UnderscoresToSpaces, "snake_case_", "snake case "),
            (RemovePunctuation, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~a。「猫」…", "a。「猫」…"),
            (CollapseWhitespace, " \u{3000}猫\t\n 犬\u{1f}鳥\u{a0} ", "猫 犬 鳥"),
            (CollapseWhitespace, "\u{3000}", ""),
        ] {
            assert_eq!(clean(text, &[step]), expected, "{step:?}");
        }
    }

    #[test]
    fn steps_are_applied_in_their_order_and_as_often_as_listed() {
        assert_eq!(clean("&amp;nbsp;猫", &[HtmlUnescape, HtmlUnescape, CollapseWhitespace]), "猫");
        assert_eq!(clean("&nbsp;猫", &[CollapseWhitespace, HtmlUnescape]), "\u{a0}猫");
        assert_eq!(clean(" 猫 ", &[]), " 猫 ");
    }
}
