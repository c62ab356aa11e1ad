//! GET /images/layout: the shapes of a whole list.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{TestApp, spawn};
use crate::http::lists::shelf;
use crate::pictures::{jpeg, png};

on_both_stores! {
    a_layout_has_the_order_of_the_list,
    the_parts_of_a_layout_follow_each_other,
    days_are_those_of_the_order,
    a_random_layout_states_its_seed,
    a_layout_is_narrowed_as_facets_are,
}

const ORDERS: [&str; 10] = [
    "sort=uploaded&order=asc",
    "sort=uploaded&order=desc",
    "sort=taken&order=asc",
    "sort=taken&order=desc",
    "sort=name&order=asc",
    "sort=name&order=desc",
    "sort=bytes&order=asc",
    "sort=bytes&order=desc",
    "sort=random&random_seed=7&order=asc",
    "sort=random&random_seed=7&order=desc",
];

/// Returns the numbers of a field.
fn numbers(layout: &Value, field: &str) -> Vec<i64> {
    layout[field].as_array().unwrap().iter().map(|number| number.as_i64().unwrap()).collect()
}

async fn a_layout_has_the_order_of_the_list() {
    let (app, _) = shelf().await;
    for order in ORDERS {
        let (list, layout) =
            (app.get(&format!("/images?{order}")).await, app.get(&format!("/images/layout?{order}")).await);
        assert_eq!(numbers(&layout.json, "image_ids"), list.ids(), "{order}");
        for (field, plural) in [("width", "widths"), ("height", "heights")] {
            let expected: Vec<_> =
                list.json["images"].as_array().unwrap().iter().map(|image| image[field].clone()).collect();
            assert_eq!(layout.json[plural], json!(expected), "{order}");
        }
        assert_eq!(layout.json["total"], list.json["total"]);
        assert_eq!(layout.json["next_cursor"], json!(null));
    }
    let empty = spawn().get("/images/layout").await;
    assert_eq!((empty.status, &empty.json["image_ids"], &empty.json["days"]), (200, &json!([]), &json!([])));
}

async fn the_parts_of_a_layout_follow_each_other() {
    let (app, _) = shelf().await;
    for order in ORDERS {
        let whole = app.get(&format!("/images/layout?{order}")).await.json;
        let first = app.get(&format!("/images/layout?{order}&limit=3")).await.json;
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = app.get(&format!("/images/layout?{order}&limit=3&cursor={cursor}")).await.json;
        let both = [numbers(&first, "image_ids"), numbers(&second, "image_ids")].concat();
        assert_eq!(both, numbers(&whole, "image_ids"), "{order}");
        assert_eq!((&second["next_cursor"], &second["total"]["count"]), (&json!(null), &json!(4)));
    }
    for (query, field) in
        [("limit=0", "limit"), ("limit=20001", "limit"), ("cursor=x", "cursor"), ("colour=1", "colour")]
    {
        let answer = app.get(&format!("/images/layout?{query}")).await;
        answer.assert_problem(400, "invalid_request");
        assert_eq!(answer.json["field"], field);
    }
}

async fn days_are_those_of_the_order() {
    let (app, ids) = shelf().await;
    // 2024-05-01 by the clock of the camera, which is a day later than by UTC.
    app.send_json(Method::PATCH, &format!("/images/{}", ids[0]), &json!({"taken_at": "2024-05-01T01:00:00+09:00"}))
        .await;
    app.send_json(Method::PATCH, &format!("/images/{}", ids[1]), &json!({"taken_at": "1969-12-31T23:00:00"})).await;
    let layout = async |order: &str| app.get(&format!("/images/layout?{order}")).await.json["days"].clone();
    assert_eq!(layout("sort=taken").await, json!([19844, 18262, -1, null]));
    let uploaded = app.get(&format!("/images/{}", ids[3])).await.json["uploaded_at"].as_str().unwrap()[..10].to_owned();
    let date = time::Date::parse(&uploaded, &time::macros::format_description!("[year]-[month]-[day]")).unwrap();
    let day = (date - time::macros::date!(1970 - 01 - 01)).whole_days();
    assert_eq!(layout("sort=uploaded").await[0], day);
    for order in ["sort=name", "sort=bytes", "sort=random"] {
        assert_eq!(layout(order).await, json!(null), "{order}");
    }
}

async fn a_random_layout_states_its_seed() {
    let app = spawn();
    for seed in 0..12 {
        app.add("x.png", png(seed)).await;
    }
    let drawn = app.get("/images/layout?sort=random").await.json;
    let seed = drawn["random_seed"].as_u64().unwrap();
    assert!(seed < 1 << 53, "JavaScript reads {seed} exactly");
    let again = app.get(&format!("/images/layout?sort=random&random_seed={seed}")).await.json;
    assert_eq!((&again["image_ids"], &again["random_seed"]), (&drawn["image_ids"], &json!(seed)));
    assert_eq!(app.get("/images/layout").await.json["random_seed"], json!(null));
}

async fn a_layout_is_narrowed_as_facets_are() {
    let app: TestApp = spawn();
    let sea = app.add_with_caption(png(1), "a ship on the sea").await;
    let tagged = app.add_with_caption(jpeg(2), "a ship in port").await;
    app.add_with_caption(png(3), "a cat").await;
    app.send_json(Method::PATCH, &format!("/images/{tagged}"), &json!({"tags": ["港"]})).await;
    for (pairs, expected) in [
        (vec![("q", "ship")], vec![tagged, sea]),
        (vec![("q", "ship -port")], vec![sea]),
        (vec![("q", "tag:港")], vec![tagged]),
        (vec![("q", "ship"), ("file_types", "image/png")], vec![sea]),
        (vec![("q", "nothing")], vec![]),
    ] {
        let request = app.request(Method::GET, "/images/layout").query(&pairs);
        let layout: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(numbers(&layout, "image_ids"), expected, "{pairs:?}");
        assert_eq!(layout["total"]["count"], expected.len(), "{pairs:?}");
    }
}
