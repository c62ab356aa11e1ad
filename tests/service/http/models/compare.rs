//! The comparison of a model with the current one, before a switch.

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{TINY, WIDE, fill, model, models_dir, spawn_with_models, switch};
use crate::app::{Answer, TestApp};
use crate::pictures::png;

on_both_stores! {
    both_answers_are_those_that_a_search_by_each_model_gives,
    a_model_agrees_with_itself,
    a_candidate_with_part_of_the_images_is_compared_over_those,
    nothing_to_compare_has_no_overlap,
    bad_questions_are_refused,
}

async fn compare(app: &TestApp, model_id: i64, body: Value) -> Answer {
    app.send_json(Method::POST, &format!("/models/{model_id}/compare"), &body).await
}

/// Starts an app with pictures. The folder of models has to live as long as the app.
async fn app_with(pictures: u32) -> (TempDir, TestApp) {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    for seed in 0..pictures {
        app.add(&format!("{seed}.png"), png(seed)).await;
    }
    (dir, app)
}

fn ids(list: &Value) -> Vec<i64> {
    list.as_array().unwrap().iter().map(|hit| hit["image_id"].as_i64().unwrap()).collect()
}

async fn both_answers_are_those_that_a_search_by_each_model_gives() {
    let (_dir, app) = app_with(30).await;
    fill(&app, WIDE).await;
    let body = json!({"queries": ["赤い車", "青い海"], "image_ids": [3], "k": 5});
    let answer = compare(&app, WIDE, body).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    let json = answer.json;
    assert_eq!((&json["k"], &json["partial"]), (&json!(5), &json!(false)));
    assert_eq!((&json["current"]["model_id"], &json["candidate"]["model_id"]), (&json!(TINY), &json!(WIDE)));
    assert_eq!((&json["candidate"]["embedded"], &json["candidate"]["total"]), (&json!(30), &json!(30)));
    assert_eq!(model(&app, TINY).await["is_current"], true, "comparing changes nothing");

    let queries = json["queries"].as_array().unwrap().clone();
    assert_eq!(
        queries.iter().map(|q| &q["query"]).collect::<Vec<_>>(),
        [&json!("赤い車"), &json!("青い海"), &Value::Null]
    );
    assert_eq!(queries[2]["image_id"], 3);
    for (model_id, side) in [(TINY, "current"), (WIDE, "candidate")] {
        switch(&app, model_id).await;
        for query in &queries {
            let search = match query["query"].as_str() {
                Some(text) => app.search_text(json!({"query": text, "limit": 5})).await,
                None => app.search_image(json!({"image_id": query["image_id"], "limit": 5})).await,
            };
            assert_eq!(ids(&query[side]), search.ids(), "{side} of {}", query["query"]);
            let first = &search.json["hits"][0];
            assert_eq!(query[side][0]["file_name"], first["file_name"]);
            let difference = query[side][0]["distance"].as_f64().unwrap() - first["distance"].as_f64().unwrap();
            assert!(difference.abs() < 1e-4);
        }
    }
    let mut sum = 0.0;
    for query in &queries {
        let [current, candidate] = ["current", "candidate"].map(|side| ids(&query[side]));
        let common = current.iter().filter(|id| candidate.contains(id)).count();
        assert_eq!(query["overlap"], json!(common as f64 / 5.0));
        sum += common as f64 / 5.0;
    }
    assert!((json["mean_overlap"].as_f64().unwrap() - sum / 3.0).abs() < 1e-9);
}

async fn a_model_agrees_with_itself() {
    let (_dir, app) = app_with(12).await;
    let json = compare(&app, TINY, json!({"queries": ["赤"]})).await.json;
    assert_eq!((&json["mean_overlap"], &json["k"]), (&json!(1.0), &json!(10)));
}

async fn a_candidate_with_part_of_the_images_is_compared_over_those() {
    let (_dir, app) = app_with(10).await;
    fill(&app, WIDE).await;
    super::delete(&app, "/models/2/backfill").await;
    for seed in 10..30 {
        app.add(&format!("{seed}.png"), png(seed)).await;
    }
    let json = compare(&app, WIDE, json!({"queries": ["赤い車"], "image_ids": [25], "k": 10})).await.json;
    assert_eq!(
        (&json["partial"], &json["candidate"]["embedded"], &json["candidate"]["total"]),
        (&json!(true), &json!(10), &json!(30))
    );
    for query in json["queries"].as_array().unwrap() {
        for side in ["current", "candidate"] {
            let mut ids = ids(&query[side]);
            ids.sort_unstable();
            assert_eq!(ids, (1..=10).collect::<Vec<_>>(), "{side}");
        }
        assert_eq!(query["overlap"], 1.0);
    }
}

async fn nothing_to_compare_has_no_overlap() {
    let (_dir, app) = app_with(3).await;
    assert_snapshot!("comparison_without_overlap", compare(&app, WIDE, json!({"queries": ["赤"]})).await.json);
}

async fn bad_questions_are_refused() {
    let (_dir, app) = app_with(1).await;
    for body in
        [json!({}), json!({"queries": [" "]}), json!({"queries": ["a"], "k": 0}), json!({"queries": vec!["a"; 101]})]
    {
        compare(&app, WIDE, body).await.assert_problem(400, "invalid_request");
    }
    compare(&app, WIDE, json!({"queries": ["あ".repeat(10_001)]})).await.assert_problem(400, "text_too_long");
    compare(&app, WIDE, json!({"image_ids": [99]})).await.assert_problem(404, "image_not_found");
    compare(&app, WIDE, json!({"query": "a"})).await.assert_problem(400, "invalid_request");
}
