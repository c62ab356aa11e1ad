//! Backups through the API, and a server whose disk is nearly full.

use std::path::Path;
use std::time::Duration;

use mitsuke::local;
use reqwest::Method;
use reqwest::multipart::Form;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::{Answer, TestApp, file, spawn_in, spawn_with};
use crate::pictures::png;

const KEY: &str = "0123456789abcdef";

/// Waits for the end of the running backup and returns the answer about all backups.
async fn backed_up(app: &TestApp, key: &str) -> Value {
    for _ in 0..600 {
        let request = app.request(Method::GET, "/backups").bearer_auth(key);
        let backups = Answer::read(request.send().await.unwrap()).await;
        assert_eq!(backups.status, 200, "{}", backups.json);
        if backups.json["running"].is_null() {
            return backups.json;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the backup does not end");
}

async fn start(app: &TestApp, key: &str, body: Value) -> Answer {
    Answer::read(app.request(Method::POST, "/backups").bearer_auth(key).json(&body).send().await.unwrap()).await
}

/// Returns the folder of the backup and an app that has it in its settings.
fn with_backup(more: &[(&str, &str)]) -> (TempDir, TestApp) {
    let backup = tempfile::tempdir().unwrap();
    let settings = [&[("MITSUKE_BACKUP_DIR", backup.path().to_str().unwrap())], more].concat();
    let app = spawn_with(&settings);
    (backup, app)
}

#[tokio::test]
async fn a_backup_is_made_while_the_server_serves() {
    let (backup, app) = with_backup(&[]);
    app.add("a.png", png(1)).await;
    app.add("b.png", png(2)).await;
    let begun = app.send_json(Method::POST, "/backups", &json!({})).await;
    assert_eq!((begun.status, &begun.json["directory"]), (202, &json!(backup.path())), "{}", begun.json);
    let backups = backed_up(&app, "").await;
    let copies = backups["copies"].as_array().unwrap();
    assert_eq!((copies.len(), &copies[0]["images"]), (1, &json!(2)), "{backups}");
    assert_eq!(backups["last"]["copy"]["name"], copies[0]["name"]);
    assert!(backups["last"]["reason"].is_null() && backups["last"]["written_bytes"].as_u64().unwrap() > 0);
    let name = copies[0]["name"].as_str().unwrap();
    assert!(backup.path().join("copies").join(name).join("manifest.json").is_file());
    let metrics = String::from_utf8(app.get("/metrics").await.bytes).unwrap();
    let newest = metrics.lines().find(|line| line.starts_with("mitsuke_backup_last_success_seconds ")).unwrap();
    assert!(!newest.ends_with(" 0"), "{newest}");
    assert!(metrics.contains("\nmitsuke_backup_failures_total 0\n"), "{metrics}");
}

#[tokio::test]
async fn without_a_folder_there_is_nowhere_to_back_up_to() {
    let app = spawn_with(&[]);
    app.send_json(Method::POST, "/backups", &json!({})).await.assert_problem(409, "backup_nowhere");
    let backups = app.get("/backups").await;
    assert_eq!((backups.status, &backups.json["copies"]), (200, &json!([])));
}

#[tokio::test]
async fn a_folder_that_is_no_backup_is_left_alone() {
    let (backup, app) = with_backup(&[]);
    std::fs::write(backup.path().join("theirs"), b"x").unwrap();
    // An empty folder becomes a backup; one with a file in place of its folders cannot.
    std::fs::write(backup.path().join("copies"), b"x").unwrap();
    app.send_json(Method::POST, "/backups", &json!({})).await.assert_problem(409, "backup_nowhere");
    assert_eq!(std::fs::read(backup.path().join("theirs")).unwrap(), b"x");
}

#[tokio::test]
async fn only_a_command_on_the_same_machine_names_a_folder() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().to_owned();
    let app = spawn_in(data, &[("MITSUKE_API_KEYS", KEY)]);
    let elsewhere = tempfile::tempdir().unwrap();
    let body = json!({"directory": elsewhere.path()});
    start(&app, KEY, body.clone()).await.assert_problem(400, "invalid_request");
    start(&app, "", body.clone()).await.assert_problem(401, "unauthorized");
    let server = local::find(&path).unwrap();
    assert_eq!(server.url, app.url);
    let token = server.token.expose_secret();
    let forwarded = app.request(Method::POST, "/backups").bearer_auth(token).header("x-forwarded-for", "10.0.0.1");
    Answer::read(forwarded.json(&body).send().await.unwrap()).await.assert_problem(401, "unauthorized");
    start(&app, token, json!({"directory": "relative"})).await.assert_problem(400, "invalid_request");
    assert!(!elsewhere.path().join("copies").exists());
    assert_eq!(start(&app, token, body).await.status, 202);
    let backups = backed_up(&app, token).await;
    assert_eq!(backups["last"]["directory"], json!(elsewhere.path()), "{backups}");
    assert!(backups["last"]["copy"].is_object(), "{backups}");
    // The token goes with the server.
    let data = app.stop();
    assert!(local::find(data.path()).is_none());
}

#[tokio::test]
async fn unusable_requests_are_refused() {
    let (_backup, app) = with_backup(&[]);
    for body in [json!({"keep": 0}), json!({"keep": -1}), json!({"verify": "yes"}), json!({"folder": "x"})] {
        let answer = app.send_json(Method::POST, "/backups", &body).await;
        assert_eq!(answer.status, 400, "{body} {}", answer.json);
    }
    assert_eq!(app.get("/backups").await.json["last"], Value::Null);
}

#[tokio::test]
async fn a_low_disk_refuses_uploads_before_they_are_read_and_serves_the_rest() {
    let data = tempfile::tempdir().unwrap();
    let app = spawn_in(data, &[]);
    let image_id = app.add("a.png", png(1)).await;
    let ready = app.get("/readyz").await;
    assert_eq!((ready.status, &ready.json["storage"]), (200, &json!("ok")));
    assert_eq!(app.get("/readyz?for=uploads").await.status, 200);
    let data = app.stop();

    let most = (1_u64 << 50).to_string();
    let app = spawn_in(data, &[("MITSUKE_MIN_FREE_BYTES", &most)]);
    let refused = app.post_form("/images", Form::new().part("file", file("b.png", png(2)))).await;
    refused.assert_problem(507, "storage_full");
    assert_eq!(refused.json["wanted_bytes"], json!(1_u64 << 50));
    assert!(refused.json["free_bytes"].as_u64().is_some_and(|free| free > 0), "{}", refused.json);
    let ready = app.get("/readyz").await;
    assert_eq!((ready.status, &ready.json["storage"]), (200, &json!("low")));
    app.get("/readyz?for=uploads").await.assert_problem(507, "storage_full");
    let metrics = String::from_utf8(app.get("/metrics").await.bytes).unwrap();
    assert!(
        metrics.contains("\nmitsuke_storage_low 1\n") && metrics.contains("mitsuke_storage_free_bytes "),
        "{metrics}"
    );
    assert_eq!(app.search_text(json!({"query": "海"})).await.status, 200);
    let path = format!("/images/{image_id}");
    let patched = app.send_json(Method::PATCH, &path, &json!({"caption": "猫"})).await;
    assert_eq!(patched.status, 200, "{}", patched.json);
    let deleted = app.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
}

/// Probes of load balancers may add parameters of their own.
#[tokio::test]
async fn a_probe_may_have_other_parameters() {
    let app = spawn_with(&[]);
    assert_eq!(app.get("/readyz?verbose").await.status, 200);
    app.get("/readyz?for=dinner").await.assert_problem(400, "invalid_request");
}

#[tokio::test]
async fn regular_backups_are_made_when_they_are_due() {
    let (backup, app) = with_backup(&[("MITSUKE_BACKUP_EVERY_H", "1"), ("MITSUKE_BACKUP_KEEP", "2")]);
    let is_made = |folder: &Path| std::fs::read_dir(folder.join("copies")).map_or(0, |copies| copies.count()) == 1;
    for _ in 0..600 {
        let backups = backed_up(&app, "").await;
        if is_made(backup.path()) && backups["last"]["copy"].is_object() {
            // A restart makes no copy that is not due.
            let settings = [("MITSUKE_BACKUP_DIR", backup.path().to_str().unwrap()), ("MITSUKE_BACKUP_EVERY_H", "1")];
            let again = spawn_in(app.stop(), &settings);
            again.add("a.png", png(1)).await;
            let backups = backed_up(&again, "").await;
            assert_eq!((&backups["last"], backups["copies"].as_array().unwrap().len()), (&Value::Null, 1));
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no backup is made");
}
