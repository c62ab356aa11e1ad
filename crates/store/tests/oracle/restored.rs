//! The findings of `mitsuke doctor` about a collection that an import has brought back badly.

use mitsuke_store::oracle::OracleStore;
use mitsuke_store::{ImageId, Model, Store as _};
use mitsuke_store_testing::fixtures::*;
use oracle::Connection;
use oracle_standin::testing::Database;

use crate::store;

/// A restored collection.
struct Restored {
    database: Database,
    store: OracleStore,
    connection: Connection,
    model: Model,
    ids: Vec<ImageId>,
}

impl Restored {
    fn new() -> Self {
        let database = Database::temporary();
        let store = store(&database);
        store.check().unwrap();
        let model = model(&store, "a");
        let insert = |n: u8| {
            let picture = picture(&n.to_string()).caption("猫");
            picture.embedded(&model, angle(f32::from(n))).insert(&store)
        };
        let ids = (0..40).map(insert).collect();
        let restored = Self { connection: database.connect(), database, store, model, ids };
        assert_eq!(restored.problems(), Vec::<String>::new(), "nothing is wrong before the damage");
        restored
    }

    fn run(&self, sql: &str) {
        self.connection.execute(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
        self.connection.commit().unwrap();
    }

    fn problems(&self) -> Vec<String> {
        self.store.diagnose().iter().filter(|finding| finding.is_problem()).map(ToString::to_string).collect()
    }

    /// Returns the findings that hold a text.
    fn findings(&self, text: &str) -> Vec<String> {
        self.store.diagnose().iter().map(ToString::to_string).filter(|finding| finding.contains(text)).collect()
    }

    /// Returns the only problem.
    #[track_caller]
    fn problem(&self) -> String {
        let problems = self.problems();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        problems.into_iter().next().unwrap_or_default()
    }
}

/// Returns the statement that a finding advises.
fn advised(finding: &str) -> &str {
    finding.split("Run: ").nth(1).and_then(|rest| rest.split(';').next()).expect("a statement")
}

#[test]
fn a_whole_collection_is_found_whole() {
    let restored = Restored::new();
    for good in [
        "pictures: the 17 in the sample are the bytes that were stored",
        "the 35 in the sample are unit vectors of existing images",
        "the next numbers are beyond all that are in use",
        "are enabled and hold",
        "no text waits to be indexed",
        "schema: up to date",
    ] {
        assert_eq!(restored.findings(good).len(), 1, "{good}: {:#?}", restored.findings("ok "));
    }
}

#[test]
fn an_empty_collection_is_no_problem() {
    let database = Database::temporary();
    let store = store(&database);
    store.check().unwrap();
    assert!(!store.diagnose().iter().any(mitsuke_store::Finding::is_problem));
}

#[test]
fn a_picture_that_is_not_what_was_stored_is_named() {
    let restored = Restored::new();
    let last = restored.ids[39];
    restored
        .run(&format!("UPDATE images SET image_data = HEXTORAW('00') WHERE image_id IN ({}, {last})", restored.ids[0]));
    let problem = restored.problem();
    assert!(
        problem.contains(&format!(
            "2 of 17 in the sample are not the bytes that were stored: images {}, {last}",
            restored.ids[0]
        )),
        "{problem}"
    );
    restored.run("UPDATE images SET sha256 = NULL, sha256_key = NULL");
    assert_eq!(restored.findings("17 of 17 in the sample have no hash yet").len(), 1);
}

#[test]
fn rows_without_their_image_are_found_where_a_foreign_key_is_off() {
    let restored = Restored::new();
    let (table, first) = (format!("image_embeddings_{}", restored.model.model_id), restored.ids[0]);
    restored.run(&format!("ALTER TABLE {table} DISABLE CONSTRAINT {table}_fk"));
    let finding = restored.problem();
    let enable = advised(&finding).to_owned();
    restored.run(&format!("DELETE FROM images WHERE image_id = {first}"));
    let problems = restored.problems();
    assert!(problems.len() == 2 && problems[1].contains(&format!("image {first} does not exist")), "{problems:#?}");
    let error = restored.connection.execute(&enable, &[]).unwrap_err();
    assert!(finding.contains("ORA-02298") && error.to_string().contains("ORA-02298"), "{error}");
    restored.run(&format!("ALTER TABLE {table} ENABLE NOVALIDATE CONSTRAINT {table}_fk"));
    assert_eq!(restored.problems().len(), 2, "the rows have not been checked");
    restored
        .run(&format!("DELETE FROM {table} e WHERE NOT EXISTS (SELECT 1 FROM images i WHERE i.image_id = e.image_id)"));
    restored.run(&enable);
    assert_eq!(restored.problems(), Vec::<String>::new());
}

#[test]
fn a_foreign_key_that_was_not_restored_is_found() {
    let restored = Restored::new();
    restored.run("ALTER TABLE image_descriptions DROP CONSTRAINT fk_image_description");
    let problem = restored.problem();
    assert!(problem.contains("IMAGE_DESCRIPTIONS has no foreign key to IMAGES"), "{problem}");
    restored.run(advised(&problem));
    assert_eq!(restored.problems(), Vec::<String>::new());
}

#[test]
fn numbers_that_would_be_given_out_again_are_found() {
    let restored = Restored::new();
    restored.run("ALTER TABLE images MODIFY (image_id GENERATED ALWAYS AS IDENTITY (START WITH 1))");
    let problem = restored.problem();
    assert!(problem.contains("IMAGES.IMAGE_ID goes on at 1, and 40 is in use"), "{problem}");
    restored.run(advised(&problem));
    assert_eq!(restored.problems(), Vec::<String>::new());
    assert_eq!(picture("new").insert(&restored.store), 41);
}

#[test]
fn embeddings_that_do_not_fit_are_found() {
    let restored = Restored::new();
    let (table, first) = (format!("image_embeddings_{}", restored.model.model_id), restored.ids[0]);
    restored.run(&format!("UPDATE {table} SET embedding = TO_VECTOR('[3,4,0,0,0,0,0,0]') WHERE image_id = {first}"));
    let problem = restored.problem();
    assert!(problem.contains(&format!("image {first} has a vector of length 5.000")), "{problem}");
    restored.run("UPDATE embedding_models SET vector_dimension = 9");
    assert!(restored.problem().contains("has 8 components, not 9"), "{}", restored.problem());
}

#[test]
fn texts_that_wait_to_be_indexed_are_counted() {
    let restored = Restored::new();
    restored.database.pend("IMAGES_SEARCH_TEXT", 3);
    assert_eq!(restored.findings("IMAGES_SEARCH_TEXT: 3").len(), 1);
}

#[test]
fn a_schema_of_an_earlier_version_is_named() {
    let restored = Restored::new();
    restored.run("DELETE FROM mitsuke_schema WHERE version = 9");
    assert!(restored.problem().contains("lacks 0009_text_indexes"));
}
