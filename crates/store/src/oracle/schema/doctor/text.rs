//! The text indexes, their lexers, and the job that optimizes them.

use super::{Inspection, not_visible};
use crate::Finding;
use crate::oracle::connection::error::OracleError;
use crate::oracle::schema::text_indexes::{JOB, ORIGINAL, OWN, create_original, follows, maintain};
use crate::oracle::settings::TextMaintenance;

/// The preferences of the text indexes, and the kind of each.
const LEXERS: [(&str, &str); 2] = [("MITSUKE_WORD_LEXER", "BASIC_LEXER"), ("MITSUKE_LEXER", "JAPANESE_VGRAM_LEXER")];

impl Inspection<'_> {
    pub(super) fn lexers(&self) -> Vec<Finding> {
        let of = |(name, object): (&str, &str)| {
            let sql = format!("SELECT pre_object FROM ctx_user_preferences WHERE pre_name = '{name}'");
            match self.strings(&sql) {
                Ok(found) if found == [object] => Finding::good("lexer", format!("{name} is a {object}")),
                Ok(found) if found.is_empty() => {
                    Finding::problem("lexer", format!("{name} is missing"), "Run `mitsuke migrate`.")
                }
                Ok(found) => Finding::problem(
                    "lexer",
                    format!("{name} is a {}, not a {object}", found.join(", ")),
                    "Drop the text indexes and the preference, and run the statements of sql/oracle/0009_text_indexes.sql.",
                ),
                Err(error) => not_visible("lexer", error),
            }
        };
        LEXERS.into_iter().map(of).collect()
    }

    pub(super) fn text_indexes(&self) -> Vec<Finding> {
        let sql = "SELECT idx_name, idx_status, idx_sync_type, idx_maintenance_type FROM ctx_user_indexes \
                   ORDER BY idx_name";
        let found = self.rows(sql, |row| {
            let text = |column: usize| Ok::<_, OracleError>(row.get::<_, Option<String>>(column)?.unwrap_or_default());
            Ok(TextIndex { name: text(0)?, status: text(1)?, sync: text(2)?, maintenance: text(3)? })
        });
        match found {
            Ok(found) => {
                let mut findings = vec![self.own_index(&found)];
                findings.extend(ORIGINAL.iter().filter_map(|(name, column)| self.original_index(name, column, &found)));
                findings
            }
            Err(error) => vec![not_visible("text index", error)],
        }
    }

    /// Returns the finding about the index that Mitsuke searches.
    fn own_index(&self, found: &[TextIndex]) -> Finding {
        let Some(index) = found.iter().find(|index| index.name == OWN) else {
            return Finding::problem(
                "text index",
                format!("{OWN} is missing, so keyword search fails"),
                "Run the statements of sql/oracle/0009_text_indexes.sql.",
            );
        };
        if let Some(broken) = index.broken() {
            return broken;
        }
        let wanted = self.settings.text_maintenance;
        if follows(wanted, &index.sync, &index.maintenance) {
            return Finding::good("text index", format!("{OWN}, {}", index.way()));
        }
        let late = if wanted == TextMaintenance::Commit { ", so what is new is found late" } else { "" };
        Finding::problem(
            "text index",
            format!("{OWN} is {}, not as MITSUKE_DB_TEXT_MAINTENANCE says{late}", index.way()),
            format!("Run `mitsuke migrate`, or: {};", maintain(OWN, wanted)),
        )
    }

    /// Returns the finding about an index for programs of the original application, if there is anything to say.
    fn original_index(&self, name: &str, column: &str, found: &[TextIndex]) -> Option<Finding> {
        match found.iter().find(|index| index.name == name) {
            Some(index) => {
                Some(index.broken().unwrap_or_else(|| Finding::good("text index", format!("{name}, {}", index.way()))))
            }
            None if self.settings.original_text_indexes => Some(Finding::note(
                "text index",
                format!("{name} is missing, which MITSUKE_DB_ORIGINAL_TEXT_INDEXES asks for"),
                format!(
                    "Run `mitsuke migrate`, or: {};",
                    create_original(name, column, self.settings.text_maintenance)
                ),
            )),
            None => None,
        }
    }

    /// Returns the finding about the job that optimizes the indexes.
    pub(super) fn optimize_job(&self) -> Finding {
        let jobs = self.strings(&format!("SELECT enabled FROM user_scheduler_jobs WHERE job_name = '{JOB}'"));
        let last = "SELECT status, additional_info FROM user_scheduler_job_run_details WHERE job_name = \
                    'MITSUKE_OPTIMIZE_TEXT' ORDER BY log_id DESC FETCH FIRST 1 ROWS ONLY";
        let last = self.rows(last, |row| {
            let text = |column: usize| Ok::<_, OracleError>(row.get::<_, Option<String>>(column)?.unwrap_or_default());
            Ok((text(0)?, text(1)?))
        });
        match (jobs, last) {
            (Err(error), _) | (_, Err(error)) => not_visible("text job", error),
            (Ok(jobs), _) if jobs.is_empty() => Finding::note(
                "text job",
                format!("{JOB} is missing, so keyword search slows down with every upload"),
                "Run `mitsuke migrate`; the account needs CREATE JOB, which DB_DEVELOPER_ROLE includes.",
            ),
            (Ok(jobs), _) if jobs != ["TRUE"] => Finding::note(
                "text job",
                format!("{JOB} is disabled, so keyword search slows down with every upload"),
                format!("Run: BEGIN DBMS_SCHEDULER.ENABLE('{JOB}'); END;"),
            ),
            (Ok(_), Ok(last)) => match last.first() {
                Some((status, info)) if status != "SUCCEEDED" => Finding::note(
                    "text job",
                    format!("the last run of {JOB} is {status}: {}", info.lines().next().unwrap_or_default()),
                    "SELECT * FROM user_scheduler_job_run_details says more.",
                ),
                Some(_) => Finding::good("text job", format!("the last run of {JOB} succeeded")),
                None => Finding::good("text job", format!("{JOB} has not run yet; it runs every night")),
            },
        }
    }

    /// Returns the finding about texts that are stored and not indexed yet.
    pub(super) fn pending_texts(&self) -> Finding {
        let sql = "SELECT pnd_index_name || ': ' || TO_CHAR(COUNT(*)) FROM ctx_user_pending GROUP BY pnd_index_name";
        match self.strings(sql) {
            Ok(waiting) if waiting.is_empty() => Finding::good("text index", "no text waits to be indexed"),
            Ok(waiting) => Finding::note(
                "text index",
                format!(
                    "texts wait to be indexed, and are not found by their words until then ({})",
                    waiting.join(", ")
                ),
                "With MITSUKE_DB_TEXT_MAINTENANCE=auto that is so for some time after uploads. Otherwise run, for each \
                 index: BEGIN ctx_ddl.sync_index('…'); END;",
            ),
            Err(error) => not_visible("text index", error),
        }
    }

    pub(super) fn text_errors(&self) -> Finding {
        let sql = "SELECT TO_CHAR(COUNT(*)) FROM ctx_user_index_errors";
        match self.strings(sql) {
            Ok(found) if found == ["0"] => Finding::good("text index", "every text is indexed"),
            Ok(found) => Finding::note(
                "text index",
                format!("{} texts could not be indexed", found.join(", ")),
                "SELECT * FROM ctx_user_index_errors says why.",
            ),
            Err(error) => not_visible("text index", error),
        }
    }
}

/// A row of CTX_USER_INDEXES.
struct TextIndex {
    name: String,
    status: String,
    sync: String,
    maintenance: String,
}

impl TextIndex {
    fn broken(&self) -> Option<Finding> {
        let Self { name, status, .. } = self;
        (status != "INDEXED").then(|| {
            Finding::problem(
                "text index",
                format!("{name} is in the state {status}, which may stop every change of its table"),
                format!(
                    "Run: DROP INDEX {name} FORCE; and then `mitsuke migrate`, or for {OWN} the statements of \
                         sql/oracle/0009_text_indexes.sql."
                ),
            )
        })
    }

    /// Returns how the index is brought up to date.
    fn way(&self) -> String {
        match (self.maintenance.as_str(), self.sync.as_str()) {
            ("AUTO", _) => "brought up to date in the background".to_owned(),
            (_, "ON COMMIT") => "brought up to date by every commit".to_owned(),
            (_, other) => format!("not brought up to date by a commit ({other})"),
        }
    }
}
