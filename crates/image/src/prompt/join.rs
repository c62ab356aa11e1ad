//! The joining of the texts of several text encoders.

use std::collections::HashSet;

/// Joins texts, one per line, without blank texts and repetitions; `None` when no text is left.
pub fn join_distinct<'t>(texts: impl IntoIterator<Item = &'t str>) -> Option<String> {
    let mut seen = HashSet::new();
    let kept: Vec<_> = texts.into_iter().map(str::trim).filter(|text| !text.is_empty() && seen.insert(*text)).collect();
    (!kept.is_empty()).then(|| kept.join("\n"))
}
