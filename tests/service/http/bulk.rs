//! POST /images/update and POST /images/delete.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, spawn};
use crate::pictures::png;

on_both_stores! {
    many_images_are_changed_and_each_has_an_item,
    all_images_of_a_filter_are_changed_when_the_caller_knows_how_many,
    many_images_are_deleted_everywhere,
    a_bulk_change_out_of_bounds_is_refused_and_changes_nothing,
}

async fn shelf() -> (TestApp, [i64; 3]) {
    let app = spawn();
    let ids = [app.add("a.png", png(1)).await, app.add("b.png", png(2)).await, app.add("c.png", png(3)).await];
    (app, ids)
}

async fn update(app: &TestApp, body: Value) -> Answer {
    app.send_json(Method::POST, "/images/update", &body).await
}

fn statuses(answer: &Answer) -> Vec<(i64, &str)> {
    let items = answer.json["items"].as_array().unwrap_or_else(|| panic!("{}", answer.json)).iter();
    items.map(|item| (item["image_id"].as_i64().unwrap(), item["status"].as_str().unwrap())).collect()
}

async fn many_images_are_changed_and_each_has_an_item() {
    let (app, [a, b, c]) = shelf().await;
    app.send_json(Method::PATCH, &format!("/images/{b}"), &json!({"tags": ["海"]})).await;
    let change = json!({"image_ids": [c, b, 999, c], "change": {"add_tags": ["海"]}});
    let answer = update(&app, change).await;
    assert_eq!(statuses(&answer), [(c, "changed"), (b, "unchanged"), (999, "rejected")]);
    let counts = ["total", "changed", "rejected"].map(|count| answer.json[count].clone());
    assert_eq!(counts, [json!(3), json!(1), json!(1)]);
    let problem = &answer.json["items"][2]["problem"];
    assert_eq!((&problem["code"], &problem["status"]), (&json!("image_not_found"), &json!(404)));
    assert_eq!(problem["request_id"], answer.header("x-request-id"));
    assert_eq!(app.get("/images?tags=海").await.ids(), [c, b]);

    let facts = json!({"caption": "夕焼け", "generation_prompt": "a\nNegative prompt: b\nSteps: 1, Seed: 5",
        "source_path": "x/y.png", "taken_at": "2024-05-01", "tags": ["t"], "remove_tags": ["none"]});
    let answer = update(&app, json!({"image_ids": [a], "change": facts})).await;
    assert_eq!(statuses(&answer), [(a, "changed")]);
    let image = app.get(&format!("/images/{a}")).await.json;
    assert_eq!(
        (&image["caption"], &image["generation"]["seed"], &image["tags"]),
        (&json!("夕焼け"), &json!(5), &json!(["t"]))
    );
    assert_eq!(app.search_text(json!({"query": "夕焼け", "mode": "keyword"})).await.ids(), [a]);
}

async fn all_images_of_a_filter_are_changed_when_the_caller_knows_how_many() {
    let (app, [a, b, c]) = shelf().await;
    let body = |total: u64| json!({"filter": {"file_name_pattern": "?.png"}, "confirm_total": total, "change": {"caption": "x"}});
    let refused = update(&app, body(2)).await;
    refused.assert_problem(409, "total_changed");
    assert_eq!(refused.json["total"], 3);
    assert!(app.get("/images?has_caption=true").await.ids().is_empty());
    assert_eq!(statuses(&update(&app, body(3)).await), [(a, "changed"), (b, "changed"), (c, "changed")]);
    assert_eq!(statuses(&update(&app, body(3)).await), [(a, "unchanged"), (b, "unchanged"), (c, "unchanged")]);
}

async fn many_images_are_deleted_everywhere() {
    let (app, [a, b, c]) = shelf().await;
    for id in [a, b, c] {
        assert_eq!(app.get(&format!("/images/{id}/thumbnail")).await.status, 200);
    }
    let delete = async |body: Value| app.send_json(Method::POST, "/images/delete", &body).await;
    let answer = delete(json!({"image_ids": [b, 999]})).await;
    assert_eq!(statuses(&answer), [(b, "deleted"), (999, "rejected")]);
    assert_eq!(app.get(&format!("/images/{b}/thumbnail")).await.status, 404);
    let answer = delete(json!({"filter": {"file_types": ["image/png"]}, "confirm_total": 2})).await;
    assert_eq!((statuses(&answer), &answer.json["changed"]), (vec![(a, "deleted"), (c, "deleted")], &json!(2)));
    assert!(app.get("/images").await.ids().is_empty());
    assert!(app.search_text(json!({"query": "red"})).await.ids().is_empty());
}

async fn a_bulk_change_out_of_bounds_is_refused_and_changes_nothing() {
    let (app, [a, ..]) = shelf().await;
    let change = json!({"caption": "x"});
    for (body, field) in [
        (json!({"change": change}), "image_ids"),
        (json!({"image_ids": [], "change": change}), "image_ids"),
        (json!({"image_ids": vec![a; 1_001], "change": change}), "image_ids"),
        (json!({"image_ids": [a], "filter": {"tags": ["x"]}, "confirm_total": 0, "change": change}), "image_ids"),
        (json!({"filter": {}, "confirm_total": 3, "change": change}), "filter"),
        (json!({"filter": {"sampler": " "}, "confirm_total": 3, "change": change}), "filter"),
        (json!({"filter": {"tags": ["x"]}, "change": change}), "confirm_total"),
        (json!({"image_ids": [a], "change": {"file_name": "x.png"}}), "change.file_name"),
        (json!({"image_ids": [a], "change": {"colour": "red"}}), "change.colour"),
        (json!({"image_ids": [a], "change": {"taken_at": "May"}}), "taken_at"),
        (json!({"image_ids": [a]}), "change"),
    ] {
        let refused = update(&app, body.clone()).await;
        refused.assert_problem(400, "invalid_request");
        assert_eq!(refused.json["field"], field, "{body}");
    }
    assert!(app.get("/images?has_caption=true").await.ids().is_empty());
}
