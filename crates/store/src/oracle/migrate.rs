//! Brings the schema up to what this program knows.

use std::time::Duration;

use oracle::Connection;

use super::adopt;
use super::codes::Class;
use super::error::{Failure, Stop};
use super::locks::{self, Held};
use super::pool::Manager;
use super::script::{Statement, statements};
use super::session::{execute, query};
use super::value::Binds;
use super::{Examine, FIRST_MAJOR_VERSION, OracleSettings};
use crate::StoreError;

/// What one migration does.
enum Work {
    /// Statements of a file.
    Sql(&'static str),
    /// What takes more than statements, and what a DBA reads about it.
    Rust(fn(&Connection, &OracleSettings, &Examine) -> Result<(), Stop>, &'static str),
}

/// A step of the schema. Steps that were ever released are never edited: a change is a new step.
struct Migration {
    version: i64,
    name: &'static str,
    work: Work,
}

macro_rules! sql_file {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            work: Work::Sql(include_str!(concat!("../../../../sql/oracle/", $name, ".sql"))),
        }
    };
}

const MIGRATIONS: [Migration; 9] = [
    sql_file!(1, "0001_bookkeeping"),
    sql_file!(2, "0002_tables"),
    sql_file!(3, "0003_columns"),
    sql_file!(4, "0004_adopt"),
    sql_file!(5, "0005_indexes"),
    sql_file!(6, "0006_views"),
    Migration {
        version: 7,
        name: "0007_adopt_embeddings",
        work: Work::Rust(
            adopt::embeddings,
            "Mitsuke does this itself when it starts: it gives every model a table of its own and copies the rows of \
             IMAGE_EMBEDDINGS_ARTICLE.",
        ),
    },
    Migration {
        version: 8,
        name: "0008_complete_images",
        work: Work::Rust(
            adopt::complete_images,
            "Mitsuke does this itself when it starts: it reads the images that another program stored, and writes their \
             hash, size and words.",
        ),
    },
    // Last: an index that follows every commit would be brought up to date for every batch of the taking over.
    sql_file!(9, "0009_text_indexes"),
];

/// Applies what is missing. Processes that do it at once take turns; whoever comes second finds it done.
pub(super) fn migrate(manager: &Manager, settings: &OracleSettings, examine: &Examine) -> Result<(), Stop> {
    let connection = manager.connect_apart()?;
    let (version, banner) = connection.server_version().map_err(Failure::from)?;
    if version.major() < FIRST_MAJOR_VERSION {
        return Err(StoreError::Misconfigured(format!(
            "the database is of version {version}, and vectors need 23ai or newer ({})",
            banner.lines().next().unwrap_or_default()
        ))
        .into());
    }
    if missing(&connection)?.is_empty() {
        return Ok(());
    }
    execute(&connection, "ALTER SESSION SET DDL_LOCK_TIMEOUT = 60", &Binds::none())?;
    // The table of the locks has to be there before anybody can hold one; to create it twice does no harm.
    run(&connection, &MIGRATIONS[0], settings, examine)?;
    connection.commit().map_err(Failure::from)?;
    let _turn = Held::take(manager, locks::SCHEMA)?;
    for migration in missing(&connection)? {
        without_limit(&connection, manager.call_timeout(), || run(&connection, migration, settings, examine))?;
        execute(
            &connection,
            "INSERT INTO mitsuke_schema (version, name, applied_at) \
             VALUES (:version, :name, SYS_EXTRACT_UTC(SYSTIMESTAMP))",
            &Binds::none().with("version", migration.version).with("name", migration.name),
        )?;
        connection.commit().map_err(Failure::from)?;
        log::info!("the database schema is now at version {} ({})", migration.version, migration.name);
    }
    Ok(())
}

/// Work that takes as long as it takes: building indexes, copying rows.
pub(super) fn without_limit<T>(
    connection: &Connection,
    call_timeout: Duration,
    work: impl FnOnce() -> Result<T, Stop>,
) -> Result<T, Stop> {
    connection.set_call_timeout(None).map_err(Failure::from)?;
    let done = work()?;
    connection.set_call_timeout(Some(call_timeout)).map_err(Failure::from)?;
    Ok(done)
}

/// What a database lacks.
///
/// # Errors
/// [`StoreError::NewerSchema`] when a newer program has written it.
fn missing(connection: &Connection) -> Result<Vec<&'static Migration>, Stop> {
    let sql = "SELECT version FROM mitsuke_schema ORDER BY version";
    let applied: Vec<i64> = match query(connection, sql, &Binds::none(), 100, &mut |row| Ok(row.get(0)?)) {
        Err(stop) if stop.class() == Some(Class::NoTable) => Vec::new(),
        other => other?,
    };
    let known = MIGRATIONS.len() as i64;
    match applied.last() {
        Some(found) if *found > known => Err(StoreError::NewerSchema { found: *found, known }.into()),
        _ => Ok(MIGRATIONS.iter().filter(|migration| !applied.contains(&migration.version)).collect()),
    }
}

/// The names of what a database lacks.
pub(super) fn missing_names(connection: &Connection) -> Result<Vec<&'static str>, Stop> {
    Ok(missing(connection)?.iter().map(|migration| migration.name).collect())
}

fn run(
    connection: &Connection,
    migration: &Migration,
    settings: &OracleSettings,
    examine: &Examine,
) -> Result<(), Stop> {
    match &migration.work {
        Work::Sql(file) => statements(file).iter().try_for_each(|statement| {
            tolerantly(connection, statement).inspect_err(|_| {
                let start = statement.sql.lines().next().unwrap_or_default();
                log::error!("migration {} stopped at: {start}", migration.name);
            })
        }),
        Work::Rust(work, _) => work(connection, settings, examine),
    }
}

/// Runs a statement that may have been run before.
pub(super) fn tolerantly(connection: &Connection, statement: &Statement) -> Result<(), Stop> {
    match execute(connection, &statement.sql, &Binds::none()) {
        Err(Stop::Driver(failure)) if failure.is_one_of(&statement.passes_over) => Ok(()),
        other => other.map(|_| ()),
    }
}

/// All migrations as one script for SQL*Plus or SQLcl, which may be run again.
pub(super) fn script() -> String {
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
            Work::Sql(file) => {
                statements(file).iter().for_each(|statement| out.push_str(&statement.printed()));
                let noted = Statement {
                    sql: format!(
                        "INSERT INTO mitsuke_schema (version, name, applied_at) \
                         VALUES ({}, '{}', SYS_EXTRACT_UTC(SYSTIMESTAMP))",
                        migration.version, migration.name
                    ),
                    passes_over: vec![super::codes::Code::Ora(1)],
                };
                out.push_str(&noted.printed());
                out.push_str("COMMIT;\n");
            }
            Work::Rust(_, meaning) => out.push_str(&format!("-- {meaning}\n")),
        }
    }
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
            let Work::Sql(file) = &migration.work else { continue };
            for Statement { sql, passes_over } in statements(file) {
                let again = sql.starts_with("CREATE TABLE IF NOT EXISTS")
                    || sql.starts_with("CREATE OR REPLACE")
                    || sql.starts_with("UPDATE")
                    || sql.contains(" MODIFY ")
                    || sql.contains("set_attribute")
                    || sql.contains("FOR half_built IN (")
                    || sql.contains("FOR mixed IN (")
                    || sql.contains("FOR keeping IN (")
                    || !passes_over.is_empty();
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
