//! Finding images.

use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::app::{TestApp, file, spawn};
use crate::pictures::{jpeg, png, png_with_text};

on_both_stores! {
    a_text_finds_pictures_nearest_first_and_says_how,
    pages_follow_each_other_without_gaps_or_doubles_in_every_mode,
    an_offset_past_the_end_gives_an_empty_page,
    the_pages_of_every_search_end_with_hit_10000,
    an_empty_query_gives_the_newest_images,
    an_empty_store_answers_with_no_hits,
    a_picture_finds_itself_first,
    more_like_this_leaves_the_image_itself_out,
    a_text_can_be_added_to_a_picture_and_taken_from_a_text,
    min_similarity_cuts_the_tail,
    keywords_are_found_inside_japanese_and_english_text_and_all_are_required,
    nothing_a_caller_types_is_query_syntax,
    hybrid_joins_both_legs,
    a_filter_never_makes_a_page_short,
    searches_go_on_while_pictures_arrive,
}

async fn filled(count: u32) -> (TestApp, Vec<i64>) {
    let app = spawn();
    let mut ids = Vec::new();
    for seed in 0..count {
        ids.push(app.add(&format!("picture-{seed}.png"), png(seed)).await);
    }
    (app, ids)
}

fn distances(answer: &Value) -> Vec<f64> {
    answer["hits"].as_array().unwrap().iter().map(|hit| hit["distance"].as_f64().unwrap()).collect()
}

async fn a_text_finds_pictures_nearest_first_and_says_how() {
    let (app, ids) = filled(20).await;
    let answer = app.search_text(json!({"query": "夕焼けの海"})).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert_eq!(answer.ids().len(), 16, "a full page, as in the original application");
    let mut page = answer.json.clone();
    page["hits"] = json!("[hits]");
    assert_snapshot!("page_of_hits", page);
    let distances = distances(&answer.json);
    assert!(distances.is_sorted(), "{distances:?}");
    for (index, hit) in answer.json["hits"].as_array().unwrap().iter().enumerate() {
        assert_eq!((&hit["rank"], &hit["vector_rank"]), (&json!(index + 1), &json!(index + 1)));
        assert!((hit["similarity"].as_f64().unwrap() + distances[index]).abs() < 1e-6);
        assert!(hit["keyword_rank"].is_null() && ids.contains(&hit["image_id"].as_i64().unwrap()));
        assert!(hit["links"]["thumbnail"].is_string());
    }
    for part in ["encode", "search", "total"] {
        assert!(answer.json["took_ms"][part].as_f64().is_some_and(|ms| ms >= 0.0));
    }
}

async fn pages_follow_each_other_without_gaps_or_doubles_in_every_mode() {
    let (app, ids) = filled(11).await;
    for mode in ["vector", "keyword", "hybrid"] {
        let all = app.search_text(json!({"query": "picture", "mode": mode, "limit": 50})).await.ids();
        assert_eq!(all.len(), ids.len(), "{mode}");
        let mut seen = Vec::new();
        let mut offset = Some(0);
        while let Some(at) = offset {
            let page = app.search_text(json!({"query": "picture", "mode": mode, "limit": 4, "offset": at})).await;
            seen.extend(page.ids());
            offset = page.json["next_offset"].as_u64();
        }
        assert_eq!(seen, all, "{mode}");
    }
}

async fn an_offset_past_the_end_gives_an_empty_page() {
    let (app, _) = filled(3).await;
    let answer = app.search_text(json!({"query": "海", "offset": 9_999})).await;
    assert_eq!((answer.ids().len(), answer.json["next_offset"].is_null()), (0, true));
}

async fn the_pages_of_every_search_end_with_hit_10000() {
    let (app, ids) = filled(2).await;
    let image_id = ids[0];
    for offset in [10_000, u32::MAX] {
        for query in ["海", ""] {
            for mode in ["vector", "keyword", "hybrid"] {
                let answer = app.search_text(json!({"query": query, "mode": mode, "offset": offset})).await;
                answer.assert_problem(400, "page_too_deep");
                assert_eq!((&answer.json["field"], &answer.json["limit"]), (&json!("offset"), &json!(10_000)));
                let detail = answer.json["detail"].as_str().unwrap();
                assert!(detail.contains("a filter") && detail.contains("GET /images"), "{detail}");
            }
        }
        app.search_image(json!({"image_id": image_id, "offset": offset})).await.assert_problem(400, "page_too_deep");
        let form = Form::new().part("file", file("query.png", png(3))).text("offset", offset.to_string());
        app.post_form("/search/image", form).await.assert_problem(400, "page_too_deep");
        let similar = app.get(&format!("/images/{image_id}/similar?offset={offset}")).await;
        similar.assert_problem(400, "page_too_deep");
    }
    // A page that begins before the end is cut off there.
    for mode in ["vector", "keyword", "hybrid"] {
        let answer = app.search_text(json!({"query": "picture", "mode": mode, "offset": 9_990, "limit": 50})).await;
        assert_eq!((answer.status, answer.ids().len()), (200, 0), "{mode}: {}", answer.json);
    }
}

async fn an_empty_query_gives_the_newest_images() {
    let (app, mut ids) = filled(5).await;
    ids.reverse();
    for query in ["", " 　"] {
        let answer = app.search_text(json!({"query": query, "limit": 3})).await;
        assert_eq!(answer.ids(), ids[..3]);
        assert!(answer.json["hits"][0]["distance"].is_null());
        assert_eq!(answer.json["next_offset"], 3);
    }
}

async fn an_empty_store_answers_with_no_hits() {
    let app = spawn();
    for mode in ["vector", "keyword", "hybrid"] {
        let answer = app.search_text(json!({"query": "猫", "mode": mode})).await;
        assert_eq!((answer.status, answer.ids().len()), (200, 0), "{mode}");
    }
}

async fn a_picture_finds_itself_first() {
    let (app, ids) = filled(6).await;
    let form = Form::new().part("file", file("query.png", png(3))).text("limit", "2");
    let answer = app.post_form("/search/image", form).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert_eq!(answer.ids()[0], ids[3]);
    assert!(answer.json["hits"][0]["similarity"].as_f64().unwrap() > 0.999);
    assert_eq!(app.get("/images").await.ids().len(), 6, "the query picture is not stored");
}

async fn more_like_this_leaves_the_image_itself_out() {
    let (app, ids) = filled(6).await;
    let answer = app.search_image(json!({"image_id": ids[2], "limit": 10})).await;
    assert_eq!(answer.ids().len(), 5);
    assert!(!answer.ids().contains(&ids[2]));
    app.search_image(json!({"image_id": 999})).await.assert_problem(404, "image_not_found");
}

async fn a_text_can_be_added_to_a_picture_and_taken_from_a_text() {
    let (app, ids) = filled(12).await;
    let limit = 11;
    let plain = app.search_image(json!({"image_id": ids[0], "limit": limit})).await;
    let with_text = app.search_image(json!({"image_id": ids[0], "text": "夜", "limit": limit})).await;
    assert_ne!(distances(&plain.json), distances(&with_text.json));
    let text = app.search_text(json!({"query": "海", "limit": limit})).await;
    let without = app.search_text(json!({"query": "海", "negative_query": "人", "limit": limit})).await;
    assert_ne!(distances(&text.json), distances(&without.json));
}

async fn min_similarity_cuts_the_tail() {
    let (app, _) = filled(10).await;
    let all = app.search_text(json!({"query": "海", "limit": 10})).await;
    let distances = distances(&all.json);
    let floor = -(distances[3] + distances[4]) / 2.0;
    let cut = app.search_text(json!({"query": "海", "limit": 10, "min_similarity": floor})).await;
    assert_eq!(cut.ids(), all.ids()[..4]);
    assert!(cut.json["next_offset"].is_null());
}

async fn keywords_are_found_inside_japanese_and_english_text_and_all_are_required() {
    let app = spawn();
    let cat = app.add("1.png", png_with_text(1, &[("Description", "白い猫が窓辺で眠る")])).await;
    let woman = app.add("2.png", png_with_text(2, &[("Description", "若い女性と猫 cinematic lighting")])).await;
    let find = |query: &str| app.search_text(json!({"query": query, "mode": "keyword"}));
    let sorted = |mut ids: Vec<i64>| {
        ids.sort_unstable();
        ids
    };
    assert_eq!(sorted(find("猫").await.ids()), [cat, woman]);
    assert_eq!(find("女性").await.ids(), [woman]);
    assert_eq!(find("猫 窓辺").await.ids(), [cat]);
    assert_eq!(find("Lighting").await.ids(), [woman]);
    assert_eq!(find("\"cinematic lighting\"").await.ids(), [woman]);
    assert!(find("\"lighting cinematic\"").await.ids().is_empty());
    assert!(find("犬").await.ids().is_empty());
    assert_snapshot!("keyword_hit", find("女性").await.json);
}

async fn nothing_a_caller_types_is_query_syntax() {
    let app = spawn();
    app.add("1.png", png_with_text(1, &[("Description", "猫")])).await;
    for query in
        ["\" OR *", "猫*", "NEAR(猫 犬)", "'; DROP TABLE images; --", "%", "{猫}", "猫 AND", "a:b", "^猫", "\\", "-"]
    {
        for mode in ["keyword", "hybrid", "vector"] {
            let answer = app.search_text(json!({"query": query, "mode": mode})).await;
            if mode == "keyword" && !query.chars().any(char::is_alphanumeric) {
                answer.assert_problem(400, "keywords_refused");
            } else {
                assert_eq!(answer.status, 200, "{query} in {mode}: {}", answer.json);
            }
        }
    }
    assert_eq!(app.get("/images").await.ids().len(), 1);
}

async fn hybrid_joins_both_legs() {
    let app = spawn();
    let named = app.add("1.png", png_with_text(1, &[("Description", "赤い傘")])).await;
    for seed in 2..8 {
        app.add("x.png", png(seed)).await;
    }
    let answer = app.search_text(json!({"query": "赤い傘", "mode": "hybrid"})).await;
    assert_eq!(answer.ids().len(), 7);
    let hit = answer.json["hits"].as_array().unwrap().iter().find(|hit| hit["image_id"] == named).unwrap().clone();
    assert_eq!(hit["keyword_rank"], 1);
    let vector_rank = hit["vector_rank"].as_f64().unwrap();
    let score = 1.0 / 61.0 + 1.0 / (60.0 + vector_rank);
    assert!((hit["score"].as_f64().unwrap() - score).abs() < 1e-9);
    assert!(hit["distance"].is_number());
}

async fn a_filter_never_makes_a_page_short() {
    let app = spawn();
    let mut jpegs = Vec::new();
    for seed in 0..30 {
        if seed % 10 == 0 {
            jpegs.push(app.add(&format!("photo-{seed}.jpg"), jpeg(seed)).await);
        } else {
            app.add(&format!("drawing-{seed}.png"), png(seed)).await;
        }
    }
    for query in ["海", ""] {
        let filter = json!({"file_types": ["image/jpeg"]});
        let mut ids = app.search_text(json!({"query": query, "limit": 3, "filter": filter})).await.ids();
        ids.sort_unstable();
        assert_eq!(ids, jpegs, "query {query:?}");
    }
    let filter = json!({"file_name_contains": "PHOTO-1"});
    assert_eq!(app.search_text(json!({"query": "海", "filter": filter})).await.ids(), [jpegs[1]]);
    let filter = json!({"uploaded_before": "2001-01-01T00:00:00Z"});
    assert!(app.search_text(json!({"query": "海", "filter": filter})).await.ids().is_empty());
}

async fn searches_go_on_while_pictures_arrive() {
    let (app, _) = filled(4).await;
    let uploads = async {
        for seed in 100..130 {
            app.add("bulk.png", png(seed)).await;
        }
    };
    let searches = futures_util::future::join_all((0..200).map(|_| app.search_text(json!({"query": "海"}))));
    let ((), answers) = tokio::join!(uploads, searches);
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.ids().len() >= 4));
}
