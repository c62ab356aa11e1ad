//! Tags: set at upload, read out of files, changed, searched and filtered by.

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::app::{TestApp, file, spawn};
use crate::pictures::png;

on_both_stores! {
    tags_come_with_an_upload_and_are_shown_wherever_the_image_is,
    a_change_sets_the_whole_list,
    tags_out_of_bounds_are_refused,
    words_of_tags_are_keyword_hits,
    a_reindex_without_work_is_done_at_once,
}

async fn upload(app: &TestApp, seed: u32, parts: &[&str]) -> Value {
    let mut form = Form::new().part("file", file("a.png", png(seed)));
    for part in parts {
        form = form.text("tags", (*part).to_owned());
    }
    let answer = app.post_form("/images", form).await;
    assert_eq!(answer.status, 201, "{}", answer.json);
    answer.json["images"][0]["image"].clone()
}

async fn patch(app: &TestApp, image: &Value, tags: Value) -> crate::app::Answer {
    app.send_json(Method::PATCH, image["links"]["self"].as_str().unwrap(), &json!({ "tags": tags })).await
}

async fn tags_come_with_an_upload_and_are_shown_wherever_the_image_is() {
    let app = spawn();
    let image = upload(&app, 1, &["海、 New  York ,,", "Sea，sea"]).await;
    let tags = json!(["海", "New York", "Sea"]);
    assert_eq!(image["tags"], tags);
    assert_eq!(app.get(image["links"]["self"].as_str().unwrap()).await.json["tags"], tags);
    assert_eq!(app.get("/images").await.json["images"][0]["tags"], tags);
    assert_eq!(app.search_text(json!({"query": "red"})).await.json["hits"][0]["tags"], tags);
    assert_eq!(upload(&app, 2, &[]).await["tags"], json!([]));
}

async fn a_change_sets_the_whole_list() {
    let app = spawn();
    let image = upload(&app, 1, &["a"]).await;
    assert_eq!(patch(&app, &image, json!(["a, b", " ", "Ｂ", "b"])).await.json["tags"], json!(["a, b", "Ｂ"]));
    let caption = json!({"caption": "c"});
    let kept = app.send_json(Method::PATCH, image["links"]["self"].as_str().unwrap(), &caption).await;
    assert_eq!(kept.json["tags"], json!(["a, b", "Ｂ"]));
    assert_eq!(patch(&app, &image, json!(null)).await.json["tags"], json!([]));
}

async fn tags_out_of_bounds_are_refused() {
    let app = spawn();
    let image = upload(&app, 1, &[]).await;
    let refused = [(json!("a".repeat(101)), "text_too_long"), (json!("a\0b"), "invalid_request")];
    for (tag, code) in refused {
        let answer = patch(&app, &image, json!([tag])).await;
        assert_eq!((&answer.json["code"], &answer.json["field"]), (&json!(code), &json!("tags")), "{}", answer.json);
    }
    let many: Vec<String> = (0..257).map(|n| n.to_string()).collect();
    assert_eq!(patch(&app, &image, json!(many)).await.json["code"], "invalid_request");
    assert_eq!(patch(&app, &image, json!(many[1..])).await.json["tags"].as_array().unwrap().len(), 256);
    let form = Form::new().part("file", file("a.png", png(9))).text("tags", many.join(","));
    assert_eq!(app.post_form("/images", form).await.json["code"], "invalid_request");
}

async fn words_of_tags_are_keyword_hits() {
    let app = spawn();
    let image = upload(&app, 1, &["black cat"]).await;
    upload(&app, 2, &["dog"]).await;
    let found = async |query: &str| app.search_text(json!({"query": query, "mode": "keyword"})).await.ids();
    assert_eq!(found("cat").await, [image["image_id"].as_i64().unwrap()]);
    assert!(found("black dog").await.is_empty());
}

async fn a_reindex_without_work_is_done_at_once() {
    let app = spawn();
    upload(&app, 1, &["a"]).await;
    let before = app.get("/reindex").await;
    assert_eq!((before.status, &before.json["outdated"], &before.json["run"]), (200, &json!(0), &json!(null)));
    assert_eq!(app.send_json(Method::POST, "/reindex", &json!({})).await.status, 202);
    let run = app.reindexed().await;
    assert_eq!((&run["state"], &run["total"], &run["failures"]), (&json!("finished"), &json!(0), &json!([])));
    let stopped = app.request(Method::DELETE, "/reindex").send().await.unwrap();
    assert_eq!(stopped.status(), 200);
}
