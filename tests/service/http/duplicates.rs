//! Near-duplicates, relatives, and files that are known already.

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::app::{TestApp, file, spawn};
use crate::pictures::{BLUE, GREEN, RED, YELLOW, colour};

on_both_stores! {
    near_duplicates_are_reported_in_groups,
    byte_equal_files_are_no_near_duplicates,
    an_images_relatives_are_found_without_itself,
    known_files_are_told_by_their_hashes,
    blank_texts_are_none_and_the_null_character_is_refused,
}

/// Starts an app with three red, one green and two blue pictures.
async fn filled() -> (TestApp, [i64; 6]) {
    let app = spawn();
    let mut ids = [0; 6];
    let pictures = [(RED, 0), (BLUE, 0), (GREEN, 0), (RED, 1), (BLUE, 1), (RED, 2)];
    for (id, (rgb, copy)) in ids.iter_mut().zip(pictures) {
        *id = app.add("x.png", colour(rgb, copy)).await;
    }
    (app, ids)
}

fn groups(report: &Value) -> Vec<Vec<i64>> {
    let ids = |group: &Value| {
        let images = group["images"].as_array().unwrap();
        images.iter().map(|image| image["image_id"].as_i64().unwrap()).collect()
    };
    report["groups"].as_array().unwrap().iter().map(ids).collect()
}

async fn near_duplicates_are_reported_in_groups() {
    let (app, [red, blue, _, red_1, blue_1, red_2]) = filled().await;
    let answer = app.get("/images/duplicates").await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert_eq!(groups(&answer.json), [vec![red, red_1, red_2], vec![blue, blue_1]]);
    assert_snapshot!("near_duplicates", answer.json);
    let first = &answer.json["groups"][0];
    assert_eq!(first["images"][0]["similarity"], 1.0);
    assert!(first["images"][2]["similarity"].as_f64().unwrap() > 0.98);
    assert_ne!(first["images"][0]["sha256"], first["images"][1]["sha256"]);

    // The report can be read in parts.
    let one = app.get("/images/duplicates?limit=1").await.json;
    assert_eq!(groups(&one), [vec![red, red_1, red_2]]);
    let cursor = one["next_cursor"].as_str().unwrap();
    let rest = app.get(&format!("/images/duplicates?limit=1&cursor={cursor}")).await.json;
    assert_eq!(groups(&rest), [vec![blue, blue_1]]);
    let end = app.get(&format!("/images/duplicates?cursor={}", rest["next_cursor"].as_str().unwrap())).await.json;
    assert_eq!((groups(&end).len(), &end["next_cursor"]), (0, &Value::Null));

    for query in ["min_similarity=0.4", "min_similarity=1.1", "limit=0", "cursor=x", "offset=1"] {
        app.get(&format!("/images/duplicates?{query}")).await.assert_problem(400, "invalid_request");
    }
}

async fn byte_equal_files_are_no_near_duplicates() {
    let app = spawn();
    let id = app.add("x.png", colour(RED, 0)).await;
    let again = app.upload("y.png", colour(RED, 0)).await;
    assert_eq!((again.status, &again.json["images"][0]["status"]), (200, &json!("known")));
    assert_eq!(again.json["images"][0]["image"]["image_id"], id);
    assert_eq!(groups(&app.get("/images/duplicates").await.json), Vec::<Vec<i64>>::new());
}

async fn an_images_relatives_are_found_without_itself() {
    let (app, [red, _, _, red_1, _, red_2]) = filled().await;
    let all = app.get(&format!("/images/{red}/similar")).await;
    assert_eq!(all.ids().len(), 5);
    assert_eq!(all.json["hits"], app.search_image(json!({"image_id": red})).await.json["hits"]);
    let near = app.get(&format!("/images/{red}/similar?min_similarity=0.95")).await;
    let mut ids = near.ids();
    ids.sort_unstable();
    assert_eq!(ids, [red_1, red_2]);
    let second = app.get(&format!("/images/{red}/similar?min_similarity=0.95&limit=1&offset=1")).await;
    assert_eq!((second.ids(), second.json["next_offset"].is_null()), (near.ids()[1..].to_vec(), true));
    app.get("/images/999/similar").await.assert_problem(404, "image_not_found");
    app.get("/images/x/similar").await.assert_problem(404, "image_not_found");
    app.get(&format!("/images/{red}/similar?min_similarity=2")).await.assert_problem(400, "invalid_request");
}

async fn known_files_are_told_by_their_hashes() {
    let app = spawn();
    let ids = [app.add("a.png", colour(RED, 0)).await, app.add("b.png", colour(BLUE, 0)).await];
    let hash = |rgb| mitsuke_store::Sha256::of(&colour(rgb, 0)).to_string();
    let ask = async |hashes: Value| app.send_json(Method::POST, "/images/known", &json!({"sha256": hashes})).await;
    let upper = hash(BLUE).to_uppercase();
    let answer = ask(json!([upper, hash(YELLOW), hash(RED), hash(BLUE)])).await;
    let known = json!([
        {"sha256": hash(BLUE), "image_id": ids[1]},
        {"sha256": hash(RED), "image_id": ids[0]},
    ]);
    assert_eq!((answer.status, &answer.json["known"]), (200, &known));
    assert_eq!(ask(json!([hash(GREEN)])).await.json, json!({"known": []}));
    let many: Vec<_> = (0..1_001).map(|n| format!("{n:064x}")).collect();
    assert_eq!(ask(json!(many[..1_000])).await.status, 200);
    for unusable in [json!([]), json!(many), json!(["abc"]), json!([format!("+{}", "0".repeat(63))])] {
        ask(unusable).await.assert_problem(400, "invalid_request");
    }
    ask(json!("abc")).await.assert_problem(400, "invalid_request");
    app.get("/images/known").await.assert_problem(405, "method_not_allowed");
}

async fn blank_texts_are_none_and_the_null_character_is_refused() {
    let app = spawn();
    let bytes = crate::pictures::png_with_text(1, &[("Description", "海")]);
    let form = Form::new().part("file", file("a.png", bytes)).text("caption", " 　").text("generation_prompt", "");
    let image = app.post_form("/images", form).await.json["images"][0]["image"].clone();
    assert!(image["caption"].as_str().unwrap().contains('海'), "the caption of the file stays");
    assert!(image["generation_prompt"].is_null());
    let path = format!("/images/{}", image["image_id"]);
    let patch = async |body: Value| app.send_json(Method::PATCH, &path, &body).await;
    assert!(patch(json!({"caption": "　"})).await.json["caption"].is_null());
    assert_eq!(patch(json!({"caption": "猫", "generation_prompt": " "})).await.json["caption"], "猫");

    patch(json!({"caption": "a\u{0}b"})).await.assert_problem(400, "invalid_request");
    app.search_text(json!({"query": "a\u{0}b"})).await.assert_problem(400, "invalid_request");
    app.search_text(json!({"query": "a", "negative_query": "\u{0}"})).await.assert_problem(400, "invalid_request");
    let form = Form::new().part("file", file("b.png", colour(RED, 0))).text("caption", "a\u{0}b");
    app.post_form("/images", form).await.assert_problem(400, "invalid_request");
    assert_eq!(app.get("/images").await.ids().len(), 1);
}
