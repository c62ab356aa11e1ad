//! The answers to a caller when an Oracle database fails. Failures are injected into the stand-in client library, so
//! they come through the real driver.

use std::time::{Duration, Instant};

use oracle_standin::testing::{Database, Failure};
use serde_json::json;
use tempfile::TempDir;

use crate::app::{TestApp, spawn_in};
use crate::stores::{StoreKind, select};

/// The longest wait for a server. It is far above what any step takes, so it only bounds a test that fails.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Starts a server whose database is below its data directory.
fn spawn_on_oracle(data: TempDir, changed: &[(&str, &str)]) -> TestApp {
    select(StoreKind::Oracle);
    spawn_in(data, changed)
}

/// Starts a server, and returns it with its database.
fn spawn() -> (TestApp, Database) {
    let data = tempfile::tempdir().unwrap();
    let database = Database::below(data.path());
    (spawn_on_oracle(data, &[]), database)
}

/// The code of the failure, the HTTP status and the code of the problem that a caller gets.
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
    let app = spawn_on_oracle(data, &[]);
    assert_eq!(app.get("/healthz").await.status, 200);
    let answer = app.get("/readyz").await;
    answer.assert_problem(503, "store_unavailable");
    assert!(answer.json["reason"].as_str().is_some_and(|reason| reason.contains("ORA-12541")), "{}", answer.json);
    app.search_text(json!({"query": "猫"})).await.assert_problem(503, "store_unavailable");
    database.clear();
    let started = Instant::now();
    while app.get("/readyz").await.status != 200 {
        assert!(started.elapsed() < TIMEOUT, "the server does not become ready");
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
        let app = spawn_on_oracle(data, &[("MITSUKE_DB_CONNECT_TIMEOUT_MS", "300")]);
        assert_eq!(app.get("/healthz").await.status, 200);
        let answer = app.get("/readyz").await;
        assert_eq!(answer.status, 503);
        assert!(answer.json["reason"].is_string(), "{}", answer.json);
        database.clear();
        let started = Instant::now();
        while app.get("/readyz").await.status != 200 {
            assert!(started.elapsed() < TIMEOUT, "the server does not become ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(app.search_text(json!({"query": "猫"})).await.status, 200);
    }
}

#[tokio::test]
async fn callers_do_not_notice_a_lost_session() {
    let (app, database) = spawn();
    let image_id = app.add("a.png", png(7)).await;
    database.kill_sessions();
    assert_eq!(app.get(&format!("/images/{image_id}")).await.status, 200);
    database.fail(&Failure::kill_after("commit").times(1));
    let answer = app.upload("b.png", png(8)).await;
    assert_eq!(answer.status, 201, "{}", answer.json);
    assert_eq!(app.get("/images").await.ids().len(), 2);
}

fn png(seed: u8) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_pixel(16, 16, image::Rgb([seed, 255 - seed, 3]));
    picture.write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}
