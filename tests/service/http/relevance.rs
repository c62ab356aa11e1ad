//! The end of a ranking, and the weights of its two legs.

use reqwest::multipart::Form;
use serde_json::json;

use crate::app::{file, spawn};
use crate::pictures::{BLUE, GREEN, PURPLE, RED, YELLOW, colour, png};

on_both_stores! {
    max_gap_is_measured_from_the_best_hit_on_every_page,
    every_kind_of_search_can_be_exact_on_request,
    hybrid_leaves_out_keyword_hits_that_are_not_similar,
    weights_tip_a_hybrid_search_to_either_leg,
    symbols_are_found_and_a_query_without_a_word_is_answered_clearly,
    a_blank_query_with_something_to_compare_is_answered_clearly,
    absent_fields_are_null_everywhere,
    a_picture_is_found_by_its_own_bytes_however_it_was_rounded,
    the_rarest_words_of_a_long_question_decide,
}

async fn max_gap_is_measured_from_the_best_hit_on_every_page() {
    let app = spawn();
    for rgb in [RED, GREEN, BLUE, YELLOW, PURPLE] {
        for copy in 0..3 {
            app.add("x.png", colour(rgb, copy)).await;
        }
    }
    let all = app.search_text(json!({"query": "red", "limit": 15})).await;
    let similarity = |n: usize| all.json["hits"][n]["similarity"].as_f64().unwrap();
    assert!(all.json["least_similarity"].is_null());
    // The gap ends between the last red picture and the next one.
    let gap = similarity(0) - (similarity(2) + similarity(3)) / 2.0;
    let cut = app.search_text(json!({"query": "red", "limit": 15, "max_gap": gap})).await;
    assert_eq!(cut.ids(), all.ids()[..3]);
    assert!((cut.json["least_similarity"].as_f64().unwrap() - (similarity(0) - gap)).abs() < 1e-5);
    let second = app.search_text(json!({"query": "red", "limit": 2, "offset": 2, "max_gap": gap})).await;
    assert_eq!((second.ids(), second.json["next_offset"].is_null()), (all.ids()[2..3].to_vec(), true));
    let wide = app.search_text(json!({"query": "red", "limit": 15, "max_gap": 2})).await;
    assert_eq!(wide.ids(), all.ids());
    let image = app.search_image(json!({"image_id": all.ids()[0], "max_gap": 0.05})).await;
    assert_eq!(image.ids().len(), 2, "the other reds");
    for gap in [json!(-0.1), json!(2.5)] {
        app.search_text(json!({"query": "red", "max_gap": gap})).await.assert_problem(400, "invalid_request");
    }
}

async fn every_kind_of_search_can_be_exact_on_request() {
    let app = spawn();
    for rgb in [RED, GREEN, BLUE, YELLOW, PURPLE] {
        app.add_with_caption(colour(rgb, 0), "a colour").await;
    }
    for mode in ["vector", "keyword", "hybrid"] {
        let plain = app.search_text(json!({"query": "colour", "mode": mode})).await;
        let exact = app.search_text(json!({"query": "colour", "mode": mode, "exact": true})).await;
        assert_eq!((plain.ids().len(), plain.ids()), (5, exact.ids()), "few pictures are always compared exactly");
    }
    let exact = app.search_image(json!({"image_id": 1, "exact": true})).await;
    assert_eq!(exact.ids().len(), 4);
    assert_eq!(app.get("/images/1/similar?exact=true").await.ids(), exact.ids());
    for wrong in [json!("yes"), json!(1)] {
        let answer = app.search_text(json!({"query": "red", "exact": wrong})).await;
        answer.assert_problem(400, "invalid_request");
    }
    app.get("/images/1/similar?exact=yes").await.assert_problem(400, "invalid_request");
}

async fn hybrid_leaves_out_keyword_hits_that_are_not_similar() {
    let app = spawn();
    let red = app.add("x.png", colour(RED, 0)).await;
    let named = app.add_with_caption(colour(GREEN, 0), "red").await;
    let search =
        async |floor: f64| app.search_text(json!({"query": "red", "mode": "hybrid", "min_similarity": floor})).await;
    let all = search(-1.0).await;
    assert_eq!(all.ids(), [named, red], "both legs find the image with the caption");
    let (near, far) =
        (all.field(red, "similarity").as_f64().unwrap(), all.field(named, "similarity").as_f64().unwrap());
    assert!(near > far);
    assert_eq!(search((near + far) / 2.0).await.ids(), [red]);
    let gap = (near - far) / 2.0;
    assert_eq!(app.search_text(json!({"query": "red", "mode": "hybrid", "max_gap": gap})).await.ids(), [red]);
}

async fn weights_tip_a_hybrid_search_to_either_leg() {
    let app = spawn();
    let mut by_keyword = Vec::new();
    for copy in 0..3 {
        app.add("x.png", colour(RED, copy)).await;
        by_keyword.push(app.add_with_caption(colour(GREEN, copy), "red").await);
    }
    let search = async |weights: serde_json::Value| {
        app.search_text(json!({"query": "red", "mode": "hybrid", "weights": weights})).await
    };
    let vector = app.search_text(json!({"query": "red"})).await;
    assert_eq!(search(json!({"keyword": 0})).await.ids(), vector.ids());
    let words = search(json!({"vector": 0})).await;
    assert_eq!(words.ids().len(), 3);
    assert!(words.ids().iter().all(|id| by_keyword.contains(id)));
    assert!(words.json["hits"].as_array().unwrap().iter().all(|hit| hit["distance"].is_number()));
    let heavy = search(json!({"vector": 1, "keyword": 100})).await;
    assert!(heavy.ids()[..3].iter().all(|id| by_keyword.contains(id)));
    let hit = &heavy.json["hits"][0];
    let score =
        1.0 / (60.0 + hit["vector_rank"].as_f64().unwrap()) + 100.0 / (60.0 + hit["keyword_rank"].as_f64().unwrap());
    assert!((hit["score"].as_f64().unwrap() - score).abs() < 1e-9);
    assert_eq!(heavy.json["terms"], json!(["red"]));
    for weights in [json!({"vector": 0, "keyword": 0}), json!({"vector": 101}), json!({"keyword": -0.5})] {
        search(weights).await.assert_problem(400, "invalid_request");
    }
    search(json!([1, 1])).await.assert_problem(400, "invalid_request");
}

async fn symbols_are_found_and_a_query_without_a_word_is_answered_clearly() {
    let app = spawn();
    let cat = app.add_with_caption(colour(RED, 0), "窓辺の🐱").await;
    let star = app.add_with_caption(colour(RED, 1), "★ favourite").await;
    for (query, found) in [("🐱", vec![cat]), ("★", vec![star]), ("★ 🐱", vec![]), ("! ★", vec![star])] {
        let answer = app.search_text(json!({"query": query, "mode": "keyword"})).await;
        assert_eq!(answer.ids(), found, "{query}");
    }
    let refused = app.search_text(json!({"query": "!? …", "mode": "keyword"})).await;
    refused.assert_problem(400, "keywords_refused");
    let hybrid = app.search_text(json!({"query": "!? …", "mode": "hybrid"})).await;
    assert_eq!((hybrid.status, &hybrid.json["terms"]), (200, &json!([])), "the vector leg answers alone");
}

async fn a_blank_query_with_something_to_compare_is_answered_clearly() {
    let app = spawn();
    app.add("x.png", colour(RED, 0)).await;
    for extra in [json!({"negative_query": "red"}), json!({"min_similarity": 0.1}), json!({"max_gap": 0.1})] {
        let mut body = json!({"query": "　"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let answer = app.search_text(body).await;
        answer.assert_problem(400, "invalid_request");
        assert!(answer.json["detail"].as_str().unwrap().contains("`query`"));
    }
    let blank = app.search_text(json!({"query": "", "negative_query": "", "weights": {"text": 2}})).await;
    assert_eq!(blank.ids().len(), 1);
}

async fn absent_fields_are_null_everywhere() {
    let app = spawn();
    app.add("x.png", colour(RED, 0)).await;
    assert_snapshot!("known_file", app.upload("x.png", colour(RED, 0)).await.json);
    let form = Form::new().part("file", file("a", b"no picture".to_vec())).part("file", file("b.png", colour(RED, 1)));
    assert_snapshot!("rejected_and_created_files", app.post_form("/images", form).await.json);
    assert_snapshot!("newest_images", app.search_text(json!({"query": ""})).await.json);
}

async fn a_picture_is_found_by_its_own_bytes_however_it_was_rounded() {
    let app = spawn();
    for seed in 0..30 {
        let id = app.add("x.png", png(seed)).await;
        let form = Form::new().part("file", file("x.png", png(seed))).text("min_similarity", "1");
        let found = app.post_form("/search/image", form).await;
        assert!(found.ids().contains(&id), "{}", found.json);
        assert!(found.json["hits"][0]["similarity"].as_f64().unwrap() <= 1.0);
    }
}

async fn the_rarest_words_of_a_long_question_decide() {
    let app = spawn();
    let words = |range: std::ops::Range<u32>| range.map(|n| format!("w{n:02} ")).collect::<String>();
    let whole = app.add_with_caption(colour(RED, 0), &words(0..40)).await;
    let part = app.add_with_caption(colour(RED, 1), &words(4..40)).await;
    let ask = async |query: String, mode: &str| app.search_text(json!({"query": query, "mode": mode})).await;
    let short = ask(words(0..16), "keyword").await;
    assert_eq!(
        (short.ids(), &short.json["least_terms"], &short.json["left_out"]),
        (vec![whole], &json!(16), &json!(null))
    );
    let long = ask(words(2..90), "keyword").await;
    assert_eq!(long.ids(), [whole, part], "{}", long.json);
    assert_eq!(long.json["terms"], json!(["w02", "w03", "w04", "w05", "w06", "w07"]));
    assert_eq!((&long.json["least_terms"], &long.json["left_out"]["term_count"]), (&json!(3), &json!(82)));
    assert_eq!(long.json["left_out"]["terms"][0], "w08");
    assert_eq!(ask(words(2..90), "hybrid").await.json["terms"], long.json["terms"]);
    let nowhere = ask(words(50..90), "keyword").await;
    assert_eq!((nowhere.status, nowhere.ids().len(), &nowhere.json["terms"]), (200, 0, &json!([])));
    let again = ask("w01 ".repeat(200), "keyword").await;
    assert_eq!(
        (again.ids(), &again.json["least_terms"]),
        (vec![whole], &json!(1)),
        "one word, however often, is one term"
    );
}
