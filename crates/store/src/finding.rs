//! What a check of the set-up finds, with what to do about it.

use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Good,
    Note,
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    level: Level,
    what: String,
    found: String,
    advice: Option<String>,
}

impl Finding {
    /// As it should be.
    #[must_use]
    pub fn good(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { level: Level::Good, what: what.into(), found: found.into(), advice: None }
    }

    /// Worth knowing; Mitsuke serves all the same.
    #[must_use]
    pub fn note(what: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Note, what: what.into(), found: found.into(), advice: Some(advice.into()) }
    }

    /// Mitsuke cannot serve before somebody mends it.
    #[must_use]
    pub fn problem(what: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Problem, what: what.into(), found: found.into(), advice: Some(advice.into()) }
    }

    /// Whether somebody has to do something.
    #[must_use]
    pub fn is_problem(&self) -> bool {
        self.level == Level::Problem
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.level {
            Level::Good => "ok     ",
            Level::Note => "note   ",
            Level::Problem => "problem",
        };
        write!(f, "{mark}  {}: {}", self.what, self.found)?;
        match &self.advice {
            Some(advice) => write!(f, "\n         {advice}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_what_to_do() {
        let finding = Finding::problem("quota", "none", "Ask a DBA.");
        assert_eq!(finding.to_string(), "problem  quota: none\n         Ask a DBA.");
        assert!(finding.is_problem() && !Finding::note("a", "b", "c").is_problem());
        assert_eq!(Finding::good("schema", "up to date").to_string(), "ok       schema: up to date");
    }
}
