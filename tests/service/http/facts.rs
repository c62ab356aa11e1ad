//! The facts of an image that callers set and change: file name, path in its folder, time of taking.

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, file, spawn};
use crate::pictures::png;

on_both_stores! {
    facts_are_changed_and_cleared,
    facts_that_make_no_sense_are_refused,
    tags_are_added_and_removed,
    an_upload_keeps_the_path_of_each_file,
}

async fn patch(app: &TestApp, id: i64, change: Value) -> Answer {
    app.send_json(Method::PATCH, &format!("/images/{id}"), &change).await
}

async fn facts_are_changed_and_cleared() {
    let app = spawn();
    let id = app.add("a.png", png(1)).await;
    let image = app.get(&format!("/images/{id}")).await.json;
    assert_eq!(image["uploaded_at"], image["upload_date"]);
    for fact in ["taken_at", "camera", "source_path"] {
        assert_eq!(image[fact], Value::Null, "{fact}");
    }
    for (change, fact, value) in [
        (json!({"taken_at": "2024-05-01T12:34:56.78+09:00"}), "taken_at", json!("2024-05-01T12:34:56.78+09:00")),
        (json!({"taken_at": "2024-05-01"}), "taken_at", json!("2024-05-01T00:00:00")),
        (json!({"taken_at": null}), "taken_at", Value::Null),
        (json!({"source_path": "\\Photos\\.\\2024/a.png"}), "source_path", json!("Photos/2024/a.png")),
        (json!({"source_path": " "}), "source_path", Value::Null),
        (json!({"file_name": "夕焼け.png"}), "file_name", json!("夕焼け.png")),
    ] {
        let changed = patch(&app, id, change.clone()).await;
        assert_eq!((changed.status, &changed.json[fact]), (200, &value), "{change}");
        assert_eq!(app.get(&format!("/images/{id}")).await.json[fact], value, "{change}");
    }
    let found = app.search_text(json!({"query": "夕焼け", "mode": "keyword"})).await;
    assert_eq!(found.ids(), [id], "a new name is searched");
}

async fn facts_that_make_no_sense_are_refused() {
    let app = spawn();
    let id = app.add("a.png", png(1)).await;
    for (change, field, code) in [
        (json!({"taken_at": "May"}), "taken_at", "invalid_request"),
        (json!({"taken_at": "2024-05-01T25:00"}), "taken_at", "invalid_request"),
        (json!({"file_name": null}), "file_name", "invalid_request"),
        (json!({"file_name": " / "}), "file_name", "invalid_request"),
        (json!({"file_name": "x".repeat(256)}), "file_name", "text_too_long"),
        (json!({"source_path": ".."}), "source_path", "invalid_request"),
        (json!({"source_path": "x".repeat(1_001)}), "source_path", "text_too_long"),
        (json!({"add_tags": ["x".repeat(101)]}), "add_tags", "text_too_long"),
        (json!({"remove_tags": 7}), "remove_tags", "invalid_request"),
    ] {
        let refused = patch(&app, id, change.clone()).await;
        refused.assert_problem(400, code);
        assert_eq!(refused.json["field"], field, "{change}");
    }
}

async fn tags_are_added_and_removed() {
    let app = spawn();
    let id = app.add("a.png", png(1)).await;
    for (change, tags) in [
        (json!({"add_tags": ["海", "Sky"]}), json!(["海", "Sky"])),
        (json!({"add_tags": ["SKY", "b"], "remove_tags": ["海"]}), json!(["Sky", "b"])),
        (json!({"tags": ["a"], "add_tags": ["c"]}), json!(["a", "c"])),
        (json!({"remove_tags": ["Ａ", "none"]}), json!(["c"])),
    ] {
        assert_eq!(patch(&app, id, change.clone()).await.json["tags"], tags, "{change}");
    }
}

async fn an_upload_keeps_the_path_of_each_file() {
    let app = spawn();
    let form = || Form::new().part("file", file("a.png", png(1))).part("file", file("b.png", png(2)));
    let one = app.post_form("/images", form().text("source_path", "Photos/a.png")).await;
    one.assert_problem(400, "invalid_request");
    assert_eq!(one.json["field"], "source_path");
    let both = app.post_form("/images", form().text("source_path", "Photos/a.png").text("source_path", " ")).await;
    assert_eq!(both.status, 207, "{}", both.json);
    let paths = [0, 1].map(|item| both.json["images"][item]["image"]["source_path"].clone());
    assert_eq!(paths, [json!("Photos/a.png"), Value::Null]);
    assert_eq!(app.get("/images?folders=/photos").await.ids().len(), 1);
}
