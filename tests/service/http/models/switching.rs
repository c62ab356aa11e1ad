//! Switching the current model: atomic, never dark, never mixed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::{Value, json};

use super::{TINY, WIDE, counts, delete, fill, model, models_dir, spawn_with_models, switch, until};
use crate::app::TestApp;
use crate::pictures::png;

on_both_stores! {
    an_incomplete_model_does_not_become_current_unless_that_is_asked_for,
    embeddings_that_a_stopped_backfill_left_out_come_by_themselves_after_a_partial_switch,
    switching_back_needs_nothing_because_new_images_get_both,
    fifty_switches_under_fire_and_every_answer_is_right_for_the_model_it_names,
}

async fn an_incomplete_model_does_not_become_current_unless_that_is_asked_for() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    for seed in 0..5 {
        app.add("a.png", png(seed)).await;
    }
    let answer = app.send_json(Method::PUT, "/models/current", &json!({"model_id": WIDE})).await;
    answer.assert_problem(409, "coverage_incomplete");
    assert_snapshot!("coverage_incomplete", answer.json);
    assert_eq!(model(&app, TINY).await["is_current"], true);

    let partial = json!({"model_id": WIDE, "allow_partial": true});
    let answer = app.send_json(Method::PUT, "/models/current", &partial).await;
    assert_eq!((answer.status, &answer.json["state"]), (200, &json!("ready")), "{}", answer.json);
    // The missing embeddings come by themselves, because the current model is always maintained.
    let wide = until(&app, WIDE, |model| model["embedded"] == 5).await;
    assert_eq!(counts(&wide), [5, 0, 5]);
}

async fn embeddings_that_a_stopped_backfill_left_out_come_by_themselves_after_a_partial_switch() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    for seed in 0..30 {
        app.add("a.png", png(seed)).await;
    }
    let started = app.send_json(Method::POST, &format!("/models/{WIDE}/backfill"), &json!({})).await;
    assert_eq!(started.status, 202);
    assert_eq!(delete(&app, &format!("/models/{WIDE}/backfill")).await.json["backfill"]["state"], "stopped");
    for seed in 30..35 {
        app.add("a.png", png(seed)).await;
    }
    assert!(counts(&model(&app, WIDE).await)[0] <= 30);
    let partial = json!({"model_id": WIDE, "allow_partial": true});
    assert_eq!(app.send_json(Method::PUT, "/models/current", &partial).await.status, 200);
    let wide = until(&app, WIDE, |model| model["embedded"] == 35).await;
    assert_eq!(counts(&wide), [35, 0, 35]);
}

async fn switching_back_needs_nothing_because_new_images_get_both() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    app.add("a.png", png(1)).await;
    fill(&app, WIDE).await;
    switch(&app, WIDE).await;
    app.add("b.png", png(2)).await;
    let tiny = model(&app, TINY).await;
    assert_eq!((&tiny["maintained"], &tiny["state"], counts(&tiny)), (&json!(true), &json!("ready"), [2, 0, 2]));
    switch(&app, TINY).await;
    let hits = app.search_text(json!({"query": "赤"})).await;
    assert_eq!((hits.ids().len(), &hits.json["model"]["model_name"]), (2, &json!("tiny")));
}

/// Promise 1: a query and the vectors it is compared with come from one model, always.
async fn fifty_switches_under_fire_and_every_answer_is_right_for_the_model_it_names() {
    const QUERIES: [&str; 4] = ["赤い車", "青い海", "緑", "yellow flower"];
    let dir = models_dir();
    let app = Arc::new(spawn_with_models(&dir));
    for seed in 0..30 {
        app.add(&format!("{seed}.png"), png(seed)).await;
    }
    fill(&app, WIDE).await;
    // The answers of each model while nothing else happens.
    let mut expected: HashMap<(i64, usize), Value> = HashMap::new();
    for model_id in [TINY, WIDE] {
        switch(&app, model_id).await;
        for number in 0..2 * QUERIES.len() {
            expected.insert((model_id, number), ask(&app, &QUERIES, number).await);
        }
    }
    assert!((0..8).all(|number| distances(&expected[&(TINY, number)]) != distances(&expected[&(WIDE, number)])));

    let (expected, done) = (Arc::new(expected), Arc::new(AtomicBool::new(false)));
    let seen = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let hammers: Vec<_> = (0..4)
        .map(|first| {
            let (app, expected, done, seen) = (app.clone(), expected.clone(), done.clone(), seen.clone());
            tokio::spawn(async move {
                let mut number = first;
                while !done.load(Ordering::Relaxed) {
                    let answer = ask(&app, &QUERIES, number % 8).await;
                    let model_id = answer["model"]["model_id"].as_i64().unwrap();
                    assert_same(&answer, &expected[&(model_id, number % 8)]);
                    seen[usize::from(model_id == WIDE)].fetch_add(1, Ordering::Relaxed);
                    number += 1;
                }
            })
        })
        .collect();
    for turn in 0..50 {
        let before = seen.iter().map(|count| count.load(Ordering::Relaxed)).sum::<usize>();
        switch(&app, if turn % 2 == 0 { TINY } else { WIDE }).await;
        // A few answers between two switches, however slow the machine.
        while seen.iter().map(|count| count.load(Ordering::Relaxed)).sum::<usize>() < before + 4 {
            assert!(hammers.iter().all(|hammer| !hammer.is_finished()), "a search failed");
            tokio::task::yield_now().await;
        }
    }
    done.store(true, Ordering::Relaxed);
    for hammer in hammers {
        hammer.await.unwrap();
    }
    let [tiny, wide] = [0, 1].map(|index| seen[index].load(Ordering::Relaxed));
    assert!(tiny >= 50 && wide >= 50, "{tiny} answers of tiny, {wide} of wide");
}

/// Sends one of the searches. The first half of the numbers are searches by text, the others by a stored image.
async fn ask(app: &TestApp, queries: &[&str], number: usize) -> Value {
    let answer = match queries.get(number) {
        Some(query) => app.search_text(json!({"query": query, "limit": 20})).await,
        None => app.search_image(json!({"image_id": number, "limit": 20})).await,
    };
    assert_eq!(answer.status, 200, "{}", answer.json);
    answer.json
}

fn distances(answer: &Value) -> Vec<(i64, f64)> {
    let hits = answer["hits"].as_array().unwrap().iter();
    hits.map(|hit| (hit["image_id"].as_i64().unwrap(), hit["distance"].as_f64().unwrap())).collect()
}

/// Asserts the same hits at the same distances, but for the last digits, which depend on the batch.
fn assert_same(answer: &Value, expected: &Value) {
    let (found, known) = (distances(answer), distances(expected));
    assert_eq!(found.len(), known.len());
    for ((image_id, distance), (_, at_this_rank)) in found.iter().zip(&known) {
        assert!((distance - at_this_rank).abs() < 1e-4, "{answer}\nis not\n{expected}");
        if let Some((_, known)) = known.iter().find(|(known, _)| known == image_id) {
            assert!((distance - known).abs() < 1e-4, "{answer}\nis not\n{expected}");
        }
    }
}
