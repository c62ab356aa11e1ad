//! GET /facets and GET /suggestions.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, spawn};
use crate::pictures::{jpeg, png, png_with_text};

on_both_stores! {
    facets_count_the_values_of_all_images,
    facets_count_what_a_filter_and_a_line_let_pass,
    the_query_of_a_value_finds_its_images,
    facets_out_of_bounds_are_refused,
    suggestions_begin_with_what_is_typed,
    the_query_of_a_suggestion_finds_its_images,
}

async fn shelf() -> (TestApp, [i64; 3]) {
    let app = spawn();
    let prompt =
        "sunset over the sea <lora:ink:0.8>\nNegative prompt: dog\nSteps: 9, Sampler: Euler a, Seed: 1, Model: sdxl";
    let ids = [
        app.add("sun-1.png", png_with_text(1, &[("parameters", prompt)])).await,
        app.add("sun-2.png", png(2)).await,
        app.add("moon.jpg", jpeg(3)).await,
    ];
    for (id, change) in [
        (ids[0], json!({"tags": ["海", "Sunny day"], "taken_at": "2024-05-01"})),
        (ids[1], json!({"tags": ["sunny  DAY"], "source_path": "Photos, old/sun-2.png"})),
    ] {
        assert_eq!(app.send_json(Method::PATCH, &format!("/images/{id}"), &change).await.status, 200);
    }
    (app, ids)
}

async fn get(app: &TestApp, path: &str, pairs: &[(&str, &str)]) -> Answer {
    Answer::read(app.request(Method::GET, path).query(pairs).send().await.unwrap()).await
}

/// Returns the values of a facet with their counts.
fn values(answer: &Answer, field: &str) -> Value {
    let facet = answer.json["facets"].as_array().unwrap().iter().find(|facet| facet["field"] == field).unwrap();
    facet["values"].as_array().unwrap().iter().map(|value| json!([value["value"], value["count"]])).collect()
}

async fn facets_count_the_values_of_all_images() {
    let (app, _) = shelf().await;
    let answer = app.get("/facets").await;
    assert_eq!((answer.status, &answer.json["total"]), (200, &json!({"count": 3, "exact": true})), "{}", answer.json);
    for (field, expected) in [
        ("checkpoint", json!([["sdxl", 1]])),
        ("lora", json!([["ink", 1]])),
        ("sampler", json!([["Euler a", 1]])),
        ("tag", json!([["Sunny day", 2], ["海", 1]])),
        ("file_type", json!([["image/png", 2], ["image/jpeg", 1]])),
        ("month", json!([["2024-05", 1]])),
        ("camera", json!([])),
        ("folder", json!([["/Photos, old", 1]])),
    ] {
        assert_eq!(values(&answer, field), expected, "{field}");
    }
    assert_eq!(answer.json["facets"][0]["without"], 2);
    let one = app.get("/facets?fields=tag&limit=1").await.json;
    assert_eq!((one["facets"].as_array().unwrap().len(), &one["facets"][0]["more"]), (1, &json!(true)));
}

async fn facets_count_what_a_filter_and_a_line_let_pass() {
    let (app, _) = shelf().await;
    let filtered = get(&app, "/facets", &[("fields", "tag,month"), ("file_types", "image/png"), ("tags", "海")]).await;
    assert_eq!(values(&filtered, "tag"), json!([["Sunny day", 1], ["海", 1]]));
    let line = get(&app, "/facets", &[("q", "sunset -tag:nothing"), ("fields", "file_type")]).await;
    assert_eq!(values(&line, "file_type"), json!([["image/png", 1]]));
    assert_eq!(line.json["total"]["count"], 1);
}

async fn the_query_of_a_value_finds_its_images() {
    let (app, _) = shelf().await;
    let answer = app.get("/facets").await.json;
    for facet in answer["facets"].as_array().unwrap() {
        for value in facet["values"].as_array().unwrap() {
            let found = get(&app, "/search", &[("q", value["query"].as_str().unwrap())]).await;
            assert_eq!(found.json["total"]["count"], value["count"], "{value}");
        }
    }
}

async fn facets_out_of_bounds_are_refused() {
    let app = spawn();
    for (query, field) in
        [("fields=tag,colour", "fields"), ("limit=0", "limit"), ("limit=101", "limit"), ("prefix=x", "prefix")]
    {
        let answer = app.get(&format!("/facets?{query}")).await;
        answer.assert_problem(400, "invalid_request");
        assert_eq!(answer.json["field"], field);
    }
}

async fn suggestions_begin_with_what_is_typed() {
    let (app, _) = shelf().await;
    let suggested = async |pairs: &[(&str, &str)]| -> Value {
        let answer = get(&app, "/suggestions", pairs).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        let list = answer.json["suggestions"].as_array().unwrap().clone();
        list.iter().map(|one| json!([one["kind"], one["text"], one["count"]])).collect()
    };
    let expected = json!([
        ["tag", "Sunny day", 2],
        ["word", "sunset", 1],
        ["file_name", "sun-1.png", 1],
        ["file_name", "sun-2.png", 1]
    ]);
    assert_eq!(suggested(&[("prefix", "ＳＵＮ")]).await, expected);
    assert_eq!(
        suggested(&[("prefix", "sun"), ("kinds", "file_name,tag"), ("limit", "1")]).await,
        json!([["file_name", "sun-1.png", 1], ["tag", "Sunny day", 2]])
    );
    assert_eq!(suggested(&[("prefix", "nothing")]).await, json!([]));
    assert_eq!(suggested(&[("kinds", "tag")]).await, json!([["tag", "Sunny day", 2], ["tag", "海", 1]]));
    for (query, code) in [("kinds=colour", "invalid_request"), ("limit=21", "invalid_request")] {
        app.get(&format!("/suggestions?{query}")).await.assert_problem(400, code);
    }
    get(&app, "/suggestions", &[("prefix", &"x".repeat(256))]).await.assert_problem(400, "text_too_long");
}

async fn the_query_of_a_suggestion_finds_its_images() {
    let (app, _) = shelf().await;
    let answer = app.get("/suggestions?prefix=su").await.json;
    for suggestion in answer["suggestions"].as_array().unwrap() {
        let query = [("q", suggestion["query"].as_str().unwrap()), ("mode", "keyword")];
        let found = get(&app, "/search", &query).await;
        assert_eq!(found.json["total"]["count"], suggestion["count"], "{suggestion}");
    }
}
