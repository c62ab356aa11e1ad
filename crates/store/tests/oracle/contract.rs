//! The Oracle store keeps the contract.

use mitsuke_store::Store as _;
use mitsuke_store::oracle::{ForeignFacts, OracleSettings, OracleStore};
use mitsuke_store_testing::contract_tests;
use mitsuke_store_testing::fixtures::TestStore;
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
