//! Several models side by side: list, backfill, switch, comparison, retirement.

mod backfill;
mod compare;
mod embeddings;
mod registry;
mod retire;
mod switching;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use mitsuke_store::Sha256;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::app::{TestApp, spawn_in};

/// Ids of the two models of [`models_dir`].
pub const TINY: i64 = 1;
pub const WIDE: i64 = 2;

/// Makes a folder of model folders: `tiny` (32 dimensions, the first, so it becomes current) and `wide` (48).
pub fn models_dir() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    add_folder(&dir, "tests/models/tiny", "tiny");
    add_folder(&dir, "tests/other_models/wide", "wide");
    dir
}

pub fn add_folder(dir: &TempDir, from: &str, name: &str) {
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(from), &dir.path().join(name));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(path, to).unwrap();
        }
    }
}

/// Changes a field of a manifest.
pub fn edit_manifest(dir: &TempDir, folder: &str, change: impl FnOnce(&mut Value)) {
    let path = dir.path().join(folder).join("model.json");
    let mut manifest: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut manifest);
    fs::write(path, manifest.to_string()).unwrap();
}

/// Gives a copy of `wide` an image tower that loads, and that fails on white pictures as a device without memory does.
/// `python -m mitsuke_fixtures.tiny_model --falters` wrote the tower.
pub fn falter(dir: &TempDir, folder: &str) {
    let tower = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/other_models/faltering_image.pt")).unwrap();
    fs::write(dir.path().join(folder).join("image.pt"), &tower).unwrap();
    let digest: String = Sha256::of(&tower).to_string();
    edit_manifest(dir, folder, |manifest| manifest["image"]["sha256"] = json!(digest));
}

/// Starts an app with these models and an empty store.
pub fn spawn_with_models(dir: &TempDir) -> TestApp {
    restart_with_models(dir, tempfile::tempdir().unwrap(), &[])
}

pub fn restart_with_models(dir: &TempDir, data: TempDir, changed: &[(&str, &str)]) -> TestApp {
    let models = [("MITSUKE_MODELS_DIR", dir.path().to_str().unwrap())];
    let changed: Vec<_> = models.iter().chain(changed).copied().collect();
    spawn_in(data, &changed)
}

pub async fn model(app: &TestApp, model_id: i64) -> Value {
    let answer = app.get(&format!("/models/{model_id}")).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    answer.json
}

/// Asks for a model until it is as wanted. The time only bounds a test that fails.
pub async fn until(app: &TestApp, model_id: i64, wanted: impl Fn(&Value) -> bool) -> Value {
    let begin = Instant::now();
    loop {
        let model = model(app, model_id).await;
        if wanted(&model) {
            return model;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "the model stays like this: {model}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Backfills a model to its end.
pub async fn fill(app: &TestApp, model_id: i64) -> Value {
    let answer = app.send_json(Method::POST, &format!("/models/{model_id}/backfill"), &json!({})).await;
    assert_eq!(answer.status, 202, "{}", answer.json);
    until(app, model_id, |model| model["backfill"]["state"] == "finished").await
}

pub async fn switch(app: &TestApp, model_id: i64) {
    let answer = app.send_json(Method::PUT, "/models/current", &json!({"model_id": model_id})).await;
    assert_eq!((answer.status, &answer.json["is_current"]), (200, &json!(true)), "{}", answer.json);
}

pub async fn delete(app: &TestApp, path: &str) -> crate::app::Answer {
    crate::app::Answer::read(app.request(Method::DELETE, path).send().await.unwrap()).await
}

pub async fn metrics(app: &TestApp) -> String {
    String::from_utf8(app.get("/metrics").await.bytes).unwrap()
}

/// Returns the numbers of a model's images: embedded, failed, total.
pub fn counts(model: &Value) -> [u64; 3] {
    ["embedded", "failed", "total"].map(|field| model[field].as_u64().unwrap())
}
