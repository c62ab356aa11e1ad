//! `mitsuke backfill --server`.
#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::app::{TestApp, spawn, spawn_with};
use crate::pictures;
use crate::upload::proxy::{self, Action, Proxy};
use crate::upload::runner::{Output, Workspace, finish};

/// Starts an app with the models `tiny` (the current one) and `wide`, and three images. The models live as long as the
/// folder.
async fn app_with_two_models() -> (TestApp, TempDir) {
    let models = tempfile::tempdir().unwrap();
    for (folder, name) in [("tests/models/tiny", "tiny"), ("tests/other_models/wide", "wide")] {
        symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), models.path().join(name)).unwrap();
    }
    let app = spawn_with(&[("MITSUKE_MODELS_DIR", models.path().to_str().unwrap())]);
    for number in 0..3 {
        app.add(&format!("{number}.png"), pictures::png(number)).await;
    }
    (app, models)
}

/// The answer to the start of a backfill that takes long, as it would be with many images.
const RUNNING: &str = r#"{"model_id":2,"model_name":"wide","model_version":"1.0.0","embedded":0,"failed":0,"total":3,
    "backfill":{"state":"running","reason":null,"per_second":null}}"#;

/// Starts the backfill of `wide`.
async fn start(app: &TestApp) {
    let answer = app.send_json(reqwest::Method::POST, "/models/2/backfill", &serde_json::json!({})).await;
    assert_eq!(answer.status, 202, "{}", answer.json);
}

fn command(workspace: &Workspace, server: &str, arguments: &[&str]) -> Command {
    workspace.subcommand("backfill", &[&["--server", server], arguments].concat())
}

fn backfill(workspace: &Workspace, server: &str, arguments: &[&str], code: i32) -> Output {
    let output = finish(command(workspace, server, arguments).spawn().unwrap());
    assert_eq!(output.code, Some(code), "{output:#?}");
    output
}

#[tokio::test]
async fn the_server_embeds_the_images_that_the_model_lacks() {
    let ((app, _models), workspace) = (app_with_two_models().await, Workspace::new());
    assert_eq!(app.get("/models/2").await.json["embedded"], 0);
    let output = backfill(&workspace, &app.url, &["--model", "wide"], 0);
    output.assert_prints("wide 1.0.0: 3 of 3 images embedded, 0 failed");
    assert_eq!(app.get("/models/2").await.json["embedded"], 3);
}

#[tokio::test]
async fn answers_that_fail_while_the_server_works_do_not_end_the_command() {
    let ((app, _models), workspace) = (app_with_two_models().await, Workspace::new());
    start(&app).await;
    let proxy = Proxy::before(&app.url, |request, before| match (request.line.as_str(), before) {
        ("POST /models/2/backfill", _) => proxy::json("202 Accepted", RUNNING),
        ("GET /models/2", 0) => Action::Drop,
        ("GET /models/2", 1) => proxy::json("503 Service Unavailable", r#"{"code":"store_unavailable","detail":"."}"#),
        ("GET /models/2", 2) => proxy::json("500 Internal Server Error", r#"{"code":"internal","detail":"."}"#),
        _ => Action::Forward,
    });
    backfill(&workspace, &proxy.url, &["--model", "2"], 0).assert_prints("3 of 3 images embedded");
    assert!(proxy.count("GET /models/2") >= 4);
}

#[tokio::test]
async fn ctrl_c_stops_the_backfill_on_the_server() {
    let ((app, _models), workspace) = (app_with_two_models().await, Workspace::new());
    start(&app).await;
    let proxy = Proxy::before(&app.url, |request, _| match request.line.as_str() {
        "POST /models/2/backfill" => proxy::json("202 Accepted", RUNNING),
        "GET /models/2" => Action::Hang,
        _ => Action::Forward,
    });
    let child = command(&workspace, &proxy.url, &["--model", "wide"]).spawn().unwrap();
    while proxy.count("GET /models/2") == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = finish(child);
    assert_eq!(output.code, Some(130), "{output:#?}");
    output.assert_prints("interrupted; the same command continues from here");
    assert_eq!(proxy.count("DELETE /models/2/backfill"), 1);
}

#[test]
fn an_unknown_model_and_a_missing_key_are_refused() {
    let (app, workspace) = (spawn(), Workspace::new());
    let output = backfill(&workspace, &app.url, &["--model", "none"], 1);
    output.assert_prints("--model none: there is no such model. There are: tiny:1.0.0");
    let locked = spawn_with(&[("MITSUKE_API_KEYS", "0123456789abcdef")]);
    let output = backfill(&workspace, &locked.url, &["--model", "tiny"], 1);
    output.assert_prints("requires an API key, or a different one");
    backfill(&workspace, &locked.url, &["--model", "tiny", "--api-key", "0123456789abcdef"], 0);
}
