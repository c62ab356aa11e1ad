//! What goes wrong with a database, how the Oracle store calls it, and what a caller is told. Failures are injected
//! into the stand-in client library, so they come through the real driver.

#[expect(dead_code, reason = "only a part of it is needed here")]
#[path = "http/app.rs"]
mod app;
#[expect(dead_code, reason = "only a part of it is needed here")]
#[path = "contract/fixtures.rs"]
mod fixtures;
mod standin;

use std::time::{Duration, Instant};

use app::{TestApp, spawn_in};
use fixtures::*;
use secrecy::SecretString;
use mitsuke::store::oracle::{ForeignFacts, OracleSettings, OracleStore};
use mitsuke::store::{Filter, HybridSearch, Inserted, KeywordSearch, NewModel, Store, StoreError, VectorSearch};
use serde_json::json;
use standin::{Database, Failure, PASSWORD, USER};

/// See the module of the same name in tests/http/main.rs.
mod store {
    use std::path::Path;

    pub fn settings(data_dir: &Path) -> Vec<(&'static str, String)> {
        crate::standin::settings_below(data_dir)
    }
}

fn settings(database: &Database) -> OracleSettings {
    OracleSettings {
        pool_size: 4,
        connect_timeout: Duration::from_secs(30),
        ..OracleSettings::new(USER, SecretString::from(PASSWORD), database.dsn())
    }
}

fn open(settings: OracleSettings) -> OracleStore {
    OracleStore::new(settings, |_, _| ForeignFacts::default())
}

/// How long connecting may take where it is meant to fail.
const SHORT: Duration = Duration::from_millis(200);

/// What takes longer has hung: many times what anything here takes.
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
    let store = open(settings(database));
    store.check().unwrap();
    store
}

/// The variant of an error.
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

/// Errors of a statement: code, and what the store calls it.
const STATEMENT_ERRORS: [(i32, &str); 26] = [
    (1653, "DiskFull"),
    (1652, "DiskFull"),
    (1536, "DiskFull"),
    (1691, "DiskFull"),
    (12954, "DiskFull"),
    (257, "DiskFull"),
    (4031, "Busy"),
    (4030, "Busy"),
    (4036, "Busy"),
    (51962, "Busy"),
    (54, "Busy"),
    (60, "Busy"),
    (8177, "Busy"),
    (30006, "Busy"),
    (1555, "Busy"),
    (1013, "Busy"),
    (2391, "Busy"),
    (4021, "Busy"),
    (1031, "Misconfigured"),
    (1950, "Misconfigured"),
    (942, "Misconfigured"),
    (29861, "Misconfigured"),
    (1033, "Unreachable"),
    (1034, "Unreachable"),
    (600, "Internal"),
    (7445, "Internal"),
];

#[test]
fn an_error_of_a_statement_is_called_what_it_is() {
    let database = Database::new();
    let store = opened(&database);
    for (code, expected) in STATEMENT_ERRORS {
        let failure = Failure::error("execute", code, "a secret table of the driver").when("FROM IMAGES").times(1);
        database.fail(&failure);
        let error = fails(store.count_images(), expected);
        assert!(!error.to_string().contains("secret") || expected == "Internal", "{error}");
        assert_eq!(store.count_images().unwrap(), 0, "the next call works after ORA-{code:05}");
    }
}

/// Errors of connecting: where, code, what the store calls it.
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
    // That no table knows.
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
        let database = Database::new();
        database.fail(&Failure::error(point, code, "the driver's own words"));
        let store = open(settings(&database));
        let started = Instant::now();
        let error = fails(store.check(), expected);
        // Far below the thirty seconds that connecting may take: nobody waits for a pool that cannot be filled.
        assert!(started.elapsed() < Duration::from_secs(8), "ORA-{code:05} took {:?}", started.elapsed());
        assert!(error.operator_reason().is_some_and(|reason| reason.contains(&format!("ORA-{code:05}"))), "{error}");
        assert!(!error.to_string().contains("own words"), "{error}");
    }
}

#[test]
fn a_store_opens_by_itself_when_the_database_comes_up() {
    let database = Database::new();
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
fn a_password_that_was_changed_is_the_operators_business() {
    let database = Database::new();
    opened(&database);
    let store = open(OracleSettings { password: SecretString::from("another"), ..settings(&database) });
    let error = fails(store.check(), "Misconfigured");
    assert!(!error.to_string().contains("another"), "{error}");
}

#[test]
fn a_missing_grant_is_named() {
    for privilege in ["CREATE TABLE", "CREATE VIEW", "CTXAPP"] {
        let database = Database::new();
        database.deny(privilege);
        let store = open(settings(&database));
        let error = fails(store.check(), "Misconfigured");
        assert!(error.to_string().contains("grants.sql"), "{privilege}: {error}");
        database.clear();
        std::thread::sleep(Duration::from_millis(600));
        store.check().unwrap_or_else(|error| panic!("granted at last, {privilege}: {error}"));
    }
}

/// Every finding that somebody has to do something about.
fn problems(store: &OracleStore) -> Vec<String> {
    store.diagnose().iter().filter(|finding| finding.is_problem()).map(ToString::to_string).collect()
}

#[test]
fn the_doctor_finds_the_grant_that_is_missing_and_every_text_index_that_is_broken() {
    let database = Database::new();
    let store = opened(&database);
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
    // Now none of them follows a commit, and Mitsuke needs one that does.
    let found = problems(&store);
    assert!(found.len() == 1 && found[0].contains("IMAGES_SEARCH_TEXT is not brought up to date"), "{found:?}");
}

#[test]
fn a_session_that_dies_while_reading_is_replaced_once() {
    let database = Database::new();
    let store = opened(&database);
    let image_id = picture("a").insert(&store);
    for action in [Failure::kill_before("execute"), Failure::kill_before("fetch")] {
        database.fail(&action.when("FROM IMAGES").times(1));
        assert_eq!(store.image(image_id).unwrap().unwrap().file_name, "a.png");
    }
    database.fail(&Failure::kill_before("execute").when("FROM IMAGES").times(2));
    fails(store.count_images(), "Unreachable");
    assert_eq!(store.count_images().unwrap(), 1);
}

#[test]
fn a_restart_of_the_database_is_not_noticed_by_the_next_call() {
    let database = Database::new();
    let store = opened(&database);
    let image_id = picture("a").insert(&store);
    for _ in 0..3 {
        database.kill_sessions();
        assert!(store.image(image_id).unwrap().is_some());
        assert_eq!(store.count_images().unwrap(), 1);
    }
}

#[test]
fn an_upload_whose_session_dies_before_the_commit_is_done_again_and_stored_once() {
    let database = Database::new();
    let store = opened(&database);
    let model = model(&store, "a");
    for (n, statement) in
        ["INSERT INTO IMAGES", "INSERT INTO IMAGE_DESCRIPTIONS", "INSERT INTO IMAGE_EMBEDDINGS_"].iter().enumerate()
    {
        for (m, action) in [Failure::kill_before("execute"), Failure::kill_after("execute")].into_iter().enumerate() {
            database.fail(&action.when(statement).times(1));
            let picture = picture(&format!("{n}{m}")).caption("猫").embedded(&model, angle(0.0));
            assert!(matches!(picture.try_insert(&store).unwrap(), Inserted::Created(_)));
            assert!(matches!(picture.try_insert(&store).unwrap(), Inserted::Known(_)));
        }
    }
    assert_eq!(store.count_images().unwrap(), 6);
    assert_eq!(found(&store, &["猫"]).len(), 6);
    assert_eq!(store.coverage(model.model_id).unwrap().embedded, 6);
}

#[test]
fn a_commit_whose_answer_is_lost_is_looked_up() {
    let database = Database::new();
    let store = opened(&database);
    database.fail(&Failure::kill_after("commit").times(1));
    let Inserted::Created(image_id) = picture("done").try_insert(&store).unwrap() else {
        panic!("it was created by this call");
    };
    assert_eq!(newest_ids(&store), [image_id]);

    database.fail(&Failure::kill_before("commit").times(1));
    fails(picture("not done").try_insert(&store), "Unreachable");
    assert_eq!(newest_ids(&store), [image_id], "nothing is half there");
    assert!(matches!(picture("not done").try_insert(&store).unwrap(), Inserted::Created(_)));
}

#[test]
fn a_call_that_does_not_come_back_is_given_up() {
    let database = Database::new();
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

/// Nothing that hangs keeps a caller: not the listener, not somebody who migrates.
#[test]
fn no_call_waits_for_a_listener_that_says_nothing() {
    let database = Database::new();
    // A name of tnsnames.ora gets no limit of time from this program; here the failure ignores the one it gets.
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
    let database = Database::new();
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
fn a_commit_that_is_answered_too_late_is_looked_up() {
    let database = Database::new();
    let store = open(OracleSettings { call_timeout: Duration::from_millis(500), ..settings(&database) });
    comes_back(&store);
    database.fail(&Failure::hang_after("commit").times(1));
    let Inserted::Created(image_id) = picture("done").try_insert(&store).unwrap() else {
        panic!("it was created by this call");
    };
    assert_eq!(newest_ids(&store), [image_id]);
    database.clear();
    database.fail(&Failure::hang("commit").times(1));
    fails(picture("not done").try_insert(&store), "Busy");
    database.clear();
    assert_eq!(newest_ids(&store), [image_id], "nothing is half there");
}

#[test]
fn nobody_waits_for_a_migration_that_takes_long() {
    let database = Database::new();
    database.fail(&Failure::hang("execute").when("CREATE INDEX IMAGES_NEWEST"));
    let store = open(OracleSettings { connect_timeout: Duration::from_secs(2), ..settings(&database) });
    let started = Instant::now();
    for _ in 0..3 {
        let error = fails(store.check(), "Busy");
        assert!(error.operator_reason().is_some_and(|reason| reason.contains("schema")), "{error}");
    }
    assert!(started.elapsed() < HUNG, "it took {:?}", started.elapsed());
    database.clear();
    // It has gone on by itself: nothing was begun anew.
    comes_back(&store);
    assert_eq!(store.count_images().unwrap(), 0);
}

#[test]
fn a_pool_without_a_free_connection_says_so_in_time() {
    let database = Database::new();
    let short = Duration::from_millis(200);
    let store = open(OracleSettings { pool_size: 1, connect_timeout: Duration::from_secs(10), ..settings(&database) });
    store.check().unwrap();
    let impatient = open(OracleSettings { pool_size: 1, connect_timeout: short, ..settings(&database) });
    // Under load even a first connection may take longer than that.
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

/// One refused connect says nothing about the connections that are there: who waits gets the next that is free.
#[test]
fn a_connect_that_is_refused_does_not_spoil_the_connections_that_are_there() {
    let database = Database::new();
    let store = open(OracleSettings { pool_size: 2, ..settings(&database) });
    store.check().unwrap();
    database.start_log();
    database.fail(&Failure::error("attach", 12516, "no handler"));
    let slow = Failure { action: "delay", ms: 1500, ..Failure::hang("execute") };
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
    // Nothing is left of the pool: that is an outage, and told at once.
    database.kill_sessions();
    let error = fails(store.count_images(), "Busy");
    assert!(error.to_string().contains("ORA-12516"), "{error}");
}

/// Oracle takes no text of more than 1,000 bytes behind a LOB, which the query vector is (ORA-24816).
#[test]
fn a_long_filter_goes_with_an_exact_search() {
    let database = Database::new();
    let store = opened(&database);
    let model = model(&store, "a");
    let long = "é".repeat(700);
    let image_id = picture("a").named(&long).caption("cat").embedded(&model, angle(0.0)).insert(&store);
    let filter = Filter { file_name_contains: Some(long), ..Filter::default() };
    let (query, terms) = (angle(0.0), ["cat".to_owned()]);
    let search = VectorSearch {
        model_id: model.model_id,
        query: &query,
        filter: &filter,
        exclude: &[],
        offset: 0,
        limit: 5,
        exact: true,
    };
    assert_eq!(store.search_vector(&search).unwrap()[0].image_id, image_id);
    let search = HybridSearch {
        model_id: model.model_id,
        query: &query,
        terms: &terms,
        filter: &filter,
        exclude: &[],
        depth: 10,
        vector_weight: 1.0,
        keyword_weight: 1.0,
        min_similarity: None,
        offset: 0,
        limit: 5,
        exact: true,
    };
    assert_eq!(store.search_hybrid(&search).unwrap()[0].image_id, image_id);
}

#[test]
fn words_that_the_text_index_cannot_read_are_the_callers_business() {
    let database = Database::new();
    let store = opened(&database);
    let message = "ORA-29902: error in executing ODCIIndexStart() routine\nORA-20000: Oracle Text error:\n\
                   DRG-50901: text query parser syntax error on line 1, column 3";
    database.fail(&Failure::error("execute", 29902, message).when("CONTAINS(").times(1));
    let terms = ["cat".to_owned()];
    let search = KeywordSearch { terms: &terms, filter: &Filter::default(), exclude: &[], offset: 0, limit: 5 };
    fails(store.search_keyword(&search), "BadKeywords");
    assert!(store.search_keyword(&search).unwrap().is_empty());
}

#[test]
fn a_migration_that_stops_at_any_statement_is_run_again() {
    let count = {
        let database = Database::new();
        database.start_log();
        opened(&database);
        database.logged("").len()
    };
    assert!(count > 40, "{count} statements");
    // The session dies at one statement after the other; a first call may try again by itself.
    for skip in (0..u32::try_from(count).unwrap()).step_by(3) {
        let database = Database::new();
        let action = if skip % 2 == 0 { Failure::kill_before("execute") } else { Failure::kill_after("execute") };
        database.fail(&action.after(skip).times(1));
        drop(open(settings(&database)).check());
        database.clear();
        let store = opened(&database);
        let model = model(&store, "a");
        let image_id = picture("a").caption("猫").embedded(&model, angle(0.0)).insert(&store);
        assert_eq!(found(&store, &["猫"]), [image_id], "stopped at statement {skip}");
    }
}

/// Making a text index leaves it half built when it breaks off, and a name that is taken.
#[test]
fn a_text_index_that_was_left_half_built_is_made_again() {
    let ways = [Failure::error("execute", 29855, "error occurred in ODCIINDEXCREATE"), Failure::kill_inside("execute")];
    for index in ["IMAGES_SEARCH_TEXT", "IDX_IMAGE_PROMPT", "IDX_IMAGE_DESCRIPTION"] {
        for way in &ways {
            let database = Database::new();
            database.fail(&way.clone().when(&format!("CREATE INDEX {index}")).times(1));
            assert!(open(settings(&database)).check().is_err());
            let connection = database.connect();
            let broken = "SELECT COUNT(*) FROM user_indexes WHERE domidx_opstatus <> 'VALID' OR status <> 'VALID'";
            assert_eq!(connection.query_row_as::<i64>(broken, &[]).unwrap(), 1, "{index} {way:?}");
            let store = opened(&database);
            assert_eq!(connection.query_row_as::<i64>(broken, &[]).unwrap(), 0, "{index} {way:?}");
            let image_id = picture("a").caption("猫").insert(&store);
            assert_eq!(found(&store, &["猫"]), [image_id]);
        }
    }
}

#[test]
fn a_registration_that_stops_at_any_statement_is_run_again() {
    let new = NewModel { model_name: "a".into(), model_version: "1".into(), vector_dimension: DIMENSION };
    let count = {
        let database = Database::new();
        let store = opened(&database);
        database.start_log();
        store.register_model(&new).unwrap();
        database.logged("").len()
    };
    for skip in 0..u32::try_from(count).unwrap() {
        let database = Database::new();
        let store = opened(&database);
        database.fail(&Failure::kill_after("execute").after(skip).times(1));
        drop(store.register_model(&new));
        database.clear();
        let model = store.register_model(&new).unwrap();
        assert!(model.is_current, "stopped at statement {skip}");
        assert_eq!(store.models().unwrap().len(), 1);
        picture("a").embedded(&model, angle(0.0)).insert(&store);
        assert_eq!(nearest(&store, &model, &angle(0.0), 5).len(), 1);
    }
}

/// A server and its database.
fn spawn() -> (TestApp, Database) {
    let data = tempfile::tempdir().unwrap();
    let database = Database::below(data.path());
    (spawn_in(data, &[]), database)
}

/// What a caller meets: code of the failure, HTTP status, code of the problem.
const ANSWERS: [(i32, u16, &str); 5] = [
    (4031, 503, "store_busy"),
    (1031, 503, "store_misconfigured"),
    (1034, 503, "store_unavailable"),
    (1653, 507, "storage_full"),
    (600, 500, "internal"),
];

#[tokio::test]
async fn a_caller_gets_a_problem_and_none_of_the_drivers_words() {
    let (app, database) = spawn();
    for (code, status, problem) in ANSWERS {
        let failure = Failure::error("execute", code, "a secret of the driver").when("FROM IMAGES");
        database.fail(&failure);
        let answer = app.get("/images").await;
        answer.assert_problem(status, problem);
        let body = String::from_utf8_lossy(&answer.bytes).into_owned();
        assert!(!body.contains("ORA-") && !body.contains("secret"), "{body}");
        assert_eq!(answer.header("retry-after").is_empty(), status != 503, "{problem}");
        database.clear();
        assert_eq!(app.get("/images").await.status, 200);
    }
}

#[tokio::test]
async fn a_server_starts_without_its_database_and_recovers_by_itself() {
    let data = tempfile::tempdir().unwrap();
    let database = Database::below(data.path());
    database.fail(&Failure::error("attach", 12541, "no listener"));
    let app = spawn_in(data, &[]);
    assert_eq!(app.get("/healthz").await.status, 200);
    let answer = app.get("/readyz").await;
    answer.assert_problem(503, "store_unavailable");
    assert!(answer.json["reason"].as_str().is_some_and(|reason| reason.contains("ORA-12541")), "{}", answer.json);
    app.search_text(json!({"query": "猫"})).await.assert_problem(503, "store_unavailable");
    database.clear();
    let started = Instant::now();
    while app.get("/readyz").await.status != 200 {
        assert!(started.elapsed() < Duration::from_secs(60), "it does not become ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(app.search_text(json!({"query": "猫"})).await.status, 200);
}

#[tokio::test]
async fn a_server_listens_while_its_database_hangs() {
    for failure in [Failure::hang("attach"), Failure::hang("execute").when("CREATE INDEX IMAGES_NEWEST")] {
        let data = tempfile::tempdir().unwrap();
        let database = Database::below(data.path());
        database.fail(&failure);
        let app = spawn_in(data, &[("MITSUKE_DB_CONNECT_TIMEOUT_MS", "300")]);
        assert_eq!(app.get("/healthz").await.status, 200);
        let answer = app.get("/readyz").await;
        assert_eq!(answer.status, 503);
        assert!(answer.json["reason"].is_string(), "{}", answer.json);
        database.clear();
        let started = Instant::now();
        while app.get("/readyz").await.status != 200 {
            assert!(started.elapsed() < HUNG, "it does not become ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(app.search_text(json!({"query": "猫"})).await.status, 200);
    }
}

#[tokio::test]
async fn a_lost_session_is_not_seen_by_callers() {
    let (app, database) = spawn();
    let image_id = app.add("a.png", png_of(7)).await;
    database.kill_sessions();
    assert_eq!(app.get(&format!("/images/{image_id}")).await.status, 200);
    database.fail(&Failure::kill_after("commit").times(1));
    let answer = app.upload("b.png", png_of(8)).await;
    assert_eq!(answer.status, 201, "{}", answer.json);
    assert_eq!(app.get("/images").await.ids().len(), 2);
}

fn png_of(seed: u8) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_pixel(16, 16, image::Rgb([seed, 255 - seed, 3]));
    picture.write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}
