//! Removing a model's embeddings.

use reqwest::Method;
use serde_json::json;

use super::{TINY, WIDE, counts, delete, fill, metrics, model, models_dir, spawn_with_models, switch};
use crate::pictures::png;

on_both_stores! {
    a_retired_model_loses_its_embeddings_and_nothing_else_does,
    the_current_model_cannot_be_retired,
    a_model_that_is_being_filled_is_stopped_first,
    a_start_and_a_retirement_at_once_end_as_one_after_the_other,
}

async fn a_retired_model_loses_its_embeddings_and_nothing_else_does() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    for seed in 0..8 {
        app.add("a.png", png(seed)).await;
    }
    fill(&app, WIDE).await;
    switch(&app, WIDE).await;
    assert_eq!(counts(&fill(&app, TINY).await), [8, 0, 8]);
    let backfill = "mitsuke_backfill_state{model=\"tiny 1.0.0\"";
    assert!(metrics(&app).await.contains(backfill));
    let answer = delete(&app, &format!("/models/{TINY}/embeddings")).await;
    assert_eq!((answer.status, &answer.json["removed"]), (200, &json!(8)), "{}", answer.json);
    let text = metrics(&app).await;
    assert!(!text.contains(backfill) && !text.contains("mitsuke_backfill_images{model=\"tiny 1.0.0\""), "{text}");
    let tiny = &answer.json["model"];
    assert_eq!((&tiny["maintained"], counts(tiny)), (&json!(false), [0, 0, 8]));
    assert_eq!(counts(&model(&app, WIDE).await), [8, 0, 8]);
    assert_eq!(app.search_text(json!({"query": "赤"})).await.ids().len(), 8);
    // New images get no embedding of the retired model, and a backfill makes the embeddings again.
    app.add("new.png", png(99)).await;
    assert_eq!(counts(&model(&app, TINY).await), [0, 0, 9]);
    let back = app.send_json(Method::PUT, "/models/current", &json!({"model_id": TINY})).await;
    back.assert_problem(409, "coverage_incomplete");
    assert_eq!(counts(&fill(&app, TINY).await), [9, 0, 9]);
    switch(&app, TINY).await;
}

async fn the_current_model_cannot_be_retired() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    app.add("a.png", png(1)).await;
    delete(&app, &format!("/models/{TINY}/embeddings")).await.assert_problem(409, "model_is_current");
    assert_eq!(counts(&model(&app, TINY).await), [1, 0, 1]);
}

async fn a_model_that_is_being_filled_is_stopped_first() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    for seed in 0..60 {
        app.add("a.png", png(seed)).await;
    }
    let started = app.send_json(Method::POST, &format!("/models/{WIDE}/backfill"), &json!({})).await;
    assert_eq!(started.status, 202);
    let answer = delete(&app, &format!("/models/{WIDE}/embeddings")).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    let wide = model(&app, WIDE).await;
    assert_eq!((&wide["maintained"], counts(&wide), &wide["backfill"]), (&json!(false), [0, 0, 60], &json!(null)));
}

async fn a_start_and_a_retirement_at_once_end_as_one_after_the_other() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    for seed in 0..20 {
        app.add("a.png", png(seed)).await;
    }
    let start = async || {
        let answer = app.send_json(Method::POST, &format!("/models/{WIDE}/backfill"), &json!({})).await;
        assert_eq!(answer.status, 202, "{}", answer.json);
    };
    let retire = async || {
        let answer = delete(&app, &format!("/models/{WIDE}/embeddings")).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
    };
    for turn in 0..60 {
        if turn % 2 == 0 {
            tokio::join!(start(), retire());
        } else {
            tokio::join!(retire(), start());
        }
        let wide = model(&app, WIDE).await;
        if wide["maintained"] == true {
            assert!(wide["backfill"].is_object(), "a backfill runs that nobody sees: {wide}");
        } else {
            assert_eq!((counts(&wide), &wide["backfill"]), ([0, 0, 20], &json!(null)));
        }
    }
    assert_eq!(counts(&fill(&app, WIDE).await), [20, 0, 20]);
}
