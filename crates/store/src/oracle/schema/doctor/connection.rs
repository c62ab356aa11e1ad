//! The client library, the connection and the database behind it.

use oracle::{Connection, Version};

use super::{Inspection, not_visible};
use crate::Finding;
use crate::oracle::connection::codes::Class;
use crate::oracle::connection::error::DriverError;
use crate::oracle::connection::pool::Manager;
use crate::oracle::schema::migrate::FIRST_MAJOR_VERSION;

pub(super) fn client_library() -> Finding {
    match Version::client() {
        Ok(version) if version.major() >= 19 => Finding::good("client library", format!("Oracle Client {version}")),
        Ok(version) => Finding::problem(
            "client library",
            format!("Oracle Client {version} is too old"),
            "Install Oracle Instant Client 19 or newer (Basic or Basic Light) and put its folder into LD_LIBRARY_PATH.",
        ),
        Err(error) => Finding::problem(
            "client library",
            DriverError::from(error).description(),
            "Install Oracle Instant Client 19 or newer (Basic or Basic Light) with libaio, and put its folder into \
             LD_LIBRARY_PATH.",
        ),
    }
}

pub(super) fn connect(manager: &Manager) -> Result<Connection, Finding> {
    manager.connect_outside_pool().map_err(|failure| {
        let advice = match failure.class() {
            Class::Misconfigured => "Check DB_USER, DB_PASSWORD and DB_DSN in .env, and the account (sql/oracle/grants.sql).",
            Class::Busy => "The database has no room for another session: raise its processes, or lower MITSUKE_DB_POOL_SIZE.",
            _ => "Check that the database runs and that its host and port can be reached from here; DB_DSN is host:port/service.",
        };
        Finding::problem("connection", failure.description(), advice)
    })
}

impl Inspection<'_> {
    pub(super) fn version(&self) -> Finding {
        match self.connection.server_version() {
            Ok((version, _)) if version.major() >= FIRST_MAJOR_VERSION => {
                Finding::good("version", format!("Oracle Database {version}"))
            }
            Ok((version, _)) => Finding::problem(
                "version",
                format!("Oracle Database {version} has no vectors"),
                "Use Oracle Database 23ai or newer.",
            ),
            Err(error) => not_visible("version", DriverError::from(error).into()),
        }
    }

    pub(super) fn character_set(&self) -> Finding {
        let sql = "SELECT value FROM nls_database_parameters WHERE parameter = 'NLS_CHARACTERSET'";
        match self.strings(sql) {
            Ok(found) if found.iter().any(|name| name == "AL32UTF8") => Finding::good("character set", "AL32UTF8"),
            Ok(found) => Finding::problem(
                "character set",
                format!("{} cannot hold every text", found.join(", ")),
                "Create the database with AL32UTF8.",
            ),
            Err(error) => not_visible("character set", error),
        }
    }
}
