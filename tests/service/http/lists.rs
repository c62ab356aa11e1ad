//! GET /images: orders, cursors and totals.

use reqwest::Method;
use serde_json::json;

use crate::app::{TestApp, spawn};
use crate::pictures::{encoded, pixels, png};

on_both_stores! {
    images_are_listed_in_every_order,
    the_pages_of_every_order_follow_each_other,
    a_random_order_is_that_of_its_seed,
    a_cursor_of_another_order_is_refused_and_an_old_one_is_read,
    the_total_is_that_of_the_filter,
}

/// Starts an app with four images. Those with a time of taking are the first and the third.
pub async fn shelf() -> (TestApp, [i64; 4]) {
    let app = spawn();
    let large = |seed, edge| encoded(&pixels(seed, edge, edge), image::ImageFormat::Png);
    let ids = [
        app.add("b10.png", large(1, 40)).await,
        app.add("b2.png", large(2, 30)).await,
        app.add("a.png", large(3, 50)).await,
        app.add("c.png", large(4, 20)).await,
    ];
    for (id, taken) in [(ids[0], "2024-05-01T10:00:00+09:00"), (ids[2], "2020-01-01")] {
        app.send_json(Method::PATCH, &format!("/images/{id}"), &json!({"taken_at": taken})).await;
    }
    (app, ids)
}

async fn images_are_listed_in_every_order() {
    let (app, [one, two, three, four]) = shelf().await;
    for (query, expected) in [
        ("", [four, three, two, one]),
        ("sort=uploaded&order=asc", [one, two, three, four]),
        ("sort=taken", [one, three, four, two]),
        ("sort=taken&order=asc", [three, one, four, two]),
        ("sort=name", [three, two, one, four]),
        ("sort=name&order=desc", [four, one, two, three]),
        ("sort=bytes", [three, one, two, four]),
        ("sort=bytes&order=asc", [four, two, one, three]),
    ] {
        assert_eq!(app.get(&format!("/images?{query}")).await.ids(), expected, "{query}");
    }
    for wrong in ["sort=colour", "order=up", "random_seed=x"] {
        app.get(&format!("/images?{wrong}")).await.assert_problem(400, "invalid_request");
    }
}

async fn the_pages_of_every_order_follow_each_other() {
    let (app, ids) = shelf().await;
    for sort in ["uploaded", "taken", "name", "bytes", "random"] {
        for order in ["asc", "desc"] {
            let query = format!("/images?sort={sort}&order={order}&limit=1");
            let mut listed = Vec::new();
            let mut page = app.get(&query).await;
            loop {
                listed.extend(page.ids());
                assert_eq!(page.json["total"], json!({"count": 4, "exact": true}));
                let Some(cursor) = page.json["next_cursor"].as_str() else { break };
                page = app.get(&format!("{query}&cursor={cursor}")).await;
                assert_eq!(page.status, 200, "{}", page.json);
            }
            listed.sort_unstable();
            assert_eq!(listed, ids, "{sort} {order}");
        }
    }
}

async fn a_random_order_is_that_of_its_seed() {
    let app = spawn();
    let mut ids = Vec::new();
    for seed in 0..12 {
        ids.push(app.add("x.png", png(seed)).await);
    }
    let list = async |seed: u64| app.get(&format!("/images?sort=random&random_seed={seed}")).await.ids();
    let order = list(7).await;
    assert_eq!(order, list(7).await);
    assert_ne!(order, list(8).await);
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ids);
    let first = app.get("/images?sort=random&random_seed=7&limit=5").await;
    let cursor = first.json["next_cursor"].as_str().unwrap();
    assert_eq!(
        app.get(&format!("/images?sort=random&cursor={cursor}")).await.ids(),
        order[5..],
        "the cursor has the seed"
    );
    app.get(&format!("/images?sort=random&random_seed=8&cursor={cursor}")).await.assert_problem(400, "invalid_request");
}

async fn a_cursor_of_another_order_is_refused_and_an_old_one_is_read() {
    let (app, [one, two, three, four]) = shelf().await;
    let newest = app.get("/images?limit=1").await;
    let cursor = newest.json["next_cursor"].as_str().unwrap();
    for query in ["sort=name", "order=asc", "sort=random"] {
        let answer = app.get(&format!("/images?{query}&cursor={cursor}")).await;
        answer.assert_problem(400, "invalid_request");
        assert_eq!(answer.json["field"], "cursor");
    }
    let at = newest.json["images"][0]["upload_date"].as_str().unwrap();
    let at = time::OffsetDateTime::parse(at, &time::format_description::well_known::Rfc3339).unwrap();
    let old = format!("{}-{four}", at.unix_timestamp_nanos() / 1_000);
    assert_eq!(app.get(&format!("/images?cursor={old}")).await.ids(), [three, two, one]);
}

async fn the_total_is_that_of_the_filter() {
    let (app, _) = shelf().await;
    for (query, count) in [("limit=1", 4), ("file_name_contains=b", 2), ("min_width=1000", 0)] {
        assert_eq!(app.get(&format!("/images?{query}")).await.json["total"]["count"], count, "{query}");
    }
}
