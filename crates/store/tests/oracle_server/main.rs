//! The contract, and a checklist of what only a server can confirm, on a real Oracle database that
//! `scripts/test-oracle.sh` chooses.
//!
//! Every case begins with an empty schema, so all cases share one and run one after the other, and **everything that
//! Mitsuke keeps in that schema is erased**. MITSUKE_TEST_ORACLE_ERASE=yes confirms that.

#[path = "../live/mod.rs"]
mod live;

use std::sync::Once;

use mitsuke_store::Store as _;
use mitsuke_store::oracle::{ForeignFacts, OracleSettings, OracleStore};
use mitsuke_store_testing::contract_tests;
use mitsuke_store_testing::fixtures::TestStore;
use secrecy::SecretString;

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; run scripts/test-oracle.sh"))
}

fn settings() -> OracleSettings {
    let password = SecretString::from(setting("MITSUKE_TEST_ORACLE_PASSWORD"));
    OracleSettings::new(setting("MITSUKE_TEST_ORACLE_USER"), password, setting("MITSUKE_TEST_ORACLE_DSN"))
}

/// Brings the schema up to date, once.
fn migrated() {
    assert_eq!(
        std::env::var("MITSUKE_TEST_ORACLE_ERASE").as_deref(),
        Ok("yes"),
        "these tests erase all images of the schema; MITSUKE_TEST_ORACLE_ERASE=yes says that this is meant"
    );
    static MIGRATED: Once = Once::new();
    MIGRATED.call_once(|| {
        let store = OracleStore::new(settings(), |_, _| ForeignFacts::default());
        store.check().expect("the database answers and its schema is up to date");
    });
}

fn open() -> TestStore {
    migrated();
    live::erase(&settings());
    TestStore::new(OracleStore::new(settings(), |_, _| ForeignFacts::default()), ())
}

/// Runs the checklist and prints it. `scripts/test-oracle.sh` shows what it prints.
#[test]
fn checklist() {
    migrated();
    let lines = live::run(&settings());
    live::print(&lines);
    let refuted = lines.iter().filter(|line| matches!(line.answer, live::Answer::Refuted(_))).count();
    assert_eq!(refuted, 0, "lines that are NOT confirmed");
}

contract_tests!(open);
contract_tests!(@facts open);

/// The contract with every vector search exact, whatever the database makes of an approximate one.
mod exactly {
    use super::*;

    fn open() -> TestStore {
        let approximate = super::open();
        drop(approximate);
        let settings = OracleSettings { target_accuracy: 100, ..settings() };
        TestStore::new(OracleStore::new(settings, |_, _| ForeignFacts::default()), ())
    }

    contract_tests!(open);
    contract_tests!(@facts open);
}
