//! The text indexes as the settings want them: which there are, how they follow the images, and the job that optimizes
//! them. A server arranges them when it starts, because settings may change between two starts.

use oracle::Connection;

use super::script::{Statement, execute_repeatable};
use crate::StoreError;
use crate::oracle::connection::codes::{Class, Code};
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::query;
use crate::oracle::connection::value::Binds;
use crate::oracle::settings::{OracleSettings, TextMaintenance};

/// The index that Mitsuke searches.
pub(crate) const OWN: &str = "IMAGES_SEARCH_TEXT";

/// The indexes for programs of the original application, and the column of each.
pub(crate) const ORIGINAL: [(&str, &str); 2] =
    [("IDX_IMAGE_PROMPT", "images (generation_prompt)"), ("IDX_IMAGE_DESCRIPTION", "image_descriptions (description)")];

/// The job of the database's scheduler that optimizes the text indexes.
pub(crate) const JOB: &str = "MITSUKE_OPTIMIZE_TEXT";

/// Makes the job. Each synchronisation adds a few rows to an index; the job joins them and removes the entries of deleted
/// texts (Oracle Text Reference, "OPTIMIZE_INDEX": full mode, and the limit in minutes). Searches and uploads go on
/// meanwhile. The job covers the indexes that exist when it runs, and begins with Mitsuke's own. Automatic maintenance
/// takes SYNC_INDEX over and not OPTIMIZE_INDEX (Oracle Text Application Developer's Guide, "Using Automatic Maintenance
/// for an Index"), so the job is needed with it too.
const CREATE_JOB: &str = "\
BEGIN
    DBMS_SCHEDULER.CREATE_JOB(
        job_name        => 'MITSUKE_OPTIMIZE_TEXT',
        job_type        => 'PLSQL_BLOCK',
        job_action      => q'{BEGIN
            FOR text_index IN (
                SELECT idx_name FROM ctx_user_indexes
                WHERE idx_name IN ('IMAGES_SEARCH_TEXT', 'IDX_IMAGE_PROMPT', 'IDX_IMAGE_DESCRIPTION')
                ORDER BY idx_name DESC
            ) LOOP
                ctx_ddl.optimize_index(text_index.idx_name, 'FULL', 60);
            END LOOP;
        END;}',
        repeat_interval => 'FREQ=DAILY;BYHOUR=3;BYMINUTE=0;BYSECOND=0',
        enabled         => TRUE,
        comments        => 'Optimizes the text indexes of Mitsuke'
    );
END;";

/// Returns the statement that makes the job.
pub(crate) fn create_job() -> Statement {
    Statement { sql: CREATE_JOB.to_owned(), ignored: vec![Code::Ora(27477)] }
}

/// Returns the parameters by which an index follows the images. An index with automatic maintenance has no other
/// synchronisation than MANUAL (Oracle Text Application Developer's Guide, "Using Automatic Maintenance for an Index").
fn parameters(maintenance: TextMaintenance) -> &'static str {
    match maintenance {
        TextMaintenance::Commit => "MAINTENANCE MANUAL SYNC (ON COMMIT)",
        TextMaintenance::Auto => "SYNC (MANUAL) MAINTENANCE AUTO",
    }
}

/// Returns the statement that changes how an index follows the images. It replaces metadata and rebuilds nothing.
pub(crate) fn maintain(index: &str, maintenance: TextMaintenance) -> String {
    format!("ALTER INDEX {index} REBUILD PARAMETERS ('REPLACE METADATA {}')", parameters(maintenance))
}

/// Returns the statement that makes an index for programs of the original application.
pub(crate) fn create_original(index: &str, column: &str, maintenance: TextMaintenance) -> String {
    format!(
        "CREATE INDEX {index} ON {column} INDEXTYPE IS CTXSYS.CONTEXT PARAMETERS ('LEXER mitsuke_lexer \
         STOPLIST CTXSYS.EMPTY_STOPLIST {}')",
        parameters(maintenance)
    )
}

/// Returns whether an index with this synchronisation and maintenance, as CTX_USER_INDEXES names them, follows the images
/// in this way.
pub(crate) fn follows(maintenance: TextMaintenance, sync: &str, kind: &str) -> bool {
    match maintenance {
        TextMaintenance::Commit => sync == "ON COMMIT" && kind != "AUTO",
        TextMaintenance::Auto => kind == "AUTO",
    }
}

/// A change that brings the text indexes nearer to the settings.
#[derive(Debug)]
pub(crate) struct Change {
    statement: Statement,
    /// The statement that undoes what a failure leaves behind: a half built index stops every change of its table.
    after_failure: Option<Statement>,
}

/// Returns the changes that are needed.
pub(crate) fn changes(connection: &Connection, settings: &OracleSettings) -> Result<Vec<Change>, OracleError> {
    let maintenance = settings.text_maintenance;
    let mut changes = Vec::new();
    let mut change = |sql: String, ignored: Vec<Code>, after_failure: Option<Statement>| {
        changes.push(Change { statement: Statement { sql, ignored }, after_failure });
    };
    let indexes = query(
        connection,
        "SELECT index_name, CASE WHEN status = 'VALID' AND domidx_status = 'VALID' AND domidx_opstatus = 'VALID' \
         THEN 1 ELSE 0 END FROM user_indexes \
         WHERE index_name IN ('IMAGES_SEARCH_TEXT', 'IDX_IMAGE_PROMPT', 'IDX_IMAGE_DESCRIPTION')",
        &Binds::none(),
        ORIGINAL.len() + 1,
        &mut |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)? == 1)),
    )?;
    for (name, column) in ORIGINAL {
        let found = indexes.iter().find(|(index, _)| index == name);
        let drop = Statement { sql: format!("DROP INDEX {name} FORCE"), ignored: vec![Code::Ora(1418)] };
        if found.is_some_and(|(_, valid)| !valid) {
            change(drop.sql.clone(), drop.ignored.clone(), None);
        }
        if settings.original_text_indexes && !found.is_some_and(|(_, valid)| *valid) {
            // Another index on the column is one of the original application, which stays.
            let ignored = vec![Code::Ora(955), Code::Ora(29879)];
            change(create_original(name, column, maintenance), ignored, Some(drop));
        }
    }
    let own = query(
        connection,
        "SELECT idx_sync_type, idx_maintenance_type FROM ctx_user_indexes WHERE idx_name = 'IMAGES_SEARCH_TEXT'",
        &Binds::none(),
        1,
        &mut |row| {
            let text = |column: usize| Ok::<_, OracleError>(row.get::<_, Option<String>>(column)?.unwrap_or_default());
            Ok((text(0)?, text(1)?))
        },
    )?;
    if own.iter().any(|(sync, kind)| !follows(maintenance, sync, kind)) {
        change(maintain(OWN, maintenance), Vec::new(), None);
    }
    let jobs = query(
        connection,
        "SELECT job_name FROM user_scheduler_jobs WHERE job_name = 'MITSUKE_OPTIMIZE_TEXT'",
        &Binds::none(),
        1,
        &mut |_| Ok(()),
    )?;
    if jobs.is_empty() {
        changes.push(Change { statement: create_job(), after_failure: None });
    }
    Ok(changes)
}

/// Makes the changes. A change that fails is logged and skipped: keyword search works without it, and `mitsuke doctor`
/// says what is missing.
///
/// # Errors
/// When the session is lost.
pub(crate) fn arrange(connection: &Connection, changes: &[Change]) -> Result<(), OracleError> {
    for Change { statement, after_failure } in changes {
        let start = statement.sql.lines().take(2).collect::<Vec<_>>().join(" ");
        match execute_repeatable(connection, statement) {
            Ok(()) => log::info!("the text indexes follow the settings: {start}"),
            Err(error) if error.class() == Some(Class::Lost) => return Err(error),
            Err(error) => {
                log::warn!("the text indexes do not follow the settings: {start}: {}", StoreError::from(error));
                if let Some(undo) = after_failure {
                    execute_repeatable(connection, undo)?;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_job_names_every_index_and_is_the_job_that_is_looked_for() {
        for name in [OWN, ORIGINAL[0].0, ORIGINAL[1].0, JOB] {
            assert!(CREATE_JOB.contains(&format!("'{name}'")), "{name}");
        }
        assert!(create_job().printed().contains("INSTR(SQLERRM, 'ORA-27477') = 0"));
    }

    #[test]
    fn an_index_follows_in_one_way_only() {
        assert!(follows(TextMaintenance::Commit, "ON COMMIT", "MANUAL"));
        assert!(!follows(TextMaintenance::Commit, "MANUAL", "AUTO"));
        assert!(!follows(TextMaintenance::Commit, "MANUAL", "MANUAL"));
        assert!(follows(TextMaintenance::Auto, "MANUAL", "AUTO"));
        assert!(!follows(TextMaintenance::Auto, "ON COMMIT", "MANUAL"));
    }
}
