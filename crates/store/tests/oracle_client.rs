//! The store over Oracle's genuine client library, with no database to answer: its errors, and that every call returns.
//!
//! `scripts/oracle_client.sh --test` fetches the library (which is never part of this repository) and runs these tests.
//! A process loads one client library, so these tests have a binary of their own.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use mitsuke_store::oracle::{ForeignFacts, OracleSettings, OracleStore};
use mitsuke_store::{Store as _, StoreError};
use secrecy::SecretString;

/// The limit for connecting in these tests.
const CONNECT: Duration = Duration::from_secs(2);

/// The time that a call may take beyond its limit, for a busy machine.
const SLACK: Duration = Duration::from_secs(6);

fn answer_of(dsn: &str) -> StoreError {
    let settings = OracleSettings {
        connect_timeout: CONNECT,
        ..OracleSettings::new("mitsuke", SecretString::from("a-password"), dsn)
    };
    let store = OracleStore::new(settings, |_, _| ForeignFacts::default());
    let started = Instant::now();
    let error = store.check().expect_err("nobody is there");
    assert!(started.elapsed() < CONNECT + SLACK, "it took {:?}", started.elapsed());
    println!("{dsn}: {:?}: {error}", started.elapsed());
    error
}

#[track_caller]
fn assert_reason(error: &StoreError, code: &str) {
    let reason = error.operator_reason().unwrap_or_else(|| panic!("an operator is told nothing: {error}"));
    assert!(reason.contains(code), "{reason}");
    assert!(!reason.contains("a-password"), "{reason}");
}

#[test]
#[ignore = "needs Oracle's client library: scripts/oracle_client.sh --test"]
fn the_library_loads() {
    let version = oracle::Version::client().expect("the client library loads");
    assert!(version.major() >= 19, "{version}");
}

#[test]
#[ignore = "needs Oracle's client library: scripts/oracle_client.sh --test"]
fn a_port_that_nobody_listens_at_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = answer_of(&format!("127.0.0.1:{port}/FREEPDB1"));
    assert!(matches!(error, StoreError::Unreachable(_)), "{error:?}");
    assert_reason(&error, "ORA-12541");
}

#[test]
#[ignore = "needs Oracle's client library: scripts/oracle_client.sh --test"]
fn a_listener_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = answer_of(&format!("127.0.0.1:{}/FREEPDB1", listener.local_addr().unwrap().port()));
    assert!(matches!(error, StoreError::Unreachable(_)), "{error:?}");
}

#[test]
#[ignore = "needs Oracle's client library: scripts/oracle_client.sh --test"]
fn a_connect_string_that_leads_nowhere_is_the_operators_business() {
    for dsn in ["no-such-host.invalid:1521/FREEPDB1", "NO_SUCH_ALIAS"] {
        match answer_of(dsn) {
            // The client asks name servers for both, which may take longer than the limit for connecting.
            StoreError::Unreachable(reason) => {
                assert!(reason.contains("MITSUKE_DB_CONNECT_TIMEOUT_MS"), "{dsn}: {reason}")
            }
            error => {
                assert!(matches!(error, StoreError::Misconfigured(_)), "{dsn}: {error:?}");
                assert_reason(&error, "ORA-12");
            }
        }
    }
}

#[test]
#[ignore = "needs Oracle's client library: scripts/oracle_client.sh --test"]
fn the_next_call_is_answered_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dsn = format!("127.0.0.1:{}/FREEPDB1", listener.local_addr().unwrap().port());
    drop(listener);
    let settings = OracleSettings::new("mitsuke", SecretString::from("a-password"), dsn);
    let connect_timeout = settings.connect_timeout;
    let store = OracleStore::new(settings, |_, _| ForeignFacts::default());
    let started = Instant::now();
    for _ in 0..20 {
        assert!(store.check().is_err());
    }
    assert!(started.elapsed() < connect_timeout + SLACK, "20 calls took {:?}", started.elapsed());
}
