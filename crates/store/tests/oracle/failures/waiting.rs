//! A database does not answer, and no caller waits longer than the settings say.

use std::time::{Duration, Instant};

use mitsuke_store::oracle::OracleSettings;
use mitsuke_store::{ImageStore as _, Inserted, ModelStore as _, Store as _};
use mitsuke_store_testing::fixtures::*;
use oracle_standin::testing::{Database, Failure};

use super::{HUNG, SHORT, comes_back, fails};
use crate::{open, settings};

#[test]
fn a_store_opens_by_itself_when_the_database_comes_up() {
    let database = Database::temporary();
    database.fail(&Failure::error("attach", 12541, "no listener"));
    let store = open(settings(&database));
    fails(store.check(), "Unreachable");
    fails(store.count_images(), "Unreachable");
    database.clear();
    let started = Instant::now();
    while store.check().is_err() {
        assert!(started.elapsed() < Duration::from_secs(30), "it does not come back");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(store.count_images().unwrap(), 0);
}

#[test]
fn a_call_that_does_not_come_back_is_given_up() {
    let database = Database::temporary();
    let store = open(OracleSettings { call_timeout: Duration::from_millis(100), ..settings(&database) });
    store.check().unwrap();
    database.fail(&Failure::hang("execute").when("FROM IMAGES"));
    fails(store.count_images(), "Busy");
    database.clear();
    database.fail(&Failure::hang("commit"));
    assert!(picture("a").try_insert(&store).is_err());
    database.clear();
    assert_eq!(store.count_images().unwrap(), 0);
    assert!(matches!(picture("a").try_insert(&store).unwrap(), Inserted::Created(_)));
}

/// The database gives up waiting for the lock before the call is given up, so the session stays usable.
#[test]
fn a_lock_that_another_process_holds_is_not_waited_for_until_the_call_times_out() {
    let database = Database::temporary();
    let call_timeout = Duration::from_millis(1_500);
    let store = open(OracleSettings { call_timeout, pool_size: 1, ..settings(&database) });
    let model = model(&store, "a");
    let other = database.connect();
    other.query_row("SELECT name FROM mitsuke_locks WHERE name = 'MODELS' FOR UPDATE", &[]).unwrap();
    database.start_log();
    let error = fails(store.set_current_model(model.model_id, true), "Busy");
    assert!(error.to_string().contains("ORA-30006"), "{error}");
    assert_eq!(database.logged("FOR UPDATE WAIT 1").len(), 1);
    // A connection that was given up would have to be opened anew, which fails now.
    database.fail(&Failure::error("attach", 12541, "no listener"));
    other.rollback().unwrap();
    store.set_current_model(model.model_id, true).unwrap();
}

/// Neither a silent listener nor a running migration holds a caller.
#[test]
fn no_call_waits_for_a_listener_that_says_nothing() {
    let database = Database::temporary();
    // The program adds no limit of time to a TNS name. Here the failure ignores the limit of the connect string.
    let dsn = format!("{}?connect_timeout=600", database.dsn());
    let store = open(OracleSettings { dsn, pool_size: 2, connect_timeout: SHORT, ..settings(&database) });
    comes_back(&store);
    database.kill_sessions();
    database.fail(&Failure::hang("attach"));
    let started = Instant::now();
    for _ in 0..4 {
        let error = fails(store.count_images(), "Unreachable");
        assert!(error.to_string().contains("MITSUKE_DB_CONNECT_TIMEOUT_MS"), "{error}");
    }
    assert!(started.elapsed() < HUNG, "it took {:?}", started.elapsed());
    database.clear();
    comes_back(&store);
}

#[test]
fn a_store_that_opens_behind_a_silent_listener_says_so_and_recovers() {
    let database = Database::temporary();
    database.fail(&Failure::hang("attach"));
    let dsn = format!("{}?connect_timeout=600", database.dsn());
    let store = open(OracleSettings { dsn, pool_size: 2, connect_timeout: SHORT, ..settings(&database) });
    let started = Instant::now();
    for _ in 0..4 {
        fails(store.check(), "Unreachable");
        std::thread::sleep(Duration::from_millis(600));
    }
    assert!(started.elapsed() < HUNG, "it took {:?}", started.elapsed());
    database.clear();
    comes_back(&store);
}

#[test]
fn nobody_waits_for_a_migration_that_takes_long() {
    let database = Database::temporary();
    database.fail(&Failure::hang("execute").when("CREATE INDEX IMAGES_NEWEST"));
    let store = open(OracleSettings { connect_timeout: Duration::from_secs(2), ..settings(&database) });
    let started = Instant::now();
    for _ in 0..3 {
        let error = fails(store.check(), "Busy");
        assert!(error.operator_reason().is_some_and(|reason| reason.contains("schema")), "{error}");
    }
    assert!(started.elapsed() < HUNG, "it took {:?}", started.elapsed());
    database.clear();
    // The work has gone on in the background and was not begun again.
    comes_back(&store);
    assert_eq!(store.count_images().unwrap(), 0);
}

#[test]
fn a_pool_without_a_free_connection_says_so_in_time() {
    let database = Database::temporary();
    let short = Duration::from_millis(200);
    let store = open(OracleSettings { pool_size: 1, connect_timeout: Duration::from_secs(10), ..settings(&database) });
    store.check().unwrap();
    let impatient = open(OracleSettings { pool_size: 1, connect_timeout: short, ..settings(&database) });
    // On a busy machine even the first connection may take longer than the limit.
    let started = Instant::now();
    while impatient.check().is_err() {
        assert!(started.elapsed() < Duration::from_secs(60), "it never opens");
    }
    database.fail(&Failure::hang("execute").when("FROM IMAGES"));
    std::thread::scope(|scope| {
        let held = scope.spawn(|| impatient.count_images());
        while database.connect().query_row_as::<i64>("SELECT 1 FROM dual", &[]).is_err() {}
        std::thread::sleep(Duration::from_millis(300));
        fails(impatient.check(), "Busy");
        database.clear();
        assert_eq!(held.join().unwrap().unwrap(), 0);
    });
    assert_eq!(impatient.count_images().unwrap(), 0);
}

/// A refused connect does not affect the open connections: a waiting caller gets the next free one.
#[test]
fn a_connect_that_is_refused_does_not_spoil_the_connections_that_are_there() {
    let database = Database::temporary();
    let store = open(OracleSettings { pool_size: 2, ..settings(&database) });
    store.check().unwrap();
    database.start_log();
    database.fail(&Failure::error("attach", 12516, "no handler"));
    let slow = Failure::delay("execute", Duration::from_millis(1500));
    database.fail(&slow.when("FROM IMAGES").times(1));
    std::thread::scope(|scope| {
        let held = scope.spawn(|| store.count_images());
        let started = Instant::now();
        while database.logged("FROM IMAGES").is_empty() {
            assert!(started.elapsed() < HUNG, "the statement never comes");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(store.models().unwrap().is_empty());
        assert_eq!(held.join().unwrap().unwrap(), 0);
    });
    // No connection of the pool is left. That is an outage, which a caller learns at once.
    database.kill_sessions();
    let error = fails(store.count_images(), "Busy");
    assert!(error.to_string().contains("ORA-12516"), "{error}");
}
