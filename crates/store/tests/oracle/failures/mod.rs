//! Failures of a database, and the errors that the store makes of them. They are injected into the stand-in client
//! library, so they come through the real driver.

mod interrupted;
mod reported;
mod sessions;
mod waiting;

use std::time::{Duration, Instant};

use mitsuke_store::oracle::OracleStore;
use mitsuke_store::{Store as _, StoreError};
use oracle_standin::testing::Database;

use crate::store;

/// The limit for connecting where connecting is meant to fail.
const SHORT: Duration = Duration::from_millis(200);

/// The time after which a call counts as hung: many times what any call in these tests takes.
const HUNG: Duration = Duration::from_secs(60);

/// Waits until the store answers again.
#[track_caller]
fn comes_back(store: &OracleStore) {
    let started = Instant::now();
    while let Err(error) = store.check() {
        assert!(started.elapsed() < HUNG, "it does not come back: {error}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn opened(database: &Database) -> OracleStore {
    let store = store(database);
    store.check().unwrap();
    store
}

/// Returns the name of an error's variant.
fn kind(error: &StoreError) -> String {
    let text = format!("{error:?}");
    text.split(['(', ' ']).next().unwrap_or_default().to_owned()
}

#[track_caller]
fn fails<T>(result: Result<T, StoreError>, expected: &str) -> StoreError {
    match result {
        Ok(_) => panic!("{expected} was expected"),
        Err(error) => {
            assert_eq!(kind(&error), expected, "{error}");
            error
        }
    }
}
