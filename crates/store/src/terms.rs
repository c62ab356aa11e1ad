//! The terms of a keyword query.

/// Splits a query at white space (the ideographic space too) into terms, all of them required. Text in double
/// quotes (`"` or `“”`) is one term, a phrase; a quote that is never closed reaches to the end. What holds nothing
/// that is indexed (a lone dash, say) is no term: it could match nothing and would empty the answer.
#[must_use]
pub fn terms(query: &str) -> Vec<String> {
    let mut terms = Vec::new();
    let mut term = String::new();
    let mut quoted = false;
    for c in query.chars() {
        let quote = matches!(c, '"' | '“' | '”');
        if quote || (c.is_whitespace() && !quoted) {
            push(&mut terms, &mut term);
            quoted ^= quote;
        } else {
            term.push(c);
        }
    }
    push(&mut terms, &mut term);
    terms
}

fn push(terms: &mut Vec<String>, term: &mut String) {
    let text = std::mem::take(term);
    if text.chars().any(|c| c.is_alphanumeric() || is_symbol(c)) {
        terms.push(text.trim().to_owned());
    }
}

/// Symbols that stand for a word each, so that stores index them and a query may consist of them: arrows, geometric
/// shapes, weather, stars, notes, dingbats, emoji. Mathematical operators and box drawing are not among them: in
/// captions they are punctuation.
#[must_use]
pub const fn is_symbol(c: char) -> bool {
    matches!(c,
        '\u{2190}'..='\u{21ff}'
        | '\u{2300}'..='\u{23ff}'
        | '\u{25a0}'..='\u{27bf}'
        | '\u{2b00}'..='\u{2bff}'
        | '\u{3012}' | '\u{3020}'
        | '\u{1f000}'..='\u{1faff}')
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
        assert_eq!(terms("\"cinematic lighting\" 猫"), ["cinematic lighting", "猫"]);
        assert_eq!(terms("猫\"open phrase"), ["猫", "open phrase"]);
        assert_eq!(terms("“夜 の 街”"), ["夜 の 街"]);
    }

    #[test]
    fn symbols_are_terms_and_marks_alone_are_none() {
        assert_eq!(terms("🐱 ★ ♪ → ⭐ ■ 🇯🇵"), ["🐱", "★", "♪", "→", "⭐", "■", "🇯🇵"]);
        assert!(terms(" - \"\" … ! ─ ＝ 、").is_empty());
    }
}
