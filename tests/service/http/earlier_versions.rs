//! Data directories of earlier versions open with nothing lost: the same ids, facts, texts, bytes, nearest images,
//! keyword hits and models. See tests/data_directories/README.md.

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::app::{TestApp, spawn_in};
use crate::data_directories::recorded;

/// The facts of an image that no later version may change.
const FACTS: [&str; 11] = [
    "image_id",
    "file_name",
    "file_type",
    "bytes",
    "width",
    "height",
    "sha256",
    "upload_date",
    "caption",
    "generation_prompt",
    "generation",
];

fn spawn(data: TempDir, models: &Path) -> TestApp {
    spawn_in(data, &[("MITSUKE_MODELS_DIR", models.to_str().unwrap())])
}

async fn assert_images(app: &TestApp, images: &[Value]) {
    let page = app.get("/images?limit=200").await;
    let found = page.json["images"].as_array().unwrap();
    assert_eq!(found.len(), images.len());
    for (found, expected) in found.iter().zip(images) {
        let id = &expected["image_id"];
        for fact in FACTS {
            match &expected[fact] {
                // Later versions read more parts of a generation prompt.
                Value::Object(parts) => {
                    for (part, value) in parts {
                        assert_eq!(found[fact][part], *value, "{part} of image {id}");
                    }
                }
                value => assert_eq!(found[fact], *value, "{fact} of image {id}"),
            }
        }
        let content = app.get(&format!("/images/{id}/content")).await;
        let digest: String = Sha256::digest(&content.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, expected["sha256"].as_str().unwrap(), "the bytes of image {id}");
        let similar = app.get(&format!("/images/{id}/similar?limit=5")).await;
        let nearest: Vec<_> = similar.json["hits"].as_array().unwrap().iter().collect();
        let expected = expected["nearest"].as_array().unwrap();
        assert_eq!(nearest.len(), expected.len(), "the nearest images of image {id}");
        for (hit, expected) in nearest.into_iter().zip(expected) {
            assert_eq!(hit["image_id"], expected[0], "the nearest images of image {id}");
            let (distance, recorded) = (hit["distance"].as_f64().unwrap(), expected[1].as_f64().unwrap());
            assert!((distance - recorded).abs() < 2e-4, "image {id}: {distance} and {recorded}");
        }
    }
}

async fn assert_keyword_hits(app: &TestApp, queries: &Value) {
    for (query, expected) in queries.as_object().unwrap() {
        let answer = app.search_text(json!({"query": query, "mode": "keyword", "limit": 100})).await;
        let mut ids = answer.ids();
        ids.sort_unstable();
        assert_eq!(json!(ids), *expected, "{query}");
    }
}

async fn assert_models(app: &TestApp, models: &[Value]) {
    let answer = app.get("/models").await;
    let found = answer.json["models"].as_array().unwrap();
    assert_eq!(found.len(), models.len());
    for (found, expected) in found.iter().zip(models) {
        for field in ["model_id", "model_name", "model_version", "vector_dimension", "is_current"] {
            assert_eq!(found[field], expected[field], "{field}");
        }
        for field in ["embedded", "total"] {
            assert_eq!(found[field], expected[field], "{field} of {}", expected["model_name"]);
        }
    }
}

async fn opens_with_nothing_lost(version: &str, name: &str) {
    let (data, models, answers) = recorded(version, name);
    let mut app = spawn(data, &models);
    // The second start opens the files that this version has written.
    for _ in 0..2 {
        assert_images(&app, answers["images"].as_array().unwrap()).await;
        assert_keyword_hits(&app, &answers["keyword"]).await;
        assert_models(&app, answers["models"].as_array().unwrap()).await;
        app = spawn(app.stop(), &models);
    }
}

/// A reindex leaves the texts that callers had set or removed, and gives the others the tags of their files.
#[tokio::test]
async fn a_directory_of_0_1_is_read_again_and_keeps_what_callers_had_set() {
    let (data, models, answers) = recorded("0.1", "stopped");
    let images = answers["images"].as_array().unwrap();
    let app = spawn(data, &models);
    assert_eq!(app.get("/reindex").await.json["outdated"], images.len());
    app.send_json(reqwest::Method::POST, "/reindex", &json!({})).await;
    let run = app.reindexed().await;
    assert_eq!((&run["state"], &run["read"], &run["failed"]), (&json!("finished"), &json!(images.len()), &json!(0)));
    assert_images(&app, images).await;
    // A server that is started again knows that no work is left.
    let app = spawn(app.stop(), &models);
    let reindex = app.get("/reindex").await.json;
    assert_eq!((&reindex["outdated"], &reindex["run"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn a_directory_of_0_1_after_a_clean_stop_opens_with_nothing_lost() {
    opens_with_nothing_lost("0.1", "stopped").await;
}

#[tokio::test]
async fn a_directory_of_0_1_after_a_kill_opens_with_nothing_lost() {
    opens_with_nothing_lost("0.1", "killed").await;
}

#[tokio::test]
async fn a_directory_of_0_2_after_a_clean_stop_opens_with_nothing_lost() {
    opens_with_nothing_lost("0.2", "stopped").await;
}

#[tokio::test]
async fn a_directory_of_0_2_after_a_kill_opens_with_nothing_lost() {
    opens_with_nothing_lost("0.2", "killed").await;
}
