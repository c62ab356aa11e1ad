//! The Oracle store through the real driver, over the stand-in for Oracle's client library.

mod adoption;
mod contract;
mod facts;
mod failures;
mod keywords;
mod live_checks;
mod restored;
mod round_trips;
mod sharing;
mod sql;
mod text_indexes;
mod upgrade;
mod vector_indexes;

#[path = "../live/mod.rs"]
mod live;

use std::time::Duration;

use mitsuke_store::oracle::{ForeignFacts, OracleSettings, OracleStore};
use oracle_standin::testing::{Database, PASSWORD, USER};
use secrecy::SecretString;

/// Returns settings that connect to a database.
fn settings(database: &Database) -> OracleSettings {
    OracleSettings {
        pool_size: 4,
        // On a busy machine, the first call may wait this long for the schema.
        connect_timeout: Duration::from_secs(60),
        ..OracleSettings::new(USER, SecretString::from(PASSWORD), database.dsn())
    }
}

/// Makes a store over a database, not yet connected.
fn store(database: &Database) -> OracleStore {
    open(settings(database))
}

/// Makes a store with these settings, not yet connected.
fn open(settings: OracleSettings) -> OracleStore {
    OracleStore::new(settings, |_, _| ForeignFacts::default())
}
