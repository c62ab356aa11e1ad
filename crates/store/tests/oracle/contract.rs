//! The Oracle store keeps the contract.

use mitsuke_store::Store as _;
use mitsuke_store::oracle::{ForeignFacts, OracleSettings, OracleStore};
use mitsuke_store_testing::contract_tests;
use mitsuke_store_testing::fixtures::TestStore;
use mitsuke_store_testing::integrity::Damage;
use oracle_standin::testing::Database;

use crate::{settings, store};

fn open() -> TestStore {
    let database = Database::temporary();
    let store = store(&database);
    store.check().unwrap();
    TestStore::new(store, database)
}

contract_tests!(open);
contract_tests!(@facts open);
contract_tests!(@integrity open_with_damage);

/// Opens a store, and a second session of its database that changes bytes behind it.
fn open_with_damage() -> (TestStore, Damage) {
    let database = Database::temporary();
    let store = store(&database);
    store.check().unwrap();
    let other = database.connect();
    let damage = move |image_id: i64| {
        other.execute("UPDATE images SET image_data = HEXTORAW('78') WHERE image_id = :1", &[&image_id]).unwrap();
        other.commit().unwrap();
    };
    (TestStore::new(store, database), Box::new(damage))
}

/// The contract with every vector search exact.
mod with_exact_search {
    use super::*;

    fn open() -> TestStore {
        let database = Database::temporary();
        let settings = OracleSettings { target_accuracy: 100, ..settings(&database) };
        TestStore::new(OracleStore::new(settings, |_, _| ForeignFacts::default()), database)
    }

    contract_tests!(open);
    contract_tests!(@facts open);
}
