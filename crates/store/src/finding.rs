//! Findings: the results of a check of the set-up, with advice.

use std::fmt;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Good,
    Note,
    Problem,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    level: Level,
    what: String,
    found: String,
    advice: Option<String>,
}

impl Finding {
    /// Makes a finding that `what` is as it should be.
    #[must_use]
    pub fn good(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { level: Level::Good, what: what.into(), found: found.into(), advice: None }
    }

    /// Makes a finding that an operator should know. Mitsuke serves nevertheless.
    #[must_use]
    pub fn note(what: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Note, what: what.into(), found: found.into(), advice: Some(advice.into()) }
    }

    /// Makes a finding that an operator must correct before Mitsuke can serve.
    #[must_use]
    pub fn problem(what: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { level: Level::Problem, what: what.into(), found: found.into(), advice: Some(advice.into()) }
    }

    /// Returns whether an operator must act.
    #[must_use]
    pub fn is_problem(&self) -> bool {
        self.level == Level::Problem
    }
}

impl Finding {
    /// Makes the finding about the texts of images that an older version of the reader has read.
    #[must_use]
    pub fn of_outdated_texts(outdated: u64) -> Self {
        const WHAT: &str = "texts of files";
        if outdated == 0 {
            return Self::good(WHAT, "all were read by this version");
        }
        Self::note(
            WHAT,
            format!("those of {outdated} images were read by an older version, which found less"),
            "`mitsuke reindex` reads them again; with --server while a server runs.",
        )
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
    fn a_finding_is_printed_with_its_advice() {
        let finding = Finding::problem("quota", "none", "Ask a DBA.");
        assert_eq!(finding.to_string(), "problem  quota: none\n         Ask a DBA.");
        assert!(finding.is_problem() && !Finding::note("a", "b", "c").is_problem());
        assert_eq!(Finding::good("schema", "up to date").to_string(), "ok       schema: up to date");
    }
}
