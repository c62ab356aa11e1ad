//! Oracle Text's CONTAINS, roughly as a CONTEXT index with a JAPANESE_VGRAM_LEXER answers it: words of other
//! scripts match whole and without case, runs of Japanese characters match as parts of the text.

use crate::errors::{OraError, Result};

/// A parsed query.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Phrase(Vec<Pattern>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>, Box<Node>),
    Accumulate(Box<Node>, Box<Node>),
    /// `node > n`: documents that score above n.
    Threshold(Box<Node>, i64),
}

#[derive(Debug, Clone, PartialEq)]
enum Pattern {
    Exact(String),
    Prefix(String),
}

const OPERATORS: [&str; 24] = [
    "AND",
    "OR",
    "NOT",
    "ACCUM",
    "MINUS",
    "NEAR",
    "EQUIV",
    "WITHIN",
    "ABOUT",
    "FUZZY",
    "BT",
    "NT",
    "PT",
    "RT",
    "SYN",
    "TR",
    "TT",
    "SQE",
    "BTG",
    "NTG",
    "HASPATH",
    "INPATH",
    "MDATA",
    "CTXFILTERCACHE",
];

fn is_japanese(c: char) -> bool {
    matches!(c, '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FF66}'..='\u{FF9F}' | '\u{20000}'..='\u{3FFFF}')
}

/// Words and single Japanese characters, in the order of the text.
fn tokens(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() && !is_japanese(c) {
            word.extend(c.to_uppercase());
            continue;
        }
        if !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        if is_japanese(c) {
            out.push(c.to_string());
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

fn refused(cause: &str) -> OraError {
    OraError::text(29902, "error in executing ODCIIndexStart() routine", 50901, cause)
}

#[derive(Debug, Clone, PartialEq)]
enum Lexeme {
    Operator(&'static str),
    Open,
    Close,
    Threshold(i64),
    Pattern(Vec<Pattern>),
}

fn lexemes(query: &str) -> Result<Vec<Lexeme>> {
    let mut out = Vec::new();
    let mut rest = query;
    while let Some(c) = rest.chars().next() {
        if c.is_whitespace() {
            rest = &rest[c.len_utf8()..];
            continue;
        }
        if c == '{' {
            let (text, after) = braces(&rest[1..])?;
            out.push(Lexeme::Pattern(tokens(&text).into_iter().map(Pattern::Exact).collect()));
            rest = after;
            continue;
        }
        if c == '>' {
            let number = rest[1..].trim_start();
            let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
            let most =
                number[..end].parse().map_err(|_| refused("text query parser syntax error: > without a number"))?;
            out.push(Lexeme::Threshold(most));
            rest = &number[end..];
            continue;
        }
        let operator = match c {
            '&' => Some(Lexeme::Operator("AND")),
            '|' => Some(Lexeme::Operator("OR")),
            '~' => Some(Lexeme::Operator("NOT")),
            ',' => Some(Lexeme::Operator("ACCUM")),
            '(' => Some(Lexeme::Open),
            ')' => Some(Lexeme::Close),
            _ => None,
        };
        if let Some(operator) = operator {
            out.push(operator);
            rest = &rest[1..];
            continue;
        }
        if c == '}' {
            return Err(refused("text query parser syntax error: } without {"));
        }
        let end = rest.find(|c: char| c.is_whitespace() || "&|~,(){}>".contains(c)).unwrap_or(rest.len());
        out.push(word(&rest[..end])?);
        rest = &rest[end..];
    }
    Ok(out)
}

/// After `{`: the text up to `}`, with `}}` standing for `}`, and what follows.
fn braces(text: &str) -> Result<(String, &str)> {
    let mut out = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('}').ok_or_else(|| refused("text query parser syntax error: { without }"))?;
        out.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        if !rest.starts_with('}') {
            return Ok((out, rest));
        }
        out.push('}');
        rest = &rest[1..];
    }
}

fn word(text: &str) -> Result<Lexeme> {
    let upper = text.to_uppercase();
    if let Some(operator) = OPERATORS.iter().find(|operator| **operator == upper) {
        return Ok(Lexeme::Operator(operator));
    }
    if let Some(stem) = upper.strip_suffix('%') {
        let parts = tokens(stem);
        if parts.len() == 1 && stem.chars().all(char::is_alphanumeric) {
            return Ok(Lexeme::Pattern(parts.into_iter().map(Pattern::Prefix).collect()));
        }
    }
    if let Some(bad) = text.chars().find(|c| "!?$;*->=[]\\%_'\"".contains(*c)) {
        return Err(refused(&format!("text query parser syntax error at {bad} in {text}")));
    }
    Ok(Lexeme::Pattern(tokens(text).into_iter().map(Pattern::Exact).collect()))
}

struct Parser {
    lexemes: Vec<Lexeme>,
    at: usize,
}

impl Parser {
    fn take(&mut self, operator: &str) -> bool {
        let found = self.lexemes.get(self.at)
            == Some(&Lexeme::Operator(match operator {
                "ACCUM" => "ACCUM",
                "OR" => "OR",
                "AND" => "AND",
                _ => "NOT",
            }));
        self.at += usize::from(found);
        found
    }

    fn level(&mut self, level: usize) -> Result<Node> {
        type Make = fn(Box<Node>, Box<Node>) -> Node;
        const LEVELS: [(&str, Make); 4] =
            [("ACCUM", Node::Accumulate), ("OR", Node::Or), ("AND", Node::And), ("NOT", Node::Not)];
        let Some((operator, make)) = LEVELS.get(level) else {
            return self.phrase();
        };
        let mut left = self.level(level + 1)?;
        while self.take(operator) {
            left = make(Box::new(left), Box::new(self.level(level + 1)?));
        }
        Ok(left)
    }

    fn phrase(&mut self) -> Result<Node> {
        let mut node = self.operand()?;
        while let Some(Lexeme::Threshold(most)) = self.lexemes.get(self.at) {
            node = Node::Threshold(Box::new(node), *most);
            self.at += 1;
        }
        Ok(node)
    }

    fn operand(&mut self) -> Result<Node> {
        if self.lexemes.get(self.at) == Some(&Lexeme::Open) {
            self.at += 1;
            let inner = self.level(0)?;
            if self.lexemes.get(self.at) != Some(&Lexeme::Close) {
                return Err(refused("text query parser syntax error: ( without )"));
            }
            self.at += 1;
            return Ok(inner);
        }
        let mut all = Vec::new();
        while let Some(Lexeme::Pattern(patterns)) = self.lexemes.get(self.at) {
            all.extend(patterns.iter().cloned());
            self.at += 1;
        }
        if all.is_empty() {
            return Err(refused("text query parser syntax error: a term is missing"));
        }
        Ok(Node::Phrase(all))
    }
}

fn parse(query: &str) -> Result<Node> {
    let mut parser = Parser { lexemes: lexemes(query)?, at: 0 };
    let node = parser.level(0)?;
    if parser.at < parser.lexemes.len() {
        return Err(refused("text query parser syntax error"));
    }
    Ok(node)
}

fn occurrences(patterns: &[Pattern], tokens: &[String]) -> usize {
    tokens
        .windows(patterns.len())
        .filter(|window| {
            window.iter().zip(patterns).all(|(token, pattern)| match pattern {
                Pattern::Exact(word) => token == word,
                Pattern::Prefix(stem) => token.starts_with(stem),
            })
        })
        .count()
}

fn score_of(node: &Node, tokens: &[String]) -> i64 {
    match node {
        // Oracle: 3f(1 + log(N/n)). The size of the collection is left out: more occurrences, a higher score.
        Node::Phrase(patterns) => i64::try_from(occurrences(patterns, tokens)).unwrap_or(20).saturating_mul(5).min(100),
        Node::And(a, b) => score_of(a, tokens).min(score_of(b, tokens)),
        Node::Or(a, b) => score_of(a, tokens).max(score_of(b, tokens)),
        Node::Not(a, b) => {
            if score_of(b, tokens) > 0 {
                0
            } else {
                score_of(a, tokens)
            }
        }
        Node::Accumulate(a, b) => (score_of(a, tokens) + score_of(b, tokens)).min(100),
        Node::Threshold(node, most) => Some(score_of(node, tokens)).filter(|score| score > most).unwrap_or(0),
    }
}

/// CONTAINS: 0 for no match, else 1 to 100.
///
/// # Errors
/// ORA-29902 with DRG-50901.
pub fn score(text: &str, query: &str) -> Result<i64> {
    Ok(score_of(&parse(query)?, &tokens(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_match_whole_and_japanese_matches_in_part() {
        let text = "A sleeping Cat, 白い猫が眠る";
        assert!(score(text, "{cat}").unwrap() > 0);
        assert_eq!(score(text, "{sleep}").unwrap(), 0);
        assert!(score(text, "sleep%").unwrap() > 0);
        assert!(score(text, "{猫が}").unwrap() > 0);
        assert_eq!(score(text, "{猫の}").unwrap(), 0);
        assert!(score(text, "{sleeping cat} AND {白い}").unwrap() > 0);
        assert_eq!(score(text, "{cat sleeping}").unwrap(), 0);
    }

    #[test]
    fn adjacent_groups_are_one_phrase() {
        assert!(score("a b c d", "{a b} {c d}").unwrap() > 0);
        assert_eq!(score("a b x c d", "{a b} {c d}").unwrap(), 0);
        assert!(score("a bcd", "{a} bc%").unwrap() > 0);
    }

    #[test]
    fn more_occurrences_score_higher() {
        assert!(score("cat cat", "{cat}").unwrap() > score("cat dog", "{cat}").unwrap());
    }

    #[test]
    fn a_threshold_leaves_out_what_scores_no_higher() {
        let once = score("cat", "{cat}").unwrap();
        assert_eq!(score("cat", &format!("({{cat}}) > {}", once - 1)).unwrap(), once);
        assert_eq!(score("cat", &format!("({{cat}}) > {once}")).unwrap(), 0);
        assert!(score("cat dog", "{dog} AND ({cat} > 1)").unwrap() > 0);
    }

    #[test]
    fn what_the_query_grammar_does_not_know_is_a_text_error() {
        for query in ["", "{a", "a AND", "AND", "(a", "a-b", "{a} AND AND {b}", "near", "}", "a >", "> 5"] {
            let error = score("a", query).unwrap_err();
            assert_eq!(error.code, 29902, "{query}");
            assert!(error.message.contains("DRG-50901"), "{query}");
        }
    }

    #[test]
    fn a_brace_inside_a_group_is_doubled() {
        assert!(score("a b", "{a }} b}").unwrap() > 0);
    }
}
