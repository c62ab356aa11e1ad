//! Cuts text into tokens by Oracle's lexical rules.

use crate::errors::{OraError, Result};

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub enum Tok {
    /// A keyword or name: upper case unless it was quoted.
    Word {
        /// The name.
        text: String,
        /// Whether it stood in double quotes.
        quoted: bool,
    },
    /// A number as written.
    Num(String),
    /// A string literal, unescaped.
    Str(String),
    /// A placeholder's name in upper case, without the colon.
    Bind(String),
    /// An operator or a punctuation mark.
    Sym(&'static str),
    /// The end of the text.
    End,
}

/// A token and where it starts and ends, in bytes.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token.
    pub tok: Tok,
    /// First byte.
    pub start: usize,
    /// After the last byte.
    pub end: usize,
}

/// Longest first, so that the first match is the right one.
const SYMBOLS: [&str; 30] = [
    "<=>", "<->", "<#>", "=>", ":=", "||", "<=", ">=", "<>", "!=", "^=", "**", "..", "(", ")", ",", ".", ";", "+", "-",
    "*", "/", "=", "<", ">", "[", "]", "%", "@", ":",
];

/// Cuts a statement into tokens. The last one is [`Tok::End`].
///
/// # Errors
/// ORA-01756 for an open string, ORA-00911 for a character that Oracle's grammar does not know.
pub fn tokenize(text: &str) -> Result<Vec<Token>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let rest = &text[at..];
        let first = rest.chars().next().expect("not at the end");
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if rest.starts_with("--") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        if rest.starts_with("/*") {
            at += rest.find("*/").ok_or_else(|| OraError::new(1742, "comment not terminated properly"))? + 2;
            continue;
        }
        let tok = if (first == 'q' || first == 'Q') && rest[1..].starts_with('\'') {
            at += 2;
            Tok::Str(alternative_quotes(text, &mut at)?)
        } else if (first == 'n' || first == 'N') && rest[1..].starts_with('\'') {
            at += 2;
            Tok::Str(quoted(text, &mut at, '\'')?)
        } else if first.is_alphabetic() || first == '_' {
            at += rest.find(|c: char| !(c.is_alphanumeric() || "_$#".contains(c))).unwrap_or(rest.len());
            Tok::Word { text: text[start..at].to_uppercase(), quoted: false }
        } else if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            number(bytes, &mut at);
            Tok::Num(text[start..at].to_owned())
        } else if first == '\'' {
            at += 1;
            Tok::Str(quoted(text, &mut at, '\'')?)
        } else if first == '"' {
            at += 1;
            Tok::Word { text: quoted(text, &mut at, '"')?, quoted: true }
        } else if first == ':' && rest[1..].starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            let name = &rest[1..];
            let len = name.find(|c: char| !(c.is_alphanumeric() || "_$#".contains(c))).unwrap_or(name.len());
            at += 1 + len;
            Tok::Bind(name[..len].to_uppercase())
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            at += symbol.len();
            Tok::Sym(symbol)
        } else {
            return Err(OraError::new(911, format!("{first}: invalid character after the byte {start}")));
        };
        tokens.push(Token { tok, start, end: at });
    }
    tokens.push(Token { tok: Tok::End, start: bytes.len(), end: bytes.len() });
    Ok(tokens)
}

fn number(bytes: &[u8], at: &mut usize) {
    let digits = |at: &mut usize| {
        while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
            *at += 1;
        }
    };
    digits(at);
    // `1..3` is a range, not the number `1.`.
    if bytes.get(*at) == Some(&b'.') && bytes.get(*at + 1) != Some(&b'.') {
        *at += 1;
        digits(at);
    }
    if matches!(bytes.get(*at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(*at + 1), Some(b'+' | b'-')));
        if bytes.get(*at + 1 + sign).is_some_and(u8::is_ascii_digit) {
            *at += 1 + sign;
            digits(at);
        }
    }
}

/// After the opening quote: up to the closing one, doubled quotes made single.
fn quoted(text: &str, at: &mut usize, quote: char) -> Result<String> {
    let mut out = String::new();
    loop {
        let rest = &text[*at..];
        let end = rest.find(quote).ok_or_else(|| OraError::new(1756, "quoted string not properly terminated"))?;
        out.push_str(&rest[..end]);
        *at += end + 1;
        if !text[*at..].starts_with(quote) {
            return Ok(out);
        }
        out.push(quote);
        *at += 1;
    }
}

/// After `q'`: the text between the delimiter and its counterpart.
fn alternative_quotes(text: &str, at: &mut usize) -> Result<String> {
    let open = || OraError::new(1756, "quoted string not properly terminated");
    let delimiter = text[*at..].chars().next().ok_or_else(open)?;
    let closing = match delimiter {
        '[' => ']',
        '{' => '}',
        '(' => ')',
        '<' => '>',
        other => other,
    };
    *at += delimiter.len_utf8();
    let end = text[*at..].find(&format!("{closing}'")).ok_or_else(open)?;
    let out = text[*at..*at + end].to_owned();
    *at += end + closing.len_utf8() + 1;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Tok> {
        tokenize(text).unwrap().into_iter().map(|token| token.tok).collect()
    }

    fn word(text: &str) -> Tok {
        Tok::Word { text: text.to_owned(), quoted: false }
    }

    #[test]
    fn strings_comments_binds_and_operators_are_told_apart() {
        assert_eq!(
            kinds("select 'it''s' -- no\n, :Id, a<#>b /* no */ || q'[x'y]'"),
            [
                word("SELECT"),
                Tok::Str("it's".into()),
                Tok::Sym(","),
                Tok::Bind("ID".into()),
                Tok::Sym(","),
                word("A"),
                Tok::Sym("<#>"),
                word("B"),
                Tok::Sym("||"),
                Tok::Str("x'y".into()),
                Tok::End,
            ]
        );
    }

    #[test]
    fn a_range_is_no_number_and_an_exponent_is_one() {
        assert_eq!(kinds("1..2")[1], Tok::Sym(".."));
        assert_eq!(kinds("1.5e-3")[0], Tok::Num("1.5e-3".into()));
    }

    #[test]
    fn what_oracle_does_not_know_is_refused() {
        assert_eq!(tokenize("select a ? b").unwrap_err().code, 911);
        assert_eq!(tokenize("select 'a").unwrap_err().code, 1756);
    }
}
