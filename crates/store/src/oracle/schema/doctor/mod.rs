//! The findings of `mitsuke doctor` about an Oracle database.
//!
//! The checks change nothing. A view that the account may not see becomes a finding, and the checks go on.

mod account;
mod connection;
mod contents;
mod integrity;
mod structure;
mod text;

use oracle::{Connection, Row};

use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::pool::Manager;
use crate::oracle::connection::session::query;
use crate::oracle::connection::value::Binds;
use crate::oracle::rows::models::VectorTable;
use crate::oracle::settings::OracleSettings;
use crate::oracle::vector_index::diagnosis::Diagnosis;
use crate::{Finding, StoreError};

/// Checks everything that has to be right, from the client library to the indexes.
pub(crate) fn diagnose(settings: &OracleSettings, manager: &Manager) -> Vec<Finding> {
    let mut findings = vec![connection::client_library()];
    if findings[0].is_problem() {
        return findings;
    }
    match connection::connect(manager) {
        Ok(connection) => {
            findings.push(Finding::good("connection", format!("{} as {}", settings.dsn, settings.user)));
            findings.extend(Inspection { connection: &connection, manager, settings }.findings());
        }
        Err(finding) => findings.push(finding),
    }
    findings
}

/// The checks of a database that answers.
struct Inspection<'a> {
    connection: &'a Connection,
    manager: &'a Manager,
    settings: &'a OracleSettings,
}

impl Inspection<'_> {
    fn findings(&self) -> Vec<Finding> {
        let mut findings = vec![self.version(), self.character_set()];
        findings.extend(self.privileges());
        findings.extend([self.quota(), self.oracle_text(), self.schema()]);
        findings.extend(self.lexers());
        findings.extend(self.text_indexes());
        findings.extend([self.text_errors(), self.pending_texts(), self.optimize_job()]);
        findings.push(self.views());
        let Self { connection, manager, settings } = *self;
        findings.extend(Diagnosis { connection, manager, settings }.findings());
        findings.extend(self.constraints());
        findings.extend(self.identity_columns());
        findings.push(self.texts_of_files());
        findings.push(self.pictures());
        findings.extend(self.embeddings());
        findings
    }

    fn strings(&self, sql: &str) -> Result<Vec<String>, OracleError> {
        self.rows(sql, |row| Ok(row.get::<_, Option<String>>(0)?.unwrap_or_default()))
    }

    fn rows<T>(&self, sql: &str, read: impl FnMut(&Row) -> Result<T, OracleError>) -> Result<Vec<T>, OracleError> {
        self.rows_with(sql, &Binds::none(), 100, read)
    }

    fn rows_with<T>(
        &self,
        sql: &str,
        binds: &Binds<'_>,
        most: usize,
        mut read: impl FnMut(&Row) -> Result<T, OracleError>,
    ) -> Result<Vec<T>, OracleError> {
        query(self.connection, sql, binds, most, &mut read)
    }

    /// Returns the models: their tables, and whether each is current.
    fn models(&self) -> Result<Vec<(VectorTable, bool)>, OracleError> {
        let sql = "SELECT model_id, vector_dimension, is_current FROM embedding_models WHERE vector_table IS NOT NULL \
                   ORDER BY model_id";
        self.rows(sql, |row| {
            let current = row.get::<_, Option<String>>(2)?.as_deref() == Some("Y");
            Ok((VectorTable::new(row.get(0)?, row.get(1)?), current))
        })
    }
}

/// Returns the finding that something cannot be looked at.
pub(crate) fn not_visible(what: impl Into<String>, error: OracleError) -> Finding {
    Finding::note(what, format!("cannot be looked at: {}", StoreError::from(error)), "The rest does not depend on it.")
}
