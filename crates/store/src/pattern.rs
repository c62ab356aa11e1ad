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

/// Returns whether a folded name matches a pattern in the form of [`like_pattern`]. The work is bounded by the product of
/// both lengths.
pub(crate) fn matches_like(like: &str, name: &str) -> bool {
    let (steps, name): (Vec<Step>, Vec<char>) = (steps(like), name.chars().collect());
    let (mut at_step, mut at) = (0, 0);
    // The place behind the last wildcard of any run, and the end of the run that is tried.
    let mut run: Option<(usize, usize)> = None;
    loop {
        let matches = match (steps.get(at_step), name.get(at)) {
            (None, None) => return true,
            (Some(Step::Run), _) => {
                at_step += 1;
                run = Some((at_step, at));
                continue;
            }
            (Some(Step::One), Some(_)) => true,
            (Some(Step::Literal(literal)), Some(c)) => literal == c,
            _ => false,
        };
        if matches {
            (at_step, at) = (at_step + 1, at + 1);
        } else {
            let Some((after, end)) = run.filter(|(_, end)| *end < name.len()) else { return false };
            (at_step, at) = (after, end + 1);
            run = Some((after, end + 1));
        }
    }
}

/// A step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Run,
    One,
    Literal(char),
}

fn steps(like: &str) -> Vec<Step> {
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
    steps
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
            prop_assert_eq!(matches_like(&like_pattern(&pattern).unwrap(), &name), expected);
        }
    }
}
