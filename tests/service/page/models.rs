//! The current model, and the switch to another.

use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::page::browser::DESKTOP;
use crate::page::tab::{repository, with, with_page};
use crate::pictures::png;

/// Makes a folder with two models of different dimensions: `tiny`, which becomes current, and `wide`.
fn two_models() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&repository("tests/models/tiny"), &folder.path().join("tiny"));
    copy(&repository("tests/other_models/wide"), &folder.path().join("wide"));
    folder
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
        page.until("document.querySelector('#model').textContent.startsWith('Search model: ')").await;
        assert_eq!(page.text("#model").await, format!("Search model: {}", model["model_name"].as_str().unwrap()));
        page.click("#model").await;
        page.until("document.querySelector('#models-list .current')").await;
        let card = page.text("#models-list .current").await;
        assert!(card.contains("Current") && card.contains("1 of 1 indexed (100%)"), "{card}");
        page.js("document.querySelector('#models .actions a').href = '#there'", &[]).await;
        page.click("#models .actions a").await;
        assert_eq!(page.js("return location.hash", &[]).await, "#there", "links inside the dialog lead somewhere");
    })
    .await;
}

#[tokio::test]
async fn the_command_that_adds_a_model_is_copied() {
    with_page(async |page| {
        page.open("/").await;
        page.until("document.querySelector('#model').textContent.startsWith('Search model: ')").await;
        page.click("#model").await;
        let grant = json!({"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]});
        page.browser.cdp("Browser.grantPermissions", grant).await;
        page.click("#models-add-copy").await;
        page.until("document.querySelector('#models-status').textContent === 'Copied.'").await;
        let copied = page.js_later("navigator.clipboard.readText().then(arguments[0])").await;
        let copied = copied.as_str().unwrap();
        assert!(copied.starts_with("mitsuke model add stabilityai/japanese-stable-clip"), "{copied}");
    })
    .await;
}

const OTHER: &str = "#models-list li:not(.current)";

#[tokio::test]
async fn a_switch_that_would_hide_pictures_says_how_many_and_waits_for_a_yes() {
    let models = two_models();
    with(DESKTOP, &[("MITSUKE_MODELS_DIR", models.path().to_str().unwrap())], async |page| {
        page.app.add("a.png", png(1)).await;
        page.app.add("b.png", png(2)).await;
        page.open("/").await;
        page.settled().await;
        page.click("#model").await;
        page.until("document.querySelectorAll('#models-list li').length === 2").await;
        page.click(&format!("{OTHER} .actions button")).await;
        page.until("document.querySelector('#models-status button')").await;
        let question = page.text("#models-status").await;
        assert!(question.contains("wide has indexed 0 of 2 pictures"), "{question}");
        assert_eq!(page.app.get("/models/current").await.json["model_name"], "tiny");

        page.click("#models-status button").await;
        page.until("document.querySelector('#models-status').textContent === 'Searches now use wide.'").await;
        assert_eq!(page.app.get("/models/current").await.json["model_name"], "wide");
        page.until("document.querySelector('#model').textContent === 'Search model: wide'").await;
    })
    .await;
}

#[tokio::test]
async fn missing_pictures_are_embedded_and_then_the_model_can_be_switched() {
    let models = two_models();
    with(DESKTOP, &[("MITSUKE_MODELS_DIR", models.path().to_str().unwrap())], async |page| {
        for seed in 0..20 {
            page.app.add(&format!("{seed}.png"), png(seed)).await;
        }
        page.open("/?q=cat").await;
        page.settled().await;
        page.click("#model").await;
        page.until("document.querySelectorAll('#models-list li').length === 2").await;
        let other = page.text(OTHER).await;
        assert!(other.contains("wide 1.0.0") && other.contains("0 of 20 indexed (0%)"), "{other}");
        page.click(&format!("{OTHER} .actions button:nth-child(2)")).await;
        page.until(&format!("document.querySelector('{OTHER}').textContent.includes('20 of 20 indexed (100%)')")).await;
        page.until(&format!("!document.querySelector('{OTHER}').textContent.includes('Indexing…')")).await;
        page.click(&format!("{OTHER} .actions button")).await;
        page.until("document.querySelector('#models-status').textContent === 'Searches now use wide.'").await;
        page.click("#models-close").await;
        page.settled().await;
        assert_eq!(page.text("#model").await, "Search model: wide");
        assert!(page.names().await.len() >= 16, "the query is answered anew, by the new model");
    })
    .await;
}
