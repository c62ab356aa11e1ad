//! Patterns of file names.

/// Translates a pattern of file names (`*` for any run of characters, `?` for any one) into the operand of SQL's
/// `LIKE … ESCAPE '\'`. Characters that are wildcards of `LIKE` only are escaped. The case of letters is kept.
#[must_use]
pub fn like_pattern(pattern: &str) -> String {
    let mut like = String::with_capacity(pattern.len() + 8);
    for c in pattern.chars() {
        match c {
            // Several wildcards in a row mean the same as one, and cost more.
            '*' if like.ends_with('%') && !like.ends_with("\\%") => {}
            '*' => like.push('%'),
            '?' => like.push('_'),
            '%' | '_' | '\\' => like.extend(['\\', c]),
            c => like.push(c),
        }
    }
    like
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
            ([c, rest @ ..], [n, name @ ..]) => c.eq_ignore_ascii_case(n) && matches(rest, name),
            _ => false,
        }
    }

    #[test]
    fn wildcards_of_like_are_escaped() {
        assert_eq!(like_pattern("猫*_?.p%g\\"), r"猫%\__.p\%g\\");
        assert_eq!(like_pattern("***"), "%");
        assert_eq!(like_pattern("%*"), r"\%%");
    }

    proptest! {
        #[test]
        fn like_matches_by_the_definition(
            pattern in r"[aAb猫É%_\\*?]{0,7}",
            name in r"[aAb猫Éé%_\\*?]{0,7}",
        ) {
            let db = rusqlite::Connection::open_in_memory().unwrap();
            let like: bool = db
                .query_row(r"SELECT ? LIKE ? ESCAPE '\'", [name.as_str(), &like_pattern(&pattern)], |row| row.get(0))
                .unwrap();
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(like, matches(&chars(&pattern), &chars(&name)));
        }
    }
}
