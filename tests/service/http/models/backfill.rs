//! Backfills: old images get embeddings of another model.

use reqwest::Method;
use serde_json::json;

use super::{
    TINY, WIDE, add_folder, counts, delete, falter, fill, model, models_dir, restart_with_models, spawn_with_models,
    switch, until,
};
use crate::app::{Answer, TestApp};
use crate::pictures::{colour, encoded, pixels, png};

on_both_stores! {
    a_backfill_embeds_every_image_and_new_uploads_get_both,
    a_backfill_goes_on_by_itself_after_a_restart,
    stopping_keeps_what_there_is_and_starting_again_goes_on,
    the_current_model_stays_maintained_when_its_backfill_is_stopped,
    a_picture_that_fails_is_listed_skipped_and_tried_again_when_asked,
    an_encoder_that_fails_is_not_held_against_the_pictures,
    an_encoder_that_fails_on_everything_ends_the_run_and_no_picture_is_marked,
    failures_come_in_pages,
    uploads_and_deletes_meanwhile_leave_nothing_missing,
    a_bad_body_starts_nothing,
}

const WHITE: [u8; 3] = [255; 3];

async fn start(app: &TestApp, body: serde_json::Value) -> Answer {
    app.send_json(Method::POST, &format!("/models/{WIDE}/backfill"), &body).await
}

async fn stop(app: &TestApp) -> Answer {
    delete(app, &format!("/models/{WIDE}/backfill")).await
}

async fn add_all(app: &TestApp, seeds: std::ops::Range<u32>) {
    for seed in seeds {
        app.add(&format!("{seed}.png"), png(seed)).await;
    }
}

async fn a_backfill_embeds_every_image_and_new_uploads_get_both() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    add_all(&app, 0..20).await;
    assert_eq!(counts(&model(&app, WIDE).await), [0, 0, 20]);
    let answer = Answer::read(app.request(Method::POST, "/models/2/backfill").send().await.unwrap()).await;
    assert_eq!((answer.status, &answer.json["maintained"]), (202, &json!(true)), "without a body: {}", answer.json);
    let wide = until(&app, WIDE, |model| model["backfill"]["state"] == "finished").await;
    assert_snapshot!("backfilled_model", wide);
    add_all(&app, 20..25).await;
    for id in [TINY, WIDE] {
        assert_eq!(counts(&model(&app, id).await), [25, 0, 25]);
    }
    // The backfill of a complete model finishes at once.
    assert_eq!(counts(&fill(&app, WIDE).await), [25, 0, 25]);
    let text = String::from_utf8(app.get("/metrics").await.bytes).unwrap();
    for line in [
        "mitsuke_model_current{model=\"tiny 1.0.0\"} 1",
        "mitsuke_model_embedded_images{model=\"wide 1.0.0\"} 25",
        "mitsuke_model_missing_images{model=\"wide 1.0.0\"} 0",
        "mitsuke_backfill_state{model=\"wide 1.0.0\",state=\"finished\"} 1",
        "mitsuke_backfill_state{model=\"wide 1.0.0\",state=\"running\"} 0",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}

async fn a_backfill_goes_on_by_itself_after_a_restart() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    add_all(&app, 0..60).await;
    assert_eq!(start(&app, json!({})).await.status, 202);
    let app = restart_with_models(&dir, app.stop(), &[]);
    let wide = until(&app, WIDE, |model| model["embedded"] == 60).await;
    assert_eq!((&wide["maintained"], &wide["failed"]), (&json!(true), &json!(0)));
}

async fn stopping_keeps_what_there_is_and_starting_again_goes_on() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    add_all(&app, 0..60).await;
    assert_eq!(start(&app, json!({})).await.status, 202);
    let stopped = stop(&app).await;
    assert_eq!((stopped.status, &stopped.json["maintained"]), (200, &json!(false)), "{}", stopped.json);
    assert_eq!(stopped.json["backfill"]["state"], "stopped");
    let kept = counts(&stopped.json)[0];
    // No picture is being embedded any more, and new images get no embedding of this model.
    add_all(&app, 60..63).await;
    assert_eq!(counts(&model(&app, WIDE).await), [kept, 0, 63]);
    assert_eq!(stop(&app).await.status, 200, "stopping what does not run");
    let wide = fill(&app, WIDE).await;
    assert_eq!(counts(&wide), [63, 0, 63]);
    assert_eq!(wide["backfill"]["embedded"], json!(63 - kept));
}

async fn the_current_model_stays_maintained_when_its_backfill_is_stopped() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    let stopped = delete(&app, "/models/1/backfill").await;
    assert_eq!((stopped.status, &stopped.json["maintained"]), (200, &json!(true)));
}

async fn a_picture_that_fails_is_listed_skipped_and_tried_again_when_asked() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    let large = encoded(&pixels(7, 400, 300), image::ImageFormat::Png);
    let large = app.add("large.png", large).await;
    add_all(&app, 0..5).await;
    // A limit that is smaller than at the time of the upload makes an old picture unusable.
    let app = restart_with_models(&dir, app.stop(), &[("MITSUKE_MAX_PIXELS", "50000")]);
    let wide = fill(&app, WIDE).await;
    assert_eq!(counts(&wide), [5, 1, 6]);
    assert_eq!((&wide["backfill"]["failed"], &wide["backfill"]["missing"]), (&json!(1), &json!(0)));
    let failures = app.get("/models/2/failures").await.json;
    assert_eq!(failures["failures"][0]["image_id"], large);
    assert_snapshot!("failures", failures);

    let refused = app.send_json(Method::PUT, "/models/current", &json!({"model_id": WIDE})).await;
    refused.assert_problem(409, "coverage_incomplete");
    assert!(refused.json["detail"].as_str().unwrap().contains("retry_failed"));

    let app = restart_with_models(&dir, app.stop(), &[]);
    // A failure is not tried again unless the caller asks for it.
    assert_eq!(counts(&fill(&app, WIDE).await), [5, 1, 6]);
    assert_eq!(start(&app, json!({"retry_failed": true})).await.status, 202);
    let wide = until(&app, WIDE, |model| model["embedded"] == 6).await;
    assert_eq!(counts(&wide), [6, 0, 6]);
    assert_eq!(app.get("/models/2/failures").await.json["failures"], json!([]));
}

async fn an_encoder_that_fails_is_not_held_against_the_pictures() {
    let dir = models_dir();
    falter(&dir, "wide");
    let app = spawn_with_models(&dir);
    add_all(&app, 0..5).await;
    app.add("white.png", colour(WHITE, 0)).await;
    add_all(&app, 5..20).await;
    assert_eq!(start(&app, json!({})).await.status, 202);
    // The backfill embeds the other pictures nevertheless.
    let wide = until(&app, WIDE, |model| model["backfill"]["state"] == "failed").await;
    assert_eq!((counts(&wide), &wide["backfill"]["failed"]), ([20, 0, 21], &json!(0)));
    let reason = wide["backfill"]["reason"].as_str().unwrap();
    assert!(reason.contains("encoder failed") && !reason.contains("memory"), "{reason}");
    assert_eq!(app.get("/models/2/failures").await.json["failures"], json!([]));

    // A new white image is stored nevertheless, and its embedding stays missing instead of failed.
    let white = app.add("white.png", colour(WHITE, 1)).await;
    assert_eq!((white, counts(&model(&app, WIDE).await)), (22, [20, 0, 22]));
    assert_eq!(app.get("/models/2/failures").await.json["failures"], json!([]));

    // When the encoder works again, the backfill continues by itself.
    let data = app.stop();
    add_folder(&dir, "tests/other_models/wide", "wide");
    let app = restart_with_models(&dir, data, &[]);
    let wide = until(&app, WIDE, |model| model["embedded"] == 22).await;
    assert_eq!(counts(&wide), [22, 0, 22]);
}

async fn an_encoder_that_fails_on_everything_ends_the_run_and_no_picture_is_marked() {
    let dir = models_dir();
    falter(&dir, "wide");
    let app = spawn_with_models(&dir);
    for copy in 0..30 {
        app.add("white.png", colour(WHITE, copy)).await;
    }
    assert_eq!(start(&app, json!({})).await.status, 202);
    let wide = until(&app, WIDE, |model| model["backfill"]["state"] == "failed").await;
    assert_eq!((counts(&wide), &wide["maintained"]), ([0, 0, 30], &json!(true)));
}

async fn failures_come_in_pages() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    add_all(&app, 0..5).await;
    let app = restart_with_models(&dir, app.stop(), &[("MITSUKE_MAX_PIXELS", "100")]);
    assert_eq!(counts(&fill(&app, WIDE).await), [0, 5, 5]);
    let (mut path, mut seen) = ("/models/2/failures?limit=2".to_owned(), Vec::new());
    loop {
        let page = app.get(&path).await.json;
        let failures = page["failures"].as_array().unwrap();
        assert!(failures.len() <= 2);
        seen.extend(failures.iter().map(|failure| failure["image_id"].as_i64().unwrap()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/models/2/failures?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    app.get("/models/2/failures?cursor=x").await.assert_problem(400, "invalid_request");
    app.get("/models/2/failures?limit=0").await.assert_problem(400, "invalid_request");
}

async fn uploads_and_deletes_meanwhile_leave_nothing_missing() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    add_all(&app, 0..40).await;
    assert_eq!(start(&app, json!({})).await.status, 202);
    for seed in 40..60 {
        app.add(&format!("{seed}.png"), png(seed)).await;
        assert_eq!(delete(&app, &format!("/images/{}", seed - 39)).await.status, 204);
    }
    for id in [TINY, WIDE] {
        let model = until(&app, id, |model| model["embedded"] == model["total"]).await;
        assert_eq!(counts(&model), [40, 0, 40]);
    }
    // A search by either model finds every image.
    switch(&app, WIDE).await;
    let found = app.search_text(json!({"query": "赤", "limit": 100})).await;
    assert_eq!((found.ids().len(), &found.json["model"]["model_id"]), (40, &json!(WIDE)));
}

async fn a_bad_body_starts_nothing() {
    let dir = models_dir();
    let app = spawn_with_models(&dir);
    start(&app, json!({"retry": true})).await.assert_problem(400, "invalid_request");
    start(&app, json!([])).await.assert_problem(400, "invalid_json");
    let text = app.request(Method::POST, "/models/2/backfill").body("{}");
    Answer::read(text.send().await.unwrap()).await.assert_problem(415, "unsupported_media_type");
    assert_eq!(model(&app, WIDE).await["maintained"], false);
}
