//! The error of the store for each of Oracle's errors, and the words of that error for an operator.

use std::time::{Duration, Instant};

use mitsuke_store::oracle::{OracleSettings, OracleStore};
use mitsuke_store::{
    Filter, HybridSearch, ImageStore as _, KeywordSearch, Page, SearchStore as _, Store as _, VectorSearch, Weights,
};
use mitsuke_store_testing::fixtures::*;
use oracle_standin::testing::{Database, Failure};
use secrecy::SecretString;

use super::{fails, opened};
use crate::{open, settings};

/// Errors of a statement: the code, and the store's error.
const STATEMENT_ERRORS: [(i32, &str); 29] = [
    (1653, "DiskFull"),
    (1652, "DiskFull"),
    (1536, "DiskFull"),
    (1691, "DiskFull"),
    (12954, "DiskFull"),
    (257, "DiskFull"),
    (51908, "DiskFull"),
    (4031, "Busy"),
    (4030, "Busy"),
    (4036, "Busy"),
    (51962, "Busy"),
    (54, "Busy"),
    (60, "Busy"),
    (8177, "Busy"),
    (30006, "Busy"),
    (1555, "Busy"),
    (51815, "Busy"),
    (1013, "Busy"),
    (2391, "Busy"),
    (4021, "Busy"),
    (1031, "Misconfigured"),
    (1950, "Misconfigured"),
    (942, "Misconfigured"),
    (29861, "Misconfigured"),
    (51928, "Misconfigured"),
    (1033, "Unreachable"),
    (1034, "Unreachable"),
    (600, "Internal"),
    (7445, "Internal"),
];

#[test]
fn an_error_of_a_statement_is_called_what_it_is() {
    let database = Database::temporary();
    let store = opened(&database);
    for (code, expected) in STATEMENT_ERRORS {
        let failure = Failure::error("execute", code, "a secret table of the driver").when("FROM IMAGES").times(1);
        database.fail(&failure);
        let error = fails(store.count_images(), expected);
        assert!(!error.to_string().contains("secret") || expected == "Internal", "{error}");
        assert_eq!(store.count_images().unwrap(), 0, "the next call works after ORA-{code:05}");
    }
}

/// Errors of connecting: the point, the code, and the store's error.
const CONNECT_ERRORS: [(&str, i32, &str); 27] = [
    ("attach", 12541, "Unreachable"),
    ("attach", 12170, "Unreachable"),
    ("attach", 12514, "Unreachable"),
    ("attach", 12528, "Unreachable"),
    ("attach", 12543, "Unreachable"),
    ("attach", 12516, "Busy"),
    ("attach", 12519, "Busy"),
    ("attach", 12154, "Misconfigured"),
    ("attach", 12162, "Misconfigured"),
    ("attach", 12261, "Misconfigured"),
    ("attach", 12529, "Misconfigured"),
    ("attach", 12650, "Misconfigured"),
    ("attach", 28759, "Misconfigured"),
    ("attach", 29024, "Misconfigured"),
    ("login", 28040, "Misconfigured"),
    ("attach", 12564, "Unreachable"),
    // The table of codes does not have these codes.
    ("attach", 12699, "Unreachable"),
    ("login", 604, "Unreachable"),
    ("login", 18, "Busy"),
    ("login", 20, "Busy"),
    ("login", 2391, "Busy"),
    ("login", 1033, "Unreachable"),
    ("login", 1034, "Unreachable"),
    ("login", 1017, "Misconfigured"),
    ("login", 28000, "Misconfigured"),
    ("login", 28001, "Misconfigured"),
    ("login", 1045, "Misconfigured"),
];

#[test]
fn an_error_of_connecting_is_called_what_it_is_and_answered_at_once() {
    for (point, code, expected) in CONNECT_ERRORS {
        let database = Database::temporary();
        database.fail(&Failure::error(point, code, "the driver's own words"));
        let store = open(settings(&database));
        let started = Instant::now();
        let error = fails(store.check(), expected);
        // The bound lies far below the minute that connecting may take: no caller waits for a pool that cannot be
        // filled.
        assert!(started.elapsed() < Duration::from_secs(8), "ORA-{code:05} took {:?}", started.elapsed());
        assert!(error.operator_reason().is_some_and(|reason| reason.contains(&format!("ORA-{code:05}"))), "{error}");
        assert!(!error.to_string().contains("own words"), "{error}");
    }
}

#[test]
fn a_password_that_was_changed_is_the_operators_business() {
    let database = Database::temporary();
    opened(&database);
    let store = open(OracleSettings { password: SecretString::from("another"), ..settings(&database) });
    let error = fails(store.check(), "Misconfigured");
    assert!(!error.to_string().contains("another"), "{error}");
}

#[test]
fn a_missing_grant_is_named() {
    for privilege in ["CREATE TABLE", "CREATE VIEW", "CTXAPP"] {
        let database = Database::temporary();
        database.deny(privilege);
        let store = open(settings(&database));
        let error = fails(store.check(), "Misconfigured");
        assert!(error.to_string().contains("grants.sql"), "{privilege}: {error}");
        database.clear();
        std::thread::sleep(Duration::from_millis(600));
        store.check().unwrap_or_else(|error| panic!("granted at last, {privilege}: {error}"));
    }
}

/// Returns every finding that needs an action.
fn problems(store: &OracleStore) -> Vec<String> {
    store.diagnose().iter().filter(|finding| finding.is_problem()).map(ToString::to_string).collect()
}

#[test]
fn the_doctor_finds_the_grant_that_is_missing_and_every_text_index_that_is_broken() {
    let database = Database::temporary();
    let store = open(OracleSettings { original_text_indexes: true, ..settings(&database) });
    store.check().unwrap();
    assert_eq!(problems(&store), Vec::<String>::new());
    database.deny("CREATE SEQUENCE");
    assert!(problems(&store)[0].contains("CREATE SEQUENCE"), "{:?}", problems(&store));
    database.clear();

    let connection = database.connect();
    let tables = [
        ("idx_image_prompt", "images (generation_prompt)"),
        ("idx_image_description", "image_descriptions (description)"),
    ];
    for (index, column) in tables.into_iter().chain([("images_search_text", "images (search_text)")]) {
        connection.execute(&format!("DROP INDEX {index}"), &[]).unwrap();
        let failure = Failure::error("execute", 29855, "error in ODCIINDEXCREATE").times(1);
        database.fail(&failure.when(&format!("CREATE INDEX {index}")));
        let create = format!("CREATE INDEX {index} ON {column} INDEXTYPE IS CTXSYS.CONTEXT");
        assert!(connection.execute(&create, &[]).is_err());
        let found = problems(&store);
        assert!(found.len() == 1 && found[0].contains(&index.to_uppercase()), "{found:?}");
        connection.execute(&format!("DROP INDEX {index} FORCE"), &[]).unwrap();
        connection.execute(&create, &[]).unwrap();
    }
    // No text index is synchronised on commit now, and Mitsuke's own index has to be.
    let found = problems(&store);
    assert!(
        found.len() == 1 && found[0].contains("IMAGES_SEARCH_TEXT is brought up to date in the background"),
        "{found:?}"
    );
    open(settings(&database)).migrate().unwrap();
    assert_eq!(problems(&store), Vec::<String>::new(), "the advice was taken");
}

/// A filter may be longer than the 1,000 bytes that Oracle accepts after a LOB (ORA-24816).
#[test]
fn a_long_filter_goes_with_an_exact_search() {
    let database = Database::temporary();
    let store = opened(&database);
    let model = model(&store, "a");
    let long = "é".repeat(700);
    let image_id = picture("a").named(&long).caption("cat").embedded(&model, angle(0.0)).insert(&store);
    let filter = Filter { file_name_contains: Some(long), ..Filter::default() };
    let (query, terms) = (angle(0.0), ["cat".to_owned()]);
    let page = Page { filter, exact: true, ..Page::first(5) };
    let search = VectorSearch { model_id: model.model_id, query: &query, exclude: &[], page: &page };
    assert_eq!(store.search_vector(&search).unwrap()[0].image_id, image_id);
    let search = HybridSearch {
        model_id: model.model_id,
        query: &query,
        terms: &terms,
        least: usize::MAX,
        exclude: &[],
        depth: 10,
        weights: Weights::default(),
        min_similarity: None,
        page: &page,
    };
    assert_eq!(store.search_hybrid(&search).unwrap()[0].image_id, image_id);
}

#[test]
fn words_that_the_text_index_cannot_read_are_the_callers_business() {
    let database = Database::temporary();
    let store = opened(&database);
    let message = "ORA-29902: error in executing ODCIIndexStart() routine\nORA-20000: Oracle Text error:\n\
                   DRG-50901: text query parser syntax error on line 1, column 3";
    database.fail(&Failure::error("execute", 29902, message).when("CONTAINS(").times(1));
    let terms = ["cat".to_owned()];
    let search = KeywordSearch { terms: &terms, least: usize::MAX, exclude: &[], page: &Page::first(5) };
    fails(store.search_keyword(&search), "BadKeywords");
    assert!(store.search_keyword(&search).unwrap().hits.is_empty());
}
