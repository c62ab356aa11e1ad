//! The terms of a keyword query.

/// Splits a query at white space (the ideographic space too) into terms, all of them required. Text in double
/// quotes (`"` or `“”`) is one term, a phrase; a quote that is never closed reaches to the end.
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
    // A term without a letter or digit (a lone dash, say) can match nothing and would empty the answer.
    if text.chars().any(char::is_alphanumeric) {
        terms.push(text.trim().to_owned());
    }
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
    fn marks_alone_are_no_terms() {
        assert!(terms(" - \"\" … ").is_empty());
    }
}
