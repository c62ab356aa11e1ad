//! Oracle's errors.

use std::fmt;

/// An error as Oracle reports it: a number and a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OraError {
    /// `942` for ORA-00942.
    pub code: i32,
    /// Everything, from `ORA-00942: ` on; further lines for a stack of errors.
    pub message: String,
    /// Whether the session is gone with it.
    pub ends_session: bool,
}

/// The result of a fallible step of the stand-in.
pub type Result<T> = std::result::Result<T, OraError>;

impl OraError {
    /// An error with this number and Oracle's text for it.
    pub fn new(code: i32, text: impl fmt::Display) -> Self {
        Self { code, message: format!("ORA-{code:05}: {text}"), ends_session: false }
    }

    /// An error for SQL that the stand-in does not know, whether or not Oracle does. Its text says so, so that nobody
    /// looks for the mistake in Oracle's manual first.
    pub fn unsupported(what: impl fmt::Display) -> Self {
        Self::new(900, format_args!("invalid SQL statement (the stand-in client does not know {what})"))
    }

    /// An error of Oracle Text: the number is ORA-29902 or ORA-29855, the cause follows as DRG.
    pub fn text(code: i32, head: &str, drg: i32, cause: impl fmt::Display) -> Self {
        let message = format!("ORA-{code:05}: {head}\nORA-20000: Oracle Text error:\nDRG-{drg:05}: {cause}");
        Self { code, message, ends_session: false }
    }

    /// Marks the error as one that ends the session.
    #[must_use]
    pub fn ending_session(mut self) -> Self {
        self.ends_session = true;
        self
    }

    /// Reads an error that travelled through SQLite as text.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let at = text.find("ORA-")?;
        let code = text.get(at + 4..at + 9)?.parse().ok()?;
        Some(Self { code, message: text[at..].to_owned(), ends_session: false })
    }
}

impl fmt::Display for OraError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<rusqlite::Error> for OraError {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        Self::from_text(&text).unwrap_or_else(|| Self::new(600, format_args!("internal error code [{text}]")))
    }
}
