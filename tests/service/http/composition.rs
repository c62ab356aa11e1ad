//! Queries that combine texts and pictures.

use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, file, spawn};
use crate::pictures::{BLUE, GREEN, PURPLE, RED, YELLOW, colour};

on_both_stores! {
    a_negative_query_pushes_away_what_it_names_the_more_the_heavier,
    a_text_pulls_pictures_by_its_weight,
    several_images_are_searched_by_together,
    ids_in_a_form_come_one_by_one_or_separated_by_commas,
    a_query_that_cannot_be_composed_says_why,
}

/// Starts an app with one image of each colour: red, green, blue, yellow, purple.
async fn colours() -> (TestApp, [i64; 5]) {
    let app = spawn();
    let mut ids = [0; 5];
    for (id, rgb) in ids.iter_mut().zip([RED, GREEN, BLUE, YELLOW, PURPLE]) {
        *id = app.add("colour.png", colour(rgb, 0)).await;
    }
    (app, ids)
}

fn similarity(answer: &Answer, image_id: i64) -> f64 {
    answer.field(image_id, "similarity").as_f64().unwrap()
}

async fn a_negative_query_pushes_away_what_it_names_the_more_the_heavier() {
    let (app, [_, _, blue, _, purple]) = colours().await;
    let search = async |weight: Value| {
        let mut body = json!({"query": "red", "limit": 5});
        if !weight.is_null() {
            body["negative_query"] = json!("blue");
            body["weights"] = json!({"negative": weight});
        }
        app.search_text(body).await
    };
    let mut before = search(Value::Null).await;
    for weight in [0.3, 1.0] {
        let pushed = search(json!(weight)).await;
        for image_id in [blue, purple] {
            assert!(similarity(&pushed, image_id) < similarity(&before, image_id), "{weight}");
        }
        before = pushed;
    }
    let default = app.search_text(json!({"query": "red", "negative_query": "blue", "limit": 5})).await;
    let half = search(json!(0.5)).await;
    assert_eq!(default.json["hits"], half.json["hits"], "the default weight is a half");
    let blank = app.search_text(json!({"query": "red", "negative_query": " ", "limit": 5})).await;
    assert_eq!(blank.json["hits"], search(Value::Null).await.json["hits"], "a blank negative query counts as none");
}

async fn a_text_pulls_pictures_by_its_weight() {
    let (app, [red, green, blue, ..]) = colours().await;
    let search = async |weights: Value| {
        app.search_image(json!({"image_id": red, "text": "blue", "weights": weights, "limit": 5})).await
    };
    let alone = app.search_image(json!({"image_id": red, "limit": 5})).await;
    assert_eq!(search(json!({"text": 0})).await.json["hits"], alone.json["hits"]);
    let (light, heavy) = (search(json!({"text": 0.5})).await, search(json!({"text": 4})).await);
    assert!(similarity(&alone, blue) < similarity(&light, blue) && similarity(&light, blue) < similarity(&heavy, blue));
    assert_eq!(search(json!({})).await.json["hits"], search(json!({"image": 2, "text": 2})).await.json["hits"]);
    let away = app.search_image(json!({"image_id": red, "negative_query": "green", "limit": 5})).await;
    assert!(similarity(&away, green) < similarity(&alone, green));
}

async fn several_images_are_searched_by_together() {
    let (app, [red, green, blue, yellow, purple]) = colours().await;
    let answer = app.search_image(json!({"image_ids": [red, blue]})).await;
    assert_eq!(answer.ids()[0], purple, "what both have in common");
    assert!(!answer.ids().contains(&red) && !answer.ids().contains(&blue));
    let answer = app.search_image(json!({"image_id": red, "image_ids": [green]})).await;
    assert_eq!(answer.ids()[0], yellow);

    // A form can send one of the pictures instead of its id. Its image is then among the hits.
    let form = Form::new().part("file", file("q.png", colour(RED, 0))).text("image_id", blue.to_string());
    let mixed = app.post_form("/search/image", form).await;
    assert_eq!(mixed.status, 200, "{}", mixed.json);
    let ids = app.search_image(json!({"image_ids": [red, blue]})).await;
    for image_id in [purple, green, yellow] {
        assert!((similarity(&mixed, image_id) - similarity(&ids, image_id)).abs() < 1e-3);
    }
    assert!(mixed.ids().contains(&red) && !mixed.ids().contains(&blue));

    let files = [RED, BLUE].map(|rgb| file("q.png", colour(rgb, 0)));
    let form = files.into_iter().fold(Form::new(), |form, part| form.part("file", part));
    let uploaded = app.post_form("/search/image", form.text("weights", "{\"image\": 2}").text("limit", "5")).await;
    assert!((similarity(&uploaded, purple) - similarity(&ids, purple)).abs() < 1e-3);
    assert_eq!(app.get("/images").await.ids().len(), 5, "query pictures are not stored");
}

async fn ids_in_a_form_come_one_by_one_or_separated_by_commas() {
    let (app, [red, _, blue, ..]) = colours().await;
    let expected = app.search_image(json!({"image_ids": [red, blue]})).await.json["hits"].clone();
    let (a, b) = (red.to_string(), blue.to_string());
    let twice = Form::new().text("image_id", a.clone()).text("image_id", b.clone());
    let list = Form::new().text("image_id", format!("{a}, {b}"));
    for form in [twice, list] {
        assert_eq!(app.post_form("/search/image", form).await.json["hits"], expected);
    }
    let form = Form::new().text("image_id", "one");
    app.post_form("/search/image", form).await.assert_problem(400, "invalid_request");
}

async fn a_query_that_cannot_be_composed_says_why() {
    let (app, [red, ..]) = colours().await;
    let mut problems = Vec::new();
    for (body, status, code) in [
        (json!({}), 400, "invalid_request"),
        (json!({"image_ids": [], "text": "red"}), 400, "invalid_request"),
        (json!({"image_ids": vec![red; 17]}), 413, "too_many_files"),
        (json!({"image_ids": [red, 999]}), 404, "image_not_found"),
        (json!({"image_id": red, "weights": {"image": -1}}), 400, "invalid_request"),
        (json!({"image_id": red, "weights": {"keyword": 1}}), 400, "invalid_request"),
        (json!({"image_id": red, "text": "red", "weights": {"image": 0, "text": 0}}), 400, "invalid_request"),
    ] {
        let answer = app.search_image(body).await;
        answer.assert_problem(status, code);
        problems.push(answer.json);
    }
    assert_snapshot!("queries_that_cannot_be_composed", problems);
    let cancelled = json!({"query": "red", "negative_query": "red", "weights": {"negative": 1}});
    app.search_text(cancelled).await.assert_problem(400, "invalid_request");
    let form = (0..17).fold(Form::new(), |form, n| form.part("file", file("q.png", colour(RED, n))));
    app.post_form("/search/image", form).await.assert_problem(413, "too_many_files");
    app.post_form("/search/image", Form::new().text("text", "red")).await.assert_problem(400, "invalid_request");
    let form = Form::new().text("image_id", red.to_string()).text("filter", "[[\"image/png\"]]");
    app.post_form("/search/image", form).await.assert_problem(400, "invalid_request");
}
