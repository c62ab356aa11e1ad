//! The contract on a real Oracle database, which `scripts/test-oracle.sh` chooses.
//!
//! Every case begins with an empty schema, so all cases share one and run one after the other, and **everything that
//! Mitsuke keeps in that schema is erased**. MITSUKE_TEST_ORACLE_ERASE=yes confirms that.

#[path = "checks/vector_indexes.rs"]
mod checks;

use std::sync::Once;

use mitsuke_store::Store as _;
use mitsuke_store::oracle::{ForeignFacts, IndexKind, OracleSettings, OracleStore};
use mitsuke_store_testing::contract_tests;
use mitsuke_store_testing::fixtures::TestStore;
use secrecy::{ExposeSecret as _, SecretString};

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; run scripts/test-oracle.sh"))
}

fn settings() -> OracleSettings {
    let password = SecretString::from(setting("MITSUKE_TEST_ORACLE_PASSWORD"));
    OracleSettings::new(setting("MITSUKE_TEST_ORACLE_USER"), password, setting("MITSUKE_TEST_ORACLE_DSN"))
}

fn open() -> TestStore {
    assert_eq!(
        std::env::var("MITSUKE_TEST_ORACLE_ERASE").as_deref(),
        Ok("yes"),
        "these tests erase all images of the schema; MITSUKE_TEST_ORACLE_ERASE=yes says that this is meant"
    );
    let store = OracleStore::new(settings(), |_, _| ForeignFacts::default());
    static MIGRATED: Once = Once::new();
    MIGRATED.call_once(|| store.check().expect("the database answers and its schema is up to date"));
    erase(&settings());
    TestStore::new(store, ())
}

/// Removes all rows and all models.
fn erase(settings: &OracleSettings) {
    let connection =
        oracle::Connection::connect(&settings.user, settings.password.expose_secret(), &settings.dsn).unwrap();
    let tables: Vec<String> = connection
        .query_as::<String>(
            "SELECT table_name FROM user_tables WHERE REGEXP_LIKE(table_name, '^IMAGE_EMBEDDINGS_[0-9]+$')",
            &[],
        )
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for table in tables {
        connection.execute(&format!("DROP TABLE {table} CASCADE CONSTRAINTS PURGE"), &[]).unwrap();
    }
    for table in ["embedding_failures", "images", "embedding_models"] {
        connection.execute(&format!("DELETE FROM {table}"), &[]).unwrap();
    }
    connection.commit().unwrap();
}

contract_tests!(open);

/// The collections of the contract are too small for a vector index, so these tests build one.
mod vector_indexes {
    use super::*;

    fn check(kind: IndexKind) {
        drop(open());
        let store = OracleStore::new(settings(), |_, _| ForeignFacts::default());
        checks::an_index_answers_like_all_embeddings(&store, kind);
    }

    #[test]
    fn an_inverted_file_answers_like_all_embeddings() {
        check(IndexKind::Ivf);
    }

    /// The graph needs room in the Vector Pool (VECTOR_MEMORY_SIZE).
    #[test]
    fn a_graph_answers_like_all_embeddings() {
        check(IndexKind::Hnsw);
    }
}

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
}
