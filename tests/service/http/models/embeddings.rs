//! GET /models/{model_id}/embeddings.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::app::{spawn, spawn_with};
use crate::pictures::{BLUE, RED, colour};

on_both_stores! {
    embeddings_come_in_the_order_of_the_request,
    embeddings_that_cannot_be_read_are_refused,
}

async fn embeddings_come_in_the_order_of_the_request() {
    let app = spawn();
    let (red, blue) = (app.add("red.png", colour(RED, 0)).await, app.add("blue.png", colour(BLUE, 0)).await);
    let model = app.get("/models/current").await.json;
    let path = format!("/models/{}/embeddings", model["model_id"]);
    let answer = app.get(&format!("{path}?image_ids={blue},999,{red},{blue}")).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    for field in ["model_id", "model_name", "model_version"] {
        assert_eq!(answer.json["model"][field], model[field]);
    }
    assert_eq!(answer.json["vector_dimension"], model["vector_dimension"]);
    let embeddings = answer.json["embeddings"].as_array().unwrap();
    let ids: Vec<_> = embeddings.iter().map(|embedding| embedding["image_id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [blue, red]);
    let vectors: Vec<Vec<f32>> = embeddings.iter().map(|one| floats(one["vector"].as_str().unwrap())).collect();
    for vector in &vectors {
        assert_eq!(vector.len(), model["vector_dimension"].as_u64().unwrap() as usize);
        assert!((dot(vector, vector) - 1.0).abs() < 1e-3, "{vector:?}");
    }
    // The similarity of the hits is that of the embeddings.
    let hits = app.search_image(json!({"image_ids": [red]})).await;
    let similarity = hits.json["hits"][0]["similarity"].as_f64().unwrap();
    assert!((f64::from(dot(&vectors[0], &vectors[1])) - similarity).abs() < 1e-3, "{similarity}");
}

fn floats(base64: &str) -> Vec<f32> {
    let bytes = BASE64_STANDARD.decode(base64).unwrap();
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

async fn embeddings_that_cannot_be_read_are_refused() {
    let app = spawn_with(&[("MITSUKE_MAX_PAGE", "2")]);
    let model = app.get("/models/current").await.json["model_id"].clone();
    let path = format!("/models/{model}/embeddings");
    assert_eq!(app.get(&format!("{path}?image_ids=1,2")).await.json["embeddings"], json!([]));
    for query in ["", "?image_ids=", "?image_ids=1,x", "?image_ids=1,2,3"] {
        let answer = app.get(&format!("{path}{query}")).await;
        answer.assert_problem(400, "invalid_request");
        assert_eq!(answer.json["field"], "image_ids", "{query}");
    }
    app.get("/models/999/embeddings?image_ids=1").await.assert_problem(404, "model_not_found");
}
