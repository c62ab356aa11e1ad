//! Patterns of file names.

use crate::text::{MAX_NAME_CHARS, folded};

/// Translates a pattern of file names (`*` for any run of characters, `?` for any one) into the operand of SQL's
/// `LIKE … ESCAPE '\'` for folded names. The text between two wildcards is folded, and characters that are wildcards of
/// `LIKE` only are escaped. Returns `None` for a pattern that is longer than any name.
#[must_use]
pub fn like_pattern(pattern: &str) -> Option<String> {
    let mut like = String::with_capacity(pattern.len() + 8);
    let mut length = 0;
    for part in pattern.split_inclusive(['*', '?']) {
        let literal = folded(part.trim_end_matches(['*', '?']));
        for c in literal.chars() {
            length += 1;
            if matches!(c, '%' | '_' | '\\') {
                like.push('\\');
            }
            like.push(c);
        }
        match part.chars().last() {
            // Several wildcards in a row mean the same as one, and cost more.
            Some('*') if literal.is_empty() && like.ends_with('%') => {}
            Some('*') => like.push('%'),
            Some('?') => {
                length += 1;
                like.push('_');
            }
            _ => {}
        }
    }
    (length <= MAX_NAME_CHARS).then_some(like)
}

/// A pattern in the form of [`like_pattern`], for folded names.
pub(crate) struct NamePattern {
    steps: Vec<Step>,
}

/// A step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Run,
    One,
    Literal(char),
}

impl NamePattern {
    /// Reads a pattern.
    pub(crate) fn new(like: &str) -> Self {
        let mut chars = like.chars();
        let mut steps = Vec::new();
        while let Some(c) = chars.next() {
            steps.push(match c {
                '%' => Step::Run,
                '_' => Step::One,
                '\\' => Step::Literal(chars.next().unwrap_or('\\')),
                c => Step::Literal(c),
            });
        }
        Self { steps }
    }

    /// Returns whether a folded name matches. The work is bounded by the product of both lengths.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let (mut at_step, mut rest) = (0, name);
        // The place behind the last wildcard of any run, and the text behind the run that is tried.
        let mut run: Option<(usize, &str)> = None;
        loop {
            let mut chars = rest.chars();
            let matches = match (self.steps.get(at_step), chars.next()) {
                (None, None) => return true,
                (Some(Step::Run), _) => {
                    at_step += 1;
                    run = Some((at_step, rest));
                    continue;
                }
                (Some(Step::One), Some(_)) => true,
                (Some(Step::Literal(literal)), Some(c)) => *literal == c,
                _ => false,
            };
            if matches {
                (at_step, rest) = (at_step + 1, chars.as_str());
            } else {
                let Some((after, tried)) = run else { return false };
                let mut longer = tried.chars();
                if longer.next().is_none() {
                    return false;
                }
                (at_step, rest) = (after, longer.as_str());
                run = Some((after, rest));
            }
        }
    }

    /// Returns the longest text that every name that matches holds.
    pub(crate) fn longest_text(&self) -> String {
        let texts = self.steps.split(|step| !matches!(step, Step::Literal(_)));
        let text = |steps: &[Step]| steps.iter().filter_map(Step::literal).collect::<String>();
        texts.map(text).max_by_key(String::len).unwrap_or_default()
    }
}

impl Step {
    fn literal(&self) -> Option<char> {
        match self {
            Self::Literal(literal) => Some(*literal),
            Self::Run | Self::One => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Matches by the definition of a pattern.
    fn matches(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=name.len()).any(|skipped| matches(rest, &name[skipped..])),
            (['?', rest @ ..], [_, name @ ..]) => matches(rest, name),
            ([c, rest @ ..], [n, name @ ..]) => folded(&c.to_string()) == n.to_string() && matches(rest, name),
            _ => false,
        }
    }

    #[test]
    fn wildcards_of_like_are_escaped() {
        assert_eq!(like_pattern("猫*_?.p%g\\").unwrap(), r"猫%\__.p\%g\\");
        assert_eq!(like_pattern("***").unwrap(), "%");
        assert_eq!(like_pattern("%*").unwrap(), r"\%%");
        assert_eq!(like_pattern(&"a".repeat(1_001)), None);
    }

    #[test]
    fn a_wide_asterisk_is_no_wildcard() {
        assert_eq!(like_pattern("ネコ＊*").unwrap(), "ねこ*%");
    }

    proptest! {
        #[test]
        fn like_matches_by_the_definition(
            pattern in r"[aAb猫Éネ%_\\*?]{0,7}",
            name in r"[aAb猫Ééねe%_\\*?]{0,7}",
        ) {
            let db = rusqlite::Connection::open_in_memory().unwrap();
            let name = folded(&name);
            let like: bool = db
                .query_row(r"SELECT ? LIKE ? ESCAPE '\'", [&name, &like_pattern(&pattern).unwrap()], |row| row.get(0))
                .unwrap();
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = matches(&chars(&pattern), &chars(&name));
            prop_assert_eq!(like, expected);
            let pattern = NamePattern::new(&like_pattern(&pattern).unwrap());
            prop_assert_eq!(pattern.matches(&name), expected);
            prop_assert!(!expected || name.contains(&pattern.longest_text()));
        }
    }
}
