//! The list of models, and the reasons why some cannot be used.

use std::fs;

use mitsuke::app::Application;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    TINY, WIDE, add_folder, edit_manifest, fill, model, models_dir, restart_with_models, spawn_with_models, until,
};
use crate::app::{TestApp, settings_in, spawn};
use crate::pictures::{BLUE, RED, colour, png};

on_both_stores! {
    the_models_are_listed_with_their_coverage,
    switching_to_the_current_model_changes_nothing,
    an_unknown_model_is_refused_everywhere,
    only_the_current_model_is_in_memory_and_says_where_and_how_it_runs,
    a_model_runs_in_int8_and_finds_the_same,
    a_broken_folder_is_listed_with_its_reason_and_harms_nothing,
    a_refresh_finds_damage_in_every_file_of_a_folder,
    a_folder_that_comes_later_is_found_by_a_refresh,
    a_removed_folder_takes_nothing_from_a_model_in_memory,
    weights_that_change_under_a_loaded_model_are_refused_and_the_loaded_ones_go_on,
    a_model_that_nobody_uses_leaves_the_memory_and_comes_back_when_it_is_needed,
}

async fn the_models_are_listed_with_their_coverage() {
    let app = spawn();
    app.add("a.png", png(1)).await;
    let answer = app.get("/models").await;
    assert_snapshot!("models", answer.json);
    let model = &answer.json["models"][0];
    let id = model["model_id"].as_i64().unwrap();
    assert_eq!(&app.get(&format!("/models/{id}")).await.json, model);
    assert_eq!(&app.get("/models/current").await.json, model);
}

async fn switching_to_the_current_model_changes_nothing() {
    let app = spawn();
    let answer = app.send_json(Method::PUT, "/models/current", &json!({"model_id": 1})).await;
    assert_eq!((answer.status, &answer.json["is_current"]), (200, &json!(true)));
}

async fn an_unknown_model_is_refused_everywhere() {
    let app = spawn();
    app.get("/models/none").await.assert_problem(404, "model_not_found");
    let compare = json!({"queries": ["赤"]});
    let requests = [
        (Method::GET, "/models/77", None),
        (Method::PUT, "/models/current", Some(json!({"model_id": 77}))),
        (Method::POST, "/models/77/backfill", None),
        (Method::DELETE, "/models/77/backfill", None),
        (Method::GET, "/models/77/failures", None),
        (Method::DELETE, "/models/77/embeddings", None),
        (Method::POST, "/models/77/compare", Some(compare)),
    ];
    for (method, path, body) in requests {
        let mut request = app.request(method, path);
        if let Some(body) = &body {
            request = request.json(body);
        }
        crate::app::Answer::read(request.send().await.unwrap()).await.assert_problem(404, "model_not_found");
    }
}

async fn only_the_current_model_is_in_memory_and_says_where_and_how_it_runs() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    let tiny = model(&app, TINY).await;
    // A CPU widens the float16 weights, so they take twice the size of the files.
    let size = |file| fs::metadata(dir.path().join("tiny").join(file)).unwrap().len();
    assert_eq!(tiny["memory_bytes"], json!(2 * (size("image.pt") + size("text.pt"))));
    assert_snapshot!("model_in_memory_and_model_on_disk", [tiny, model(&app, WIDE).await]);
}

async fn a_model_runs_in_int8_and_finds_the_same() {
    let dir = models_dir();
    let app = restart_with_models(&dir, tempfile::tempdir().unwrap(), &[("MITSUKE_PRECISION", "int8")]);
    let tiny = model(&app, TINY).await;
    // The text tower has no such file.
    assert_eq!(tiny["precision"], json!({"image": "int8", "text": "float32"}));
    assert_eq!(tiny["variant_times"], json!({"image": [], "text": []}));
    let size = |file| fs::metadata(dir.path().join("tiny").join(file)).unwrap().len();
    assert_eq!(tiny["memory_bytes"], json!(size("image.int8.pt") + 2 * size("text.pt")));
    app.add("red.png", colour(RED, 0)).await;
    app.add("blue.png", colour(BLUE, 0)).await;
    let found = app.search_text(json!({"query": "赤い車", "limit": 1})).await;
    assert_eq!(found.json["hits"][0]["file_name"], "red.png", "{}", found.json);
}

async fn a_broken_folder_is_listed_with_its_reason_and_harms_nothing() {
    let dir = models_dir();
    fs::create_dir(dir.path().join("half-copied")).unwrap();
    // An unfinished export has such a folder.
    fs::create_dir(dir.path().join(".coming.work")).unwrap();
    add_folder(&dir, "tests/other_models/wide", "no-licence-in-it");
    edit_manifest(&dir, "no-licence-in-it", |manifest| {
        manifest["model_name"] = json!("other");
        manifest["licence"] = Value::Null;
    });
    add_folder(&dir, "tests/other_models/wide", "wide-again");
    let damaged = dir.path().join("wide/text.pt");
    let mut bytes = fs::read(&damaged).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&damaged, bytes).unwrap();

    let app = spawn_with_models(&dir);
    app.add("a.png", png(1)).await;
    assert_eq!(app.search_text(json!({"query": "赤"})).await.ids().len(), 1);
    let list = refresh(&app).await;
    let reason = |folder: &str| {
        let broken = list["broken"].as_array().unwrap();
        let found = broken.iter().find(|broken| broken["folder"] == folder);
        found.unwrap_or_else(|| panic!("{folder} is not in {list}"))["reason"].as_str().unwrap().to_owned()
    };
    assert!(!list.to_string().contains(".coming.work"), "{list}");
    assert_eq!(reason("half-copied"), "there is no model.json in it");
    assert!(reason("no-licence-in-it").contains("licence"));
    assert!(reason("wide-again").contains("holds the model wide 1.0.0 already"));
    assert!(reason("wide").contains("wide/text.pt has the SHA-256"), "{}", reason("wide"));
    let server_path = dir.path().to_str().unwrap();
    assert!(!list.to_string().contains(server_path), "{list}");

    let wide = model(&app, WIDE).await;
    assert_eq!(wide["state"], "broken");
    assert!(wide["problem"].as_str().unwrap().contains("SHA-256"));
    let body = json!({"model_id": WIDE, "allow_partial": true});
    app.send_json(Method::PUT, "/models/current", &body).await.assert_problem(409, "model_unusable");
    let answer = app.send_json(Method::POST, &format!("/models/{WIDE}/backfill"), &json!({})).await;
    answer.assert_problem(409, "model_unusable");
    assert_eq!(model(&app, TINY).await["is_current"], true);
}

async fn a_refresh_finds_damage_in_every_file_of_a_folder() {
    let dir = models_dir();
    add_folder(&dir, "tests/exported_models/clip", "clip");
    let app = spawn_with_models(&dir);
    assert_eq!(refresh(&app).await["broken"], json!([]));
    for file in ["image.bf16.pt", "text.bf16.pt", "image.pt", "tokenizer.json"] {
        let path = dir.path().join("clip").join(file);
        let whole = fs::read(&path).unwrap();
        let mut damaged = whole.clone();
        *damaged.last_mut().unwrap() ^= 1;
        fs::write(&path, damaged).unwrap();
        let list = refresh(&app).await;
        let reason = list["broken"][0]["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(&format!("clip/{file} has the SHA-256")), "{file}: {list}");
        fs::write(&path, whole).unwrap();
        assert_eq!(refresh(&app).await["broken"], json!([]), "{file} is whole again");
    }
}

async fn a_folder_that_comes_later_is_found_by_a_refresh() {
    let dir = models_dir();
    fs::remove_dir_all(dir.path().join("wide")).unwrap();
    let app = spawn_with_models(&dir);
    assert_eq!(app.get("/models").await.json["models"].as_array().unwrap().len(), 1);
    add_folder(&dir, "tests/other_models/wide", "wide");
    let list = refresh(&app).await;
    assert_eq!((&list["models"][1]["model_name"], &list["models"][1]["state"]), (&json!("wide"), &json!("not_loaded")));
    app.get("/models/refresh").await.assert_problem(405, "method_not_allowed");
}

async fn a_removed_folder_takes_nothing_from_a_model_in_memory() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    app.add("a.png", png(1)).await;
    fs::remove_dir_all(dir.path().join("tiny")).unwrap();
    fs::remove_dir_all(dir.path().join("wide")).unwrap();
    refresh(&app).await;
    let [tiny, wide] = [model(&app, TINY).await, model(&app, WIDE).await];
    assert_eq!((&tiny["state"], &tiny["problem"]), (&json!("ready"), &json!("its folder has gone")));
    assert_eq!(wide["state"], "missing");
    assert_eq!(app.search_text(json!({"query": "赤"})).await.ids().len(), 1);
    let compare = app.send_json(Method::POST, "/models/2/compare", &json!({"queries": ["赤"]})).await;
    compare.assert_problem(409, "model_unusable");
}

async fn weights_that_change_under_a_loaded_model_are_refused_and_the_loaded_ones_go_on() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    app.add("a.png", png(1)).await;
    let before = app.search_text(json!({"query": "赤"})).await.json["hits"][0]["distance"].clone();
    edit_manifest(&dir, "tiny", |manifest| manifest["image"]["mean"] = json!([0.1, 0.2, 0.3]));
    let list = refresh(&app).await;
    assert_eq!(list["models"][0]["state"], "ready");
    assert!(list["broken"][0]["reason"].as_str().unwrap().contains("new model_version"), "{list}");
    assert_eq!(app.search_text(json!({"query": "赤"})).await.json["hits"][0]["distance"], before);
    // The description is not part of the weights and may change.
    edit_manifest(&dir, "tiny", |manifest| {
        manifest["image"]["mean"] = json!([0.5, 0.5, 0.5]);
        manifest["description"] = json!("Described better.");
    });
    assert_eq!(refresh(&app).await["broken"], json!([]));
}

async fn a_model_that_nobody_uses_leaves_the_memory_and_comes_back_when_it_is_needed() {
    let dir = models_dir();
    let app = restart_with_models(&dir, tempfile::tempdir().unwrap(), &[("MITSUKE_MODEL_IDLE_S", "1")]);
    app.add("a.png", png(1)).await;
    let compare = async || app.send_json(Method::POST, "/models/2/compare", &json!({"queries": ["赤"]})).await.status;
    let texts = |text: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("mitsuke_encoder_items_total{model=\"wide 1.0.0\",tower=\"text\"} "));
        line.unwrap_or_else(|| panic!("no counter of wide in\n{text}")).parse::<u64>().unwrap()
    };
    let depth = "mitsuke_encoder_queue_depth{model=\"wide 1.0.0\"";
    assert_eq!(compare().await, 200);
    let loaded = super::metrics(&app).await;
    assert!(texts(&loaded) == 1 && loaded.contains(depth), "{loaded}");
    until(&app, WIDE, |model| model["state"] == "not_loaded").await;
    assert_eq!(model(&app, TINY).await["state"], "ready");
    // Counters stay when a model is unloaded; its queue is gone and has no depth.
    let unloaded = super::metrics(&app).await;
    assert!(texts(&unloaded) == 1 && !unloaded.contains(depth), "{unloaded}");
    assert_eq!(compare().await, 200);
    assert_eq!(texts(&super::metrics(&app).await), 2);
    fill(&app, WIDE).await;
    until(&app, WIDE, |model| model["state"] == "not_loaded").await;
    // A maintained model is loaded for an upload.
    app.add("b.png", png(2)).await;
    assert_eq!(super::counts(&model(&app, WIDE).await), [2, 0, 2]);
}

#[test]
fn the_start_fails_when_no_model_is_usable_or_the_current_one_is_broken() {
    let (dir, data) = (models_dir(), tempfile::tempdir().unwrap());
    let start = |models: &str| {
        let settings = settings_in(&data, &[("MITSUKE_MODELS_DIR", models)]);
        loop {
            let error = actix_web::rt::System::new()
                .block_on(async { Application::build(&settings).err().map(|e| e.to_string()) });
            // The threads of the application before, which was not stopped but dropped, let go of the store when they end.
            if !error.as_ref().is_some_and(|error| error.contains("in use by another Mitsuke")) {
                return error;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    let models = dir.path().to_str().unwrap();
    assert_eq!(start(models), None);
    fs::write(dir.path().join("tiny/image.pt"), b"not a module").unwrap();
    let error = start(models).unwrap();
    assert!(
        error.contains("tiny 1.0.0") && error.contains("SHA-256") && error.contains("MITSUKE_MODELS_DIR"),
        "{error}"
    );

    let empty = tempfile::tempdir().unwrap();
    fs::create_dir(empty.path().join("half-copied")).unwrap();
    let error = start(empty.path().to_str().unwrap()).unwrap();
    assert!(error.contains("half-copied") && error.contains("MITSUKE_MODELS_DIR"), "{error}");
    let error = start("/no/such/folder").unwrap();
    assert!(error.contains("/no/such/folder") && error.contains("MITSUKE_MODELS_DIR"), "{error}");
}

#[test]
fn a_device_that_does_not_exist_is_named_before_anything_is_made() {
    let (dir, data) = (models_dir(), tempfile::tempdir().unwrap());
    let fresh = data.path().join("fresh");
    let changed = [
        ("MITSUKE_MODELS_DIR", dir.path().to_str().unwrap()),
        ("MITSUKE_DATA_DIR", fresh.to_str().unwrap()),
        ("MITSUKE_DEVICE", "cuda"),
    ];
    let settings = settings_in(&data, &changed);
    let error =
        actix_web::rt::System::new().block_on(async { Application::build(&settings).err().map(|e| e.to_string()) });
    if mitsuke_clip::DeviceChoice::Cuda.check().is_ok() {
        return assert_eq!(error, None);
    }
    let error = error.unwrap();
    assert!(error.contains("MITSUKE_DEVICE") && error.contains("`auto` or `cpu`"), "{error}");
    assert!(!error.contains("Repair") && !fresh.exists(), "{error}");
}

async fn refresh(app: &TestApp) -> Value {
    let answer = crate::app::Answer::read(app.request(Method::POST, "/models/refresh").send().await.unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    answer.json
}
