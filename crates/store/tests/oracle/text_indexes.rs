//! The text indexes follow the settings: which there are, how they are brought up to date, and the job that optimizes
//! them.

use mitsuke_store::Store as _;
use mitsuke_store::oracle::{OracleSettings, OracleStore, TextMaintenance};
use mitsuke_store_testing::fixtures::*;
use oracle::Connection;
use oracle_standin::testing::Database;

use crate::{open, settings};

const JOB: &str = "MITSUKE_OPTIMIZE_TEXT";

fn opened_with(database: &Database, maintenance: TextMaintenance, original: bool) -> OracleStore {
    let settings = settings(database);
    let store = open(OracleSettings { text_maintenance: maintenance, original_text_indexes: original, ..settings });
    store.check().unwrap();
    store
}

fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    connection.query_as::<String>(sql, &[]).unwrap().map(Result::unwrap).collect()
}

fn indexes(connection: &Connection) -> Vec<String> {
    texts(connection, "SELECT idx_name || ' ' || idx_maintenance_type FROM ctx_user_indexes ORDER BY idx_name")
}

/// Returns the findings of the doctor that hold a text.
fn findings(store: &OracleStore, text: &str) -> Vec<String> {
    store.diagnose().iter().map(ToString::to_string).filter(|finding| finding.contains(text)).collect()
}

#[test]
fn a_new_database_has_the_index_that_is_searched_and_a_job() {
    let database = Database::temporary();
    let store = opened_with(&database, TextMaintenance::Commit, false);
    let connection = database.connect();
    assert_eq!(indexes(&connection), ["IMAGES_SEARCH_TEXT MANUAL"]);
    assert_eq!(texts(&connection, "SELECT job_name FROM user_scheduler_jobs WHERE enabled = 'TRUE'"), [JOB]);
    assert!(findings(&store, "IDX_IMAGE").is_empty());
    assert!(findings(&store, "text job")[0].contains("has not run yet"));
}

#[test]
fn indexes_for_other_programs_are_made_when_asked_for_and_stay() {
    let database = Database::temporary();
    let all = ["IDX_IMAGE_DESCRIPTION MANUAL", "IDX_IMAGE_PROMPT MANUAL", "IMAGES_SEARCH_TEXT MANUAL"];
    let connection = database.connect();
    for original in [true, false] {
        let store = opened_with(&database, TextMaintenance::Commit, original);
        assert_eq!(indexes(&connection), all, "{original}");
        assert_eq!(findings(&store, "IDX_IMAGE").len(), 2, "{original}");
    }
    let store = opened_with(&database, TextMaintenance::Commit, false);
    let image_id = picture("a").caption("窓辺の猫").prompt("a cat").insert(&store);
    for column in [
        "images WHERE CONTAINS(generation_prompt, 'cat') > 0",
        "image_descriptions WHERE CONTAINS(description, '猫') > 0",
    ] {
        let found = connection.query_row_as::<i64>(&format!("SELECT image_id FROM {column}"), &[]).unwrap();
        assert_eq!(found, image_id, "{column}");
    }
    connection.execute("DROP INDEX idx_image_prompt", &[]).unwrap();
    let asked = open(OracleSettings { original_text_indexes: true, ..settings(&database) });
    assert!(findings(&asked, "IDX_IMAGE_PROMPT is missing")[0].contains("CREATE INDEX IDX_IMAGE_PROMPT"));
}

/// Earlier versions made all three indexes and no job.
#[test]
fn a_database_of_an_earlier_version_gets_the_job_and_keeps_its_indexes() {
    let database = Database::temporary();
    drop(opened_with(&database, TextMaintenance::Commit, true));
    let connection = database.connect();
    connection.execute(&format!("BEGIN DBMS_SCHEDULER.DROP_JOB('{JOB}'); END;"), &[]).unwrap();
    let before = indexes(&connection);
    let store = open(settings(&database));
    assert!(findings(&store, "text job")[0].contains("is missing"));
    store.check().unwrap();
    assert_eq!(indexes(&connection), before);
    assert_eq!(texts(&connection, "SELECT job_name FROM user_scheduler_jobs"), [JOB]);
}

#[test]
fn automatic_maintenance_is_switched_on_and_off() {
    let database = Database::temporary();
    let connection = database.connect();
    let jobs = "SELECT job_name FROM user_scheduler_jobs";
    for round in 0..2 {
        let store = opened_with(&database, TextMaintenance::Auto, true);
        assert_eq!(indexes(&connection).last().unwrap(), "IMAGES_SEARCH_TEXT AUTO", "{round}");
        assert_eq!(texts(&connection, jobs), [JOB], "{round}: automatic maintenance does not optimize");
        assert!(!store.diagnose().iter().any(mitsuke_store::Finding::is_problem));
        let by_commit = open(settings(&database));
        assert!(findings(&by_commit, "not as MITSUKE_DB_TEXT_MAINTENANCE says")[0].contains("found late"));
        by_commit.check().unwrap();
        assert_eq!(indexes(&connection).last().unwrap(), "IMAGES_SEARCH_TEXT MANUAL", "{round}");
        let image_id = picture(&round.to_string()).caption(&format!("word{round}")).insert(&by_commit);
        assert_eq!(found(&by_commit, &[&format!("word{round}")]), [image_id]);
    }
}

#[test]
fn the_job_optimizes_the_indexes_that_exist() {
    let database = Database::temporary();
    let connection = database.connect();
    let run = format!("BEGIN DBMS_SCHEDULER.RUN_JOB('{JOB}', FALSE); END;");
    let optimized = "SELECT index_name || ' ' || TO_CHAR(times) FROM standin_optimized ORDER BY index_name";
    drop(opened_with(&database, TextMaintenance::Commit, false));
    connection.execute(&run, &[]).unwrap();
    assert_eq!(texts(&connection, optimized), ["IMAGES_SEARCH_TEXT 1"]);
    let store = opened_with(&database, TextMaintenance::Commit, true);
    connection.execute(&run, &[]).unwrap();
    assert_eq!(
        texts(&connection, optimized),
        ["IDX_IMAGE_DESCRIPTION 1", "IDX_IMAGE_PROMPT 1", "IMAGES_SEARCH_TEXT 2"]
    );
    assert!(findings(&store, "text job")[0].contains("succeeded"));
}

#[test]
fn the_doctor_tells_of_a_job_that_is_missing_disabled_or_failing() {
    let database = Database::temporary();
    database.deny("CREATE JOB");
    let store = opened_with(&database, TextMaintenance::Commit, false);
    let finding = &findings(&store, "text job")[0];
    assert!(finding.contains("is missing") && finding.contains("CREATE JOB"), "{finding}");
    let image_id = picture("a").caption("猫").insert(&store);
    assert_eq!(found(&store, &["猫"]), [image_id], "the store works without the job");
    database.clear();
    store.migrate().unwrap();
    let store = opened_with(&database, TextMaintenance::Commit, false);
    let connection = database.connect();
    connection.execute(&format!("BEGIN DBMS_SCHEDULER.DISABLE('{JOB}'); END;"), &[]).unwrap();
    let finding = &findings(&store, "text job")[0];
    let enable = finding.split("Run: ").nth(1).expect("a statement");
    connection.execute(enable, &[]).unwrap();
    database.deny("CTXAPP");
    connection.execute(&format!("BEGIN DBMS_SCHEDULER.RUN_JOB('{JOB}', FALSE); END;"), &[]).unwrap();
    database.clear();
    let finding = &findings(&store, "text job")[0];
    assert!(finding.contains("is FAILED") && finding.contains("PLS-00201"), "{finding}");
}
