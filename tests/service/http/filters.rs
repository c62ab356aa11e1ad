//! Filters, which are the same in a body and in a query string.

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::app::{TestApp, file, spawn};
use crate::pictures::{encoded, jpeg, pixels, png, png_with_text};

on_both_stores! {
    every_field_of_a_filter_works_in_a_body_and_in_a_query_string,
    filtered_pages_of_the_list_are_full_and_follow_each_other,
    a_filter_that_makes_no_sense_says_what_does,
}

fn sorted(mut ids: Vec<i64>) -> Vec<i64> {
    ids.sort_unstable();
    ids
}

/// Asserts that a filter lets these images through, wherever it is given.
async fn assert_passes(app: &TestApp, filter: Value, expected: &[i64]) {
    for body in [json!({"query": ""}), json!({"query": "red"}), json!({"query": "red", "mode": "hybrid"})] {
        let mut body = body;
        body["filter"] = filter.clone();
        let answer = app.search_text(body).await;
        assert_eq!(answer.status, 200, "{filter}: {}", answer.json);
        assert_eq!(sorted(answer.ids()), expected, "{filter}");
    }
    let pairs: Vec<(String, String)> = filter
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let list = value.as_array().map(|list| list.iter().map(text).collect::<Vec<_>>().join(","));
            (name.clone(), list.unwrap_or_else(|| text(value)))
        })
        .collect();
    let request = app.request(Method::GET, "/images?limit=50").query(&pairs);
    let listed = crate::app::Answer::read(request.send().await.unwrap()).await;
    assert_eq!(listed.status, 200, "{pairs:?}: {}", listed.json);
    assert_eq!(sorted(listed.ids()), expected, "{pairs:?}");
}

async fn every_field_of_a_filter_works_in_a_body_and_in_a_query_string() {
    let app = spawn();
    let parameters = |model: &str, seed: u64| {
        let lora = if model == "flux" { " <lora:ink:0.8>" } else { "" };
        format!("a cat{lora}\nNegative prompt: dog\nSteps: 9, Sampler: DPM++ 2M Karras, Seed: {seed}, Model: {model}")
    };
    let generated = app.add("IMG_0001.png", png_with_text(1, &[("parameters", &parameters("sdxl_base", 42))])).await;
    let other = app.add("IMG_0002.png", png_with_text(2, &[("parameters", &parameters("flux", 7))])).await;
    let captioned = app.add("夕焼け.png", png_with_text(3, &[("Description", "海")])).await;
    let photo = app.add("photo.jpg", jpeg(4)).await;
    let large = app.add("large.png", encoded(&pixels(5, 300, 200), image::ImageFormat::Png)).await;
    for (image_id, tags) in [(photo, json!(["Sea", "New York"])), (large, json!(["sea"]))] {
        app.send_json(Method::PATCH, &format!("/images/{image_id}"), &json!({ "tags": tags })).await;
    }
    let facts = json!({"source_path": "Photos/Kyoto/photo.jpg", "taken_at": "2024-05-01T12:34:56+09:00"});
    app.send_json(Method::PATCH, &format!("/images/{photo}"), &facts).await;
    let all = [generated, other, captioned, photo, large];
    let bytes = app.get(&format!("/images/{large}")).await.json["bytes"].clone();

    let cases = [
        (json!({}), all.to_vec()),
        (json!({"file_types": ["IMAGE/jpeg"]}), vec![photo]),
        (json!({"file_types": ["image/png", "image/jpeg"]}), all.to_vec()),
        (json!({"uploaded_before": "2001-01-01T00:00:00Z"}), vec![]),
        (json!({"uploaded_from": "2001-01-01T09:00:00+09:00"}), all.to_vec()),
        (json!({"min_width": 100}), vec![large]),
        (json!({"max_width": 24, "max_height": 24}), vec![generated, other, captioned]),
        (json!({"min_height": 25, "max_height": 199}), vec![photo]),
        (json!({"min_bytes": bytes, "max_bytes": bytes}), vec![large]),
        (json!({"has_generation_prompt": true}), vec![generated, other]),
        (json!({"has_caption": true}), vec![captioned]),
        (json!({"file_name_contains": "焼"}), vec![captioned]),
        (json!({"file_name_pattern": "img_000?.*"}), vec![generated, other]),
        (json!({"file_name_pattern": "*.jpg"}), vec![photo]),
        (json!({"generation_model": "SDXL_base"}), vec![generated]),
        (json!({"checkpoints": ["nothing", "FLUX"]}), vec![other]),
        (json!({"samplers": ["dpm++ 2m karras"]}), vec![generated, other]),
        (json!({"loras": ["ｉｎｋ"], "any_loras": ["nobody", "ink"]}), vec![other]),
        (json!({"loras": ["ink", "nobody"]}), vec![]),
        (json!({"folders": ["/Photos"]}), vec![photo]),
        (json!({"folders": ["kyoto", "nowhere"]}), vec![photo]),
        (json!({"folders": ["/Kyoto"]}), vec![]),
        (json!({"taken_from": "2024-05-01", "taken_before": "2024-05-02"}), vec![photo]),
        (json!({"taken_before": "2024-05-01T12:34:56"}), vec![]),
        (json!({"has_taken_at": false}), vec![generated, other, captioned, large]),
        (json!({"cameras": ["Canon"]}), vec![]),
        (json!({"without_tags": ["new york", "nobody"]}), vec![generated, other, captioned, large]),
        (json!({"terms": ["海"]}), vec![captioned]),
        (json!({"without_terms": ["海", "a dog"], "file_types": ["image/png"]}), vec![generated, other, large]),
        (json!({"sampler": "dpm++ 2m karras", "seed": 7}), vec![other]),
        (json!({"tags": ["ＳＥＡ"]}), vec![photo, large]),
        (json!({"tags": ["sea", "new  york"]}), vec![photo]),
        (json!({"any_tags": ["new york", "nobody"]}), vec![photo]),
        (json!({"tags": "", "any_tags": []}), all.to_vec()),
        (json!({"sampler": "", "file_name_pattern": " ", "file_name_contains": ""}), all.to_vec()),
    ];
    for (filter, expected) in cases {
        assert_passes(&app, filter, &expected).await;
    }
    let relatives = app.get(&format!("/images/{photo}/similar?file_types=image/png&min_width=100")).await;
    assert_eq!(relatives.ids(), [large]);
    let form = Form::new().part("file", file("q.png", png(9))).text("filter", r#"{"seed": 42}"#);
    assert_eq!(app.post_form("/search/image", form).await.ids(), [generated]);
}

async fn filtered_pages_of_the_list_are_full_and_follow_each_other() {
    let app = spawn();
    let mut expected = Vec::new();
    for seed in 0..12 {
        if seed % 3 == 0 {
            expected.insert(0, app.add("photo.jpg", jpeg(seed)).await);
        } else {
            app.add("drawing.png", png(seed)).await;
        }
    }
    let first = app.get("/images?file_types=image/jpeg&limit=3").await;
    assert_eq!(first.ids(), expected[..3]);
    let cursor = first.json["next_cursor"].as_str().unwrap();
    let second = app.get(&format!("/images?limit=3&file_types=image/jpeg&cursor={cursor}")).await;
    assert_eq!((second.ids(), second.json["next_cursor"].is_null()), (expected[3..].to_vec(), true));
}

async fn a_filter_that_makes_no_sense_says_what_does() {
    let app = spawn();
    let mut problems = Vec::new();
    for (filter, code) in [
        (json!({"file_types": ["image/svg+xml"]}), "invalid_request"),
        (json!({"uploaded_from": "2026-01-01"}), "invalid_request"),
        (json!({"min_width": 3, "max_width": 2}), "invalid_request"),
        (json!({"file_name_pattern": "x".repeat(256)}), "text_too_long"),
        (json!({"sampler": "a\u{0}b"}), "invalid_request"),
        (json!({"colour": "red"}), "invalid_request"),
        (json!([["image/png"]]), "invalid_request"),
    ] {
        let answer = app.search_text(json!({"query": "", "filter": filter})).await;
        answer.assert_problem(400, code);
        problems.push(answer.json);
    }
    assert_snapshot!("filters_that_make_no_sense", problems);

    for query in ["file_types=image/svg", "uploaded_from=yesterday", "min_bytes=5&max_bytes=4", "has_caption=perhaps"] {
        app.get(&format!("/images?{query}")).await.assert_problem(400, "invalid_request");
    }
    app.get("/images/1/similar?page=2").await.assert_problem(400, "invalid_request");
}
