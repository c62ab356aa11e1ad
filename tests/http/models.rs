//! Models and the current one.

use reqwest::Method;
use serde_json::json;

use crate::app::spawn;
use crate::pictures::png;

#[tokio::test]
async fn the_models_are_listed_with_their_coverage() {
    let app = spawn();
    app.add("a.png", png(1)).await;
    let models = app.get("/models").await.json["models"].clone();
    let model = &models[0];
    assert_eq!((&model["is_current"], &model["state"]), (&json!(true), &json!("ready")));
    assert_eq!((&model["embedded"], &model["total"]), (&json!(1), &json!(1)));
    assert!(model["vector_dimension"].as_u64().is_some_and(|dimension| dimension > 0));
    assert!(model["backfill"].is_null());
    let id = model["model_id"].as_i64().unwrap();
    assert_eq!(&app.get(&format!("/models/{id}")).await.json, model);
    assert_eq!(&app.get("/models/current").await.json, model);
}

#[tokio::test]
async fn switching_to_the_current_model_changes_nothing() {
    let app = spawn();
    let answer = app.send_json(Method::PUT, "/models/current", &json!({"model_id": 1})).await;
    assert_eq!((answer.status, &answer.json["is_current"]), (200, &json!(true)));
}

#[tokio::test]
async fn an_unknown_model_is_refused() {
    let app = spawn();
    app.get("/models/77").await.assert_problem(404, "model_not_found");
    app.get("/models/none").await.assert_problem(404, "model_not_found");
    let answer = app.send_json(Method::PUT, "/models/current", &json!({"model_id": 77})).await;
    answer.assert_problem(404, "model_not_found");
}
