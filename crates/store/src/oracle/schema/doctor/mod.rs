//! The findings of `mitsuke doctor` about an Oracle database.
//!
//! The checks change nothing. A view that the account may not see becomes a finding, and the checks go on.

mod account;
mod connection;
mod structure;
mod text;
mod vectors;

use oracle::{Connection, Row};

use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::pool::Manager;
use crate::oracle::connection::session::query;
use crate::oracle::connection::value::Binds;
use crate::oracle::settings::OracleSettings;
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
            findings.extend(Inspection { connection: &connection, settings }.findings());
        }
        Err(finding) => findings.push(finding),
    }
    findings
}

/// The checks of a database that answers.
struct Inspection<'a> {
    connection: &'a Connection,
    settings: &'a OracleSettings,
}

impl Inspection<'_> {
    fn findings(&self) -> Vec<Finding> {
        let mut findings = vec![self.version(), self.character_set()];
        findings.extend(self.privileges());
        findings.extend([self.quota(), self.oracle_text(), self.schema()]);
        findings.extend(self.lexers());
        findings.extend(self.text_indexes());
        findings.push(self.text_errors());
        findings.extend(self.vector_indexes());
        findings.extend([self.views(), self.vector_memory()]);
        findings
    }

    fn strings(&self, sql: &str) -> Result<Vec<String>, OracleError> {
        self.rows(sql, |row| Ok(row.get::<_, Option<String>>(0)?.unwrap_or_default()))
    }

    fn rows<T>(&self, sql: &str, mut read: impl FnMut(&Row) -> Result<T, OracleError>) -> Result<Vec<T>, OracleError> {
        query(self.connection, sql, &Binds::none(), 100, &mut read)
    }
}

fn not_visible(what: impl Into<String>, error: OracleError) -> Finding {
    Finding::note(what, format!("cannot be looked at: {}", StoreError::from(error)), "The rest does not depend on it.")
}
