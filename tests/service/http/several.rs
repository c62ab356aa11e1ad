//! POST /images/get: several images by their ids.

use reqwest::Method;
use serde_json::json;

use crate::app::{TestApp, spawn, spawn_with};
use crate::pictures::png;

on_both_stores! {
    images_come_in_the_order_of_the_request_and_unknown_ids_are_named,
    texts_are_shortened_to_what_the_caller_asks_for,
}

async fn get(app: &TestApp, body: serde_json::Value) -> crate::app::Answer {
    app.send_json(Method::POST, "/images/get", &body).await
}

async fn images_come_in_the_order_of_the_request_and_unknown_ids_are_named() {
    let app = spawn_with(&[("MITSUKE_MAX_PAGE", "5")]);
    let (one, two) = (app.add("a.png", png(1)).await, app.add("b.png", png(2)).await);
    let answer = get(&app, json!({"image_ids": [two, 999, one, two, 998]})).await;
    assert_eq!((answer.status, answer.ids()), (200, vec![two, one]), "{}", answer.json);
    assert_eq!(answer.json["unknown"], json!([999, 998]));
    assert_eq!(answer.json["images"][1], app.get(&format!("/images/{one}")).await.json);
    for ids in [json!([]), json!([1, 2, 3, 4, 5, 6])] {
        let refused = get(&app, json!({"image_ids": ids})).await;
        refused.assert_problem(400, "invalid_request");
        assert_eq!((&refused.json["field"], &refused.json["limit"]), (&json!("image_ids"), &json!(5)));
    }
    get(&app, json!({"image_ids": [1], "fields": []})).await.assert_problem(400, "invalid_request");
}

async fn texts_are_shortened_to_what_the_caller_asks_for() {
    let app = spawn();
    let (long, short) =
        (app.add_with_caption(png(1), &"海".repeat(50)).await, app.add_with_caption(png(2), "海").await);
    let cut = get(&app, json!({"image_ids": [long, short], "max_text_chars": 10})).await;
    assert_eq!(cut.field(long, "caption"), &json!("海".repeat(10)));
    assert_eq!(
        (cut.field(long, "texts_shortened"), cut.field(short, "texts_shortened")),
        (&json!(true), &json!(false))
    );
    let whole = get(&app, json!({"image_ids": [long], "max_text_chars": 100_000})).await;
    assert_eq!(whole.field(long, "caption"), &json!("海".repeat(50)));
}
