//! The findings of `mitsuke doctor` about an Oracle database.
//!
//! The checks change nothing. A view that the account may not see becomes a finding, and the checks go on.

use oracle::{Connection, Row, Version};

use super::migrate;
use super::migrate::FIRST_MAJOR_VERSION;
use crate::Finding;
use crate::StoreError;
use crate::oracle::connection::codes::Class;
use crate::oracle::connection::error::{DriverError, OracleError};
use crate::oracle::connection::pool::Manager;
use crate::oracle::connection::session::query;
use crate::oracle::connection::value::Binds;
use crate::oracle::settings::OracleSettings;
use crate::oracle::vector_index::diagnosis::Diagnosis;

/// The privileges that Mitsuke's statements need, and their purpose.
const PRIVILEGES: [(&str, &str); 4] = [
    ("CREATE SESSION", "connecting"),
    ("CREATE TABLE", "tables and indexes"),
    ("CREATE SEQUENCE", "the numbers that rows get by themselves"),
    ("CREATE VIEW", "the views that programs of the original application read"),
];

/// The preferences of the text indexes, and the kind of each.
const LEXERS: [(&str, &str); 2] = [("MITSUKE_WORD_LEXER", "BASIC_LEXER"), ("MITSUKE_LEXER", "JAPANESE_VGRAM_LEXER")];

/// The text indexes, and whether Mitsuke itself uses them.
const TEXT_INDEXES: [(&str, bool); 3] =
    [("IMAGES_SEARCH_TEXT", true), ("IDX_IMAGE_PROMPT", false), ("IDX_IMAGE_DESCRIPTION", false)];

/// Checks everything that has to be right, from the client library to the indexes.
pub(crate) fn diagnose(settings: &OracleSettings, manager: &Manager) -> Vec<Finding> {
    let mut findings = vec![client_library()];
    if findings[0].is_problem() {
        return findings;
    }
    match connect(manager) {
        Ok(connection) => {
            findings.push(Finding::good("connection", format!("{} as {}", settings.dsn, settings.user)));
            findings.extend(Inspection { connection: &connection, manager, settings }.findings());
        }
        Err(finding) => findings.push(finding),
    }
    findings
}

fn client_library() -> Finding {
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

fn connect(manager: &Manager) -> Result<Connection, Finding> {
    manager.connect_outside_pool().map_err(|failure| {
        let advice = match failure.class() {
            Class::Misconfigured => "Check DB_USER, DB_PASSWORD and DB_DSN in .env, and the account (sql/oracle/grants.sql).",
            Class::Busy => "The database has no room for another session: raise its processes, or lower MITSUKE_DB_POOL_SIZE.",
            _ => "Check that the database runs and that its host and port can be reached from here; DB_DSN is host:port/service.",
        };
        Finding::problem("connection", failure.description(), advice)
    })
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
        findings.push(self.text_errors());
        findings.push(self.views());
        let Self { connection, manager, settings } = *self;
        findings.extend(Diagnosis { connection, manager, settings }.findings());
        findings
    }

    fn version(&self) -> Finding {
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

    fn character_set(&self) -> Finding {
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

    fn privileges(&self) -> Vec<Finding> {
        let granted = match self.strings("SELECT privilege FROM session_privs") {
            Ok(granted) => granted,
            Err(error) => return vec![not_visible("privileges", error)],
        };
        PRIVILEGES
            .iter()
            .map(|(privilege, purpose)| {
                if granted.iter().any(|other| other == privilege) {
                    Finding::good("grants", *privilege)
                } else {
                    Finding::problem(
                        "grants",
                        format!("{privilege} is missing ({purpose})"),
                        "Let a DBA run sql/oracle/grants.sql.",
                    )
                }
            })
            .collect()
    }

    fn quota(&self) -> Finding {
        let unlimited = self.strings("SELECT privilege FROM session_privs WHERE privilege = 'UNLIMITED TABLESPACE'");
        let quotas =
            self.strings("SELECT tablespace_name FROM user_ts_quotas WHERE max_bytes = -1 OR max_bytes > bytes");
        match (unlimited, quotas) {
            (Ok(unlimited), _) if !unlimited.is_empty() => Finding::good("quota", "unlimited"),
            (_, Ok(spaces)) if !spaces.is_empty() => Finding::good("quota", format!("on {}", spaces.join(", "))),
            (_, Ok(_)) => Finding::problem(
                "quota",
                "the account may not use any space",
                "Let a DBA run: ALTER USER … QUOTA UNLIMITED ON …; with the tablespace of the account (USERS, on Autonomous \
                 Database DATA).",
            ),
            (_, Err(error)) => not_visible("quota", error),
        }
    }

    fn oracle_text(&self) -> Finding {
        let sql = "SELECT object_name FROM all_objects WHERE owner = 'CTXSYS' AND object_name = 'CTX_DDL'";
        match self.strings(sql) {
            Ok(found) if !found.is_empty() => Finding::good("Oracle Text", "CTX_DDL may be executed"),
            Ok(_) => Finding::problem(
                "Oracle Text",
                "CTXSYS.CTX_DDL cannot be seen",
                "Let a DBA run sql/oracle/grants.sql. The -slim container images have no Oracle Text at all: use one without.",
            ),
            Err(error) => not_visible("Oracle Text", error),
        }
    }

    fn schema(&self) -> Finding {
        match migrate::missing_names(self.connection) {
            Ok(missing) if missing.is_empty() => Finding::good("schema", "up to date"),
            Ok(missing) => Finding::problem(
                "schema",
                format!("lacks {}", missing.join(", ")),
                "Run `mitsuke migrate`, or give the output of `mitsuke migrate --print` to a DBA.",
            ),
            Err(error) => Finding::problem(
                "schema",
                StoreError::from(error).to_string(),
                "Use the newest program that runs on this database.",
            ),
        }
    }

    fn lexers(&self) -> Vec<Finding> {
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

    fn text_indexes(&self) -> Vec<Finding> {
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

    fn text_errors(&self) -> Finding {
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

    fn views(&self) -> Finding {
        let sql = "SELECT object_name FROM user_objects WHERE object_type = 'VIEW' AND status <> 'VALID' \
                   AND object_name IN ('IMAGE_EMBEDDINGS', 'CURRENT_EMBEDDING_MODEL', 'CURRENT_IMAGE_EMBEDDINGS')";
        match self.strings(sql) {
            Ok(found) if found.is_empty() => Finding::good("views", "valid"),
            Ok(found) => Finding::note(
                "views",
                format!(
                    "{} cannot be read; Mitsuke does not need them, programs of the original application do",
                    found.join(", ")
                ),
                "ALTER VIEW … COMPILE; says why.",
            ),
            Err(error) => not_visible("views", error),
        }
    }

    fn strings(&self, sql: &str) -> Result<Vec<String>, OracleError> {
        self.rows(sql, |row| Ok(row.get::<_, Option<String>>(0)?.unwrap_or_default()))
    }

    fn rows<T>(&self, sql: &str, mut read: impl FnMut(&Row) -> Result<T, OracleError>) -> Result<Vec<T>, OracleError> {
        query(self.connection, sql, &Binds::none(), 100, &mut read)
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

/// Returns the finding that something cannot be looked at.
pub(crate) fn not_visible(what: impl Into<String>, error: OracleError) -> Finding {
    Finding::note(what, format!("cannot be looked at: {}", StoreError::from(error)), "The rest does not depend on it.")
}
