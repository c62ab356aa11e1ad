//! GET /search: the query line.

use reqwest::Method;
use serde_json::json;

use crate::app::{Answer, TestApp, spawn};
use crate::pictures::{BLUE, GREEN, RED, colour};

on_both_stores! {
    a_line_finds_by_words_phrases_and_fields,
    a_minus_leaves_out_images_in_every_mode,
    a_line_is_read_as_the_answer_says,
    a_line_without_words_lists_the_newest_that_its_fields_let_pass,
    the_parameters_of_a_filter_and_the_line_apply_together,
    the_pages_of_a_line_follow_each_other_by_cursor,
    a_plain_line_finds_what_a_hybrid_search_finds,
    a_line_out_of_bounds_is_refused,
}

async fn search(app: &TestApp, pairs: &[(&str, &str)]) -> Answer {
    Answer::read(app.request(Method::GET, "/search").query(pairs).send().await.unwrap()).await
}

async fn found(app: &TestApp, line: &str) -> Vec<i64> {
    let answer = search(app, &[("q", line), ("mode", "keyword")]).await;
    assert_eq!(answer.status, 200, "{line}: {}", answer.json);
    answer.ids()
}

/// Starts an app with a red, a green and a blue image. Red and green are tagged 海, and red was taken in 2024.
async fn colours() -> (TestApp, [i64; 3]) {
    let app = spawn();
    let red = app.add_with_caption(colour(RED, 0), "a red car by the sea").await;
    let green = app.add_with_caption(colour(GREEN, 0), "a green car").await;
    let blue = app.add_with_caption(colour(BLUE, 0), "the red and blue sea").await;
    for (id, change) in
        [(red, json!({"tags": ["海"], "taken_at": "2024-05-01"})), (green, json!({"tags": ["海", "New York"]}))]
    {
        assert_eq!(app.send_json(Method::PATCH, &format!("/images/{id}"), &change).await.status, 200);
    }
    (app, [red, green, blue])
}

async fn a_line_finds_by_words_phrases_and_fields() {
    let (app, [red, green, blue]) = colours().await;
    for (line, mut expected) in [
        ("car", vec![red, green]),
        ("red sea", vec![red, blue]),
        ("\"red car\"", vec![red]),
        ("car tag:海", vec![red, green]),
        ("car tag:海 tag:\"new york\"", vec![green]),
        ("car taken:2024-05", vec![red]),
        ("sea ｔａｇ：海", vec![red]),
        ("car taken:2023", vec![]),
        ("car type:png", vec![red, green]),
        ("car type:jpg", vec![]),
        ("car has:taken", vec![red]),
    ] {
        let mut ids = found(&app, line).await;
        ids.sort_unstable();
        expected.sort_unstable();
        assert_eq!(ids, expected, "{line}");
    }
}

async fn a_minus_leaves_out_images_in_every_mode() {
    let (app, [red, green, blue]) = colours().await;
    for mode in ["vector", "keyword", "hybrid"] {
        let ids = async |line: &str| {
            let mut ids = search(&app, &[("q", line), ("mode", mode)]).await.ids();
            ids.sort_unstable();
            ids
        };
        let car = async |line: &str| ids(line).await.into_iter().filter(|id| *id != blue).collect::<Vec<_>>();
        assert_eq!(car("car -green").await, [red], "{mode}");
        assert_eq!(car("car -\"red car\"").await, [green], "{mode}");
        assert_eq!(car("car -has:taken").await, [green], "{mode}");
        assert_eq!(car("car －tag:\"new york\"").await, [red], "{mode}");
    }
    let away = search(&app, &[("q", "car -green"), ("mode", "vector")]).await;
    let plain = search(&app, &[("q", "car"), ("mode", "vector")]).await;
    assert_ne!(away.field(red, "similarity"), plain.field(red, "similarity"), "the query vector stays away too");
}

async fn a_line_is_read_as_the_answer_says() {
    let app = spawn();
    let answer = search(&app, &[("q", "夕焼け \"red car\" -人 TAG:海 12:30")]).await;
    assert_eq!((answer.status, &answer.json["mode"]), (200, &json!("hybrid")), "{}", answer.json);
    assert_snapshot!("read_line", answer.json["query"]);
    assert_eq!(app.search_text(json!({"query": "x"})).await.json["query"], json!(null));
}

async fn a_line_without_words_lists_the_newest_that_its_fields_let_pass() {
    let (app, [red, green, blue]) = colours().await;
    for (line, expected) in
        [("", vec![blue, green, red]), ("tag:海", vec![green, red]), ("-tag:海 -nothing", vec![blue])]
    {
        let answer = search(&app, &[("q", line)]).await;
        assert_eq!(answer.ids(), expected, "{line}");
        assert_eq!(answer.json["total"], json!({"count": expected.len(), "exact": true}), "{line}");
    }
    let weighted = search(&app, &[("q", "tag:海"), ("min_similarity", "0.9"), ("negative_query", "x")]).await;
    assert_eq!(weighted.ids(), [green, red], "there is no vector to compare");
}

async fn the_parameters_of_a_filter_and_the_line_apply_together() {
    let (app, [red, green, _]) = colours().await;
    let both = search(&app, &[("q", "car tag:海"), ("mode", "keyword"), ("tags", "new york")]).await;
    assert_eq!(both.ids(), [green]);
    let neither = search(&app, &[("q", "car has:taken"), ("has_taken_at", "false")]).await;
    assert!(neither.ids().is_empty(), "{}", neither.json);
    let bounds = search(&app, &[("q", "car taken:2024"), ("mode", "keyword"), ("taken_before", "2024-05-02")]).await;
    assert_eq!(bounds.ids(), [red]);
}

async fn the_pages_of_a_line_follow_each_other_by_cursor() {
    let (app, [red, green, blue]) = colours().await;
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    for _ in 0..3 {
        let mut pairs = vec![("q", "sea"), ("limit", "1")];
        if !cursor.is_empty() {
            pairs.push(("cursor", &cursor));
        }
        let page = search(&app, &pairs).await;
        assert_eq!(page.ids().len(), 1, "{}", page.json);
        ids.extend(page.ids());
        cursor = page.json["next_cursor"].as_str().unwrap_or_default().to_owned();
    }
    assert!(cursor.is_empty());
    assert_eq!(ids, search(&app, &[("q", "sea")]).await.ids());
    ids.sort_unstable();
    assert_eq!(ids, [red, green, blue]);

    let first = app.search_text(json!({"query": "sea", "limit": 2})).await.json;
    let rest = app.search_text(json!({"query": "sea", "limit": 2, "cursor": first["next_cursor"]})).await;
    let by_offset = app.search_text(json!({"query": "sea", "limit": 2, "offset": first["next_offset"]})).await;
    assert_eq!((rest.ids().len(), rest.ids()), (1, by_offset.ids()));
    let both = json!({"query": "sea", "cursor": first["next_cursor"], "offset": 2});
    app.search_text(both).await.assert_problem(400, "invalid_request");
    search(&app, &[("q", "sea"), ("cursor", "2")]).await.assert_problem(400, "invalid_request");
}

async fn a_plain_line_finds_what_a_hybrid_search_finds() {
    let (app, _) = colours().await;
    for query in ["sea", "red car", "海", "a green car by the sea"] {
        let line = search(&app, &[("q", query)]).await;
        let hybrid = app.search_text(json!({"query": query, "mode": "hybrid"})).await;
        assert_eq!(line.json["hits"], hybrid.json["hits"], "{query}");
        assert_eq!(line.json["terms"], hybrid.json["terms"], "{query}");
    }
}

async fn a_line_out_of_bounds_is_refused() {
    let app = spawn();
    let many = |field: &str| (0..33).map(|n| format!("{field}{n} ")).collect::<String>();
    for (pairs, field) in [
        ([("q", many("tag:").as_str()), ("limit", "1")], "q"),
        ([("q", many("-w").as_str()), ("limit", "1")], "q"),
        ([("q", "a\0b"), ("limit", "1")], "q"),
        ([("q", "x"), ("mode", "best")], "mode"),
        ([("q", "x"), ("vector_weight", "101")], "weights"),
        ([("q", "x"), ("offset", "1")], "offset"),
    ] {
        let answer = search(&app, &pairs).await;
        answer.assert_problem(400, "invalid_request");
        assert_eq!(answer.json["field"], field, "{}", answer.json);
    }
}
