//! The terms of a keyword query.

use super::characters::is_symbol;

/// Splits a query into terms, all of which an image must match. White space (the ideographic space too) separates
/// terms. Text in double quotes (`"` or `“”`) is one term, a phrase, and keeps its quotes, as `"`; a quote that is never
/// closed reaches to the end. Text that holds nothing that is indexed, such as a lone dash, is no term: no image could
/// match it.
#[must_use]
pub fn terms(query: &str) -> Vec<String> {
    let mut terms = Vec::new();
    let mut term = String::new();
    let mut quoted = false;
    for c in query.chars() {
        let quote = matches!(c, '"' | '“' | '”');
        if quote || (c.is_whitespace() && !quoted) {
            push(&mut terms, &mut term, quoted);
            quoted ^= quote;
        } else {
            term.push(c);
        }
    }
    push(&mut terms, &mut term, quoted);
    terms
}

fn push(terms: &mut Vec<String>, term: &mut String, quoted: bool) {
    let text = std::mem::take(term);
    if text.chars().any(|c| c.is_alphanumeric() || is_symbol(c)) {
        let text = text.trim();
        terms.push(if quoted { format!("\"{text}\"") } else { text.to_owned() });
    }
}

/// Returns the phrase of a term in double quotes; `None` for any other term.
pub(super) fn phrase_of(term: &str) -> Option<&str> {
    term.strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_of_any_width_separates_terms() {
        assert_eq!(terms("青い車　夕焼け  beach"), ["青い車", "夕焼け", "beach"]);
    }

    #[test]
    fn quotes_keep_a_phrase_together() {
        assert_eq!(terms("\"cinematic lighting\" 猫"), ["\"cinematic lighting\"", "猫"]);
        assert_eq!(terms("猫\"open phrase"), ["猫", "\"open phrase\""]);
        assert_eq!(terms("“夜 の 街”"), ["\"夜 の 街\""]);
    }

    #[test]
    fn symbols_are_terms_and_punctuation_alone_is_none() {
        assert_eq!(terms("🐱 ★ ♪ → ⭐ ■ 🇯🇵"), ["🐱", "★", "♪", "→", "⭐", "■", "🇯🇵"]);
        assert!(terms(" - \"\" … ! ─ ＝ 、").is_empty());
    }
}
