//! Brings the schema up to the version that this program knows.

use oracle::Connection;

use super::adopt;
use super::copied_facts;
use super::folding;
use super::made_facts;
use super::script::{Statement, execute_repeatable, statements};
use super::text_indexes;
use crate::StoreError;
use crate::oracle::connection::codes::Class;
use crate::oracle::connection::error::{DriverError, OracleError};
use crate::oracle::connection::locks::{self, HeldLock};
use crate::oracle::connection::pool::Manager;
use crate::oracle::connection::session::{execute, query, without_limit};
use crate::oracle::connection::value::Binds;
use crate::oracle::rows::foreign::Examine;
use crate::oracle::settings::OracleSettings;

/// The work of one migration.
enum Step {
    /// The statements of a file.
    Sql(&'static str),
    /// A function, for work that needs more than statements, and its description for a DBA.
    Rust(fn(&Connection, &OracleSettings, &Examine) -> Result<(), OracleError>, &'static str),
}

/// A step of the schema. A released step is never edited: a change is a new step.
struct Migration {
    version: i64,
    name: &'static str,
    work: Step,
}

macro_rules! sql_file {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            work: Step::Sql(include_str!(concat!("../../../../../sql/oracle/", $name, ".sql"))),
        }
    };
}

/// The first release of the database that has vectors.
pub(crate) const FIRST_MAJOR_VERSION: i32 = 23;

const MIGRATIONS: [Migration; 20] = [
    sql_file!(1, "0001_bookkeeping"),
    sql_file!(2, "0002_tables"),
    sql_file!(3, "0003_columns"),
    sql_file!(4, "0004_adopt"),
    sql_file!(5, "0005_indexes"),
    sql_file!(6, "0006_views"),
    Migration {
        version: 7,
        name: "0007_adopt_embeddings",
        work: Step::Rust(
            adopt::embeddings,
            "Mitsuke does this itself when it starts: it gives every model a table of its own and copies the rows of \
             IMAGE_EMBEDDINGS_ARTICLE.",
        ),
    },
    Migration {
        version: 8,
        name: "0008_complete_images",
        work: Step::Rust(
            adopt::complete_images,
            "Mitsuke does this itself when it starts: it reads the images that another program stored, and writes their \
             hash, size and words.",
        ),
    },
    // The text indexes come last: synchronised on commit, they would be updated for every batch of the steps before.
    sql_file!(9, "0009_text_indexes"),
    Migration {
        version: 10,
        name: "0010_copied_facts",
        work: Step::Rust(
            |connection, _, _| copied_facts::fill(connection, 10),
            "Mitsuke does this itself when it starts: it gives the table of each model copies of the facts of images that \
             filters compare.",
        ),
    },
    sql_file!(11, "0011_vector_indexes"),
    sql_file!(12, "0012_folded_names"),
    Migration {
        version: 13,
        name: "0013_folded_texts",
        work: Step::Rust(
            |connection, _, _| folding::fold_all(connection, 13),
            "Mitsuke does this itself when it starts: it folds the file names and the words of all images, and copies the \
             folded names into the table of each model.",
        ),
    },
    sql_file!(14, "0014_tags"),
    sql_file!(15, "0015_thumbnails"),
    sql_file!(16, "0016_facts"),
    Migration {
        version: 17,
        name: "0017_copied_facts",
        work: Step::Rust(
            |connection, _, _| copied_facts::fill(connection, 17),
            "Mitsuke does this itself when it starts: it gives the table of each model copies of the time, the camera and the \
             folder of images.",
        ),
    },
    Migration {
        version: 18,
        name: "0018_made_facts",
        work: Step::Rust(
            |connection, _, _| made_facts::fill(connection),
            "Mitsuke does this itself when it starts: it writes the keys of file names, and the LoRAs and words of prompts.",
        ),
    },
    sql_file!(19, "0019_integrity"),
    sql_file!(20, "0020_originals"),
];

/// Applies the missing migrations, and makes the text indexes what the settings want them to be. Processes that migrate at once take turns, and the later ones find nothing missing.
pub(crate) fn migrate(manager: &Manager, settings: &OracleSettings, examine: &Examine) -> Result<(), OracleError> {
    let connection = manager.connect_outside_pool()?;
    let (version, banner) = connection.server_version().map_err(DriverError::from)?;
    if version.major() < FIRST_MAJOR_VERSION {
        return Err(StoreError::Misconfigured(format!(
            "the database is of version {version}, and vectors need 23ai or newer ({})",
            banner.lines().next().unwrap_or_default()
        ))
        .into());
    }
    if missing(&connection)?.is_empty() && text_changes(&connection, settings)?.is_empty() {
        return Ok(());
    }
    execute(&connection, "ALTER SESSION SET DDL_LOCK_TIMEOUT = 60", &Binds::none())?;
    // The table of locks has to exist before a lock can be held. Creating it twice does no harm.
    run(&connection, &MIGRATIONS[0], settings, examine)?;
    connection.commit().map_err(DriverError::from)?;
    let _lock = HeldLock::take(manager, locks::SCHEMA)?;
    for migration in missing(&connection)? {
        without_limit(&connection, manager.call_timeout(), || run(&connection, migration, settings, examine))?;
        execute(
            &connection,
            "INSERT INTO mitsuke_schema (version, name, applied_at) \
             VALUES (:version, :name, SYS_EXTRACT_UTC(SYSTIMESTAMP))",
            &Binds::none().with("version", migration.version).with("name", migration.name),
        )?;
        connection.commit().map_err(DriverError::from)?;
        log::info!("the database schema is now at version {} ({})", migration.version, migration.name);
    }
    let changes = text_changes(&connection, settings)?;
    without_limit(&connection, manager.call_timeout(), || text_indexes::arrange(&connection, &changes))
}

/// Returns the changes of the text indexes that the settings want. A dictionary that cannot be read stops no server.
fn text_changes(connection: &Connection, settings: &OracleSettings) -> Result<Vec<text_indexes::Change>, OracleError> {
    match text_indexes::changes(connection, settings) {
        Err(error) if error.class() != Some(Class::Lost) => {
            log::warn!("the text indexes cannot be looked at: {}", StoreError::from(error));
            Ok(Vec::new())
        }
        other => other,
    }
}

/// Returns the migrations that a database lacks.
///
/// # Errors
/// [`StoreError::NewerSchema`] when a newer program has written the schema.
fn missing(connection: &Connection) -> Result<Vec<&'static Migration>, OracleError> {
    let sql = "SELECT version FROM mitsuke_schema ORDER BY version";
    let applied: Vec<i64> = match query(connection, sql, &Binds::none(), 100, &mut |row| Ok(row.get(0)?)) {
        Err(error) if error.class() == Some(Class::NoTable) => Vec::new(),
        other => other?,
    };
    let known = MIGRATIONS.len() as i64;
    match applied.last() {
        Some(found) if *found > known => Err(StoreError::NewerSchema { found: *found, known }.into()),
        _ => Ok(MIGRATIONS.iter().filter(|migration| !applied.contains(&migration.version)).collect()),
    }
}

/// Returns the names of the migrations that a database lacks.
pub(crate) fn missing_names(connection: &Connection) -> Result<Vec<&'static str>, OracleError> {
    Ok(missing(connection)?.iter().map(|migration| migration.name).collect())
}

fn run(
    connection: &Connection,
    migration: &Migration,
    settings: &OracleSettings,
    examine: &Examine,
) -> Result<(), OracleError> {
    match &migration.work {
        Step::Sql(file) => statements(file).iter().try_for_each(|statement| {
            execute_repeatable(connection, statement).inspect_err(|_| {
                let start = statement.sql.lines().next().unwrap_or_default();
                log::error!("migration {} stopped at: {start}", migration.name);
            })
        }),
        Step::Rust(work, _) => work(connection, settings, examine),
    }
}

/// Returns all migrations as one script for SQL*Plus or SQLcl, which may be run again.
pub(crate) fn script() -> String {
    let mut out = String::from(
        "-- The schema of Mitsuke for Oracle Database 23ai. Run it as the user that Mitsuke connects as, with SQL*Plus or\n\
         -- SQLcl; it may be run again. sql/oracle/grants.sql has what that user needs.\n\
         WHENEVER SQLERROR EXIT FAILURE ROLLBACK\n\
         SET DEFINE OFF\n\
         ALTER SESSION SET DDL_LOCK_TIMEOUT = 60;\n",
    );
    for migration in &MIGRATIONS {
        out.push_str(&format!("\n-- {}\n", migration.name));
        match &migration.work {
            Step::Sql(file) => {
                statements(file).iter().for_each(|statement| out.push_str(&statement.printed()));
                let noted = Statement {
                    sql: format!(
                        "INSERT INTO mitsuke_schema (version, name, applied_at) \
                         VALUES ({}, '{}', SYS_EXTRACT_UTC(SYSTIMESTAMP))",
                        migration.version, migration.name
                    ),
                    ignored: vec![crate::oracle::connection::codes::Code::Ora(1)],
                };
                out.push_str(&noted.printed());
                out.push_str("COMMIT;\n");
            }
            Step::Rust(_, meaning) => out.push_str(&format!("-- {meaning}\n")),
        }
    }
    out.push_str("\n-- The job that optimizes the text indexes\n");
    out.push_str(&text_indexes::create_job().printed());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_a_gap() {
        for (n, migration) in (1..).zip(&MIGRATIONS) {
            assert_eq!(migration.version, n);
            assert!(migration.name.starts_with(&format!("{n:04}_")), "{}", migration.name);
        }
    }

    #[test]
    fn every_statement_of_the_files_can_be_run_again() {
        for migration in &MIGRATIONS {
            let Step::Sql(file) = &migration.work else { continue };
            for Statement { sql, ignored } in statements(file) {
                let again = sql.starts_with("CREATE TABLE IF NOT EXISTS")
                    || sql.starts_with("CREATE OR REPLACE")
                    || sql.starts_with("UPDATE")
                    || sql.contains(" MODIFY ")
                    || sql.contains("set_attribute")
                    || sql.contains("FOR half_built IN (")
                    || sql.contains("FOR mixed IN (")
                    || sql.contains("FOR keeping IN (")
                    || !ignored.is_empty();
                assert!(again, "{}: {sql}", migration.name);
                assert!(!sql.contains(";") || sql.starts_with("BEGIN"), "{sql}");
            }
        }
    }

    #[test]
    fn the_printed_script_holds_every_step() {
        let script = script();
        for migration in &MIGRATIONS {
            assert!(script.contains(migration.name), "{}", migration.name);
        }
        assert!(script.contains("EXECUTE IMMEDIATE q'[ALTER TABLE images ADD (sha256 RAW(32))]'"));
        assert!(!script.contains(";;"));
    }
}
