//! The text indexes and their lexers.

use super::{Inspection, not_visible};
use crate::Finding;
use crate::oracle::connection::error::OracleError;

/// The preferences of the text indexes, and the kind of each.
const LEXERS: [(&str, &str); 2] = [("MITSUKE_WORD_LEXER", "BASIC_LEXER"), ("MITSUKE_LEXER", "JAPANESE_VGRAM_LEXER")];

/// The text indexes, and whether Mitsuke itself uses them.
const TEXT_INDEXES: [(&str, bool); 3] =
    [("IMAGES_SEARCH_TEXT", true), ("IDX_IMAGE_PROMPT", false), ("IDX_IMAGE_DESCRIPTION", false)];

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
        let sql = "SELECT idx_name, idx_status, idx_sync_type FROM ctx_user_indexes ORDER BY idx_name";
        let found = self.rows(sql, |row| {
            let text = |column: usize| Ok::<_, OracleError>(row.get::<_, Option<String>>(column)?.unwrap_or_default());
            Ok((text(0)?, text(1)?, text(2)?))
        });
        match found {
            Ok(found) => TEXT_INDEXES.iter().map(|(name, own)| text_index(name, *own, &found)).collect(),
            Err(error) => vec![not_visible("text index", error)],
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

/// Returns the finding about a text index, from the list of all text indexes (name, state, time of synchronisation).
fn text_index(name: &str, own: bool, found: &[(String, String, String)]) -> Finding {
    let Some((_, status, sync)) = found.iter().find(|(other, _, _)| other == name) else {
        return if own {
            Finding::problem(
                "text index",
                format!("{name} is missing, so keyword search fails"),
                "Run the statements of sql/oracle/0009_text_indexes.sql.",
            )
        } else {
            Finding::note(
                "text index",
                format!("{name} is missing; Mitsuke does not need it, programs of the original application do"),
                "Run the statements of sql/oracle/0009_text_indexes.sql, unless no such program runs.",
            )
        };
    };
    if status != "INDEXED" {
        return Finding::problem(
            "text index",
            format!("{name} is in the state {status}, which may stop every change of its table"),
            format!("DROP INDEX {name} FORCE; and run the statements of sql/oracle/0009_text_indexes.sql."),
        );
    }
    if sync == "ON COMMIT" {
        return Finding::good("text index", name);
    }
    let found = format!("{name} is not brought up to date by a commit ({sync}), so what is new is found late");
    let advice =
        format!("Run: ALTER INDEX {name} REBUILD PARAMETERS ('REPLACE METADATA MAINTENANCE MANUAL SYNC (ON COMMIT)');");
    // The owner of the original application may have set up this index that way on purpose.
    if own { Finding::problem("text index", found, advice) } else { Finding::note("text index", found, advice) }
}
