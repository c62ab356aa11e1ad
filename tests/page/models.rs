//! The current model, and the switch to another.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::DESKTOP;
use crate::page::{repository, with, with_page};
use crate::pictures::png;

/// A folder with the tiny model twice, under two names.
fn two_models() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let tiny = repository("tests/models/tiny");
    copy(&tiny, &folder.path().join("a"));
    copy(&tiny, &folder.path().join("b"));
    let manifest = folder.path().join("b/model.json");
    let mut model: Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    rename(&mut model);
    std::fs::write(manifest, model.to_string()).unwrap();
    folder
}

/// Gives the model another name, wherever its manifest keeps it.
fn rename(manifest: &mut Value) {
    let name = manifest.as_object_mut().unwrap().iter_mut().find(|(key, _)| key.ends_with("name")).unwrap().1;
    *name = json!("second");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn the_current_model_is_shown_with_its_coverage() {
    with_page(async |page| {
        page.app.add("a.png", png(1)).await;
        let model = page.app.get("/models/current").await.json;
        page.open("/").await;
        page.until("document.querySelector('#model').textContent.startsWith('Model: ')").await;
        assert_eq!(page.text("#model").await, format!("Model: {}", model["model_name"].as_str().unwrap()));
        page.click("#model").await;
        page.until("document.querySelector('#models-list .current')").await;
        let card = page.text("#models-list .current").await;
        assert!(card.contains("Current") && card.contains("1 of 1 pictures embedded (100%)"), "{card}");
    })
    .await;
}

#[tokio::test]
async fn a_switch_that_would_hide_pictures_says_how_many_and_waits_for_a_yes() {
    let models = two_models();
    with(DESKTOP, &[("MITSUKE_MODELS_DIR", models.path().to_str().unwrap())], async |page| {
        page.app.add("a.png", png(1)).await;
        page.app.add("b.png", png(2)).await;
        let current = page.app.get("/models/current").await.json["model_name"].clone();
        page.open("/").await;
        page.settled().await;
        page.click("#model").await;
        page.until("document.querySelectorAll('#models-list li').length === 2").await;
        page.click("#models-list li:not(.current) .actions button").await;
        page.until("document.querySelector('#models-status button')").await;
        let question = page.text("#models-status").await;
        assert!(question.contains("has embedded 0 of 2 pictures"), "{question}");
        assert_eq!(page.app.get("/models/current").await.json["model_name"], current);

        page.click("#models-status button").await;
        page.until("document.querySelector('#models-status').textContent.startsWith('Searches use ')").await;
        let now = page.app.get("/models/current").await.json["model_name"].clone();
        assert_ne!(now, current);
        page.until(&format!(
            "document.querySelector('#model').textContent === {}",
            json!(format!("Model: {}", now.as_str().unwrap()))
        ))
        .await;
        page.press("\u{e00c}").await;
        page.search("cat").await;
        assert!(page.text("#status").await.starts_with("Nothing found"), "the new model has embedded nothing");
    })
    .await;
}
