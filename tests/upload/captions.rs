//! Captions that come along.

use serde_json::Value;

use crate::app::{TestApp, spawn};
use crate::pictures;
use crate::proxy::{self, Act, Proxy};
use crate::runner::Desk;

async fn caption(app: &TestApp, file_name: &str) -> Value {
    let page = app.get("/images?limit=200").await;
    let images = page.json["images"].as_array().unwrap();
    images.iter().find(|image| image["file_name"] == file_name).unwrap()["caption"].clone()
}

#[tokio::test]
async fn the_text_beside_a_picture_becomes_its_caption() {
    let (app, desk) = (spawn(), Desk::with_pictures(3));
    desk.write("in/000.txt", "\u{FEFF}夕焼けの海\n");
    desk.write("in/001.png.txt", "a quiet harbour");
    desk.upload(&app.url, &[], 0).assert_row(3, "stored");
    assert_eq!(caption(&app, "000.png").await, "夕焼けの海");
    assert_eq!(caption(&app, "001.png").await, "a quiet harbour");
    assert_eq!(caption(&app, "002.png").await, Value::Null);
}

#[tokio::test]
async fn a_table_names_files_from_its_own_folder_or_from_the_uploaded_one() {
    let (app, desk) = (spawn(), Desk::with_pictures(3));
    desk.write("in/000.txt", "beside");
    desk.write("lists/captions.csv", "\u{FEFF}file,caption\n../in/000.png,表\n001.png,\"b, c\"\nmissing.png,x\n");
    let said = desk.upload(&app.url, &["--captions", "lists/captions.csv"], 0);
    said.assert_says("lists/captions.csv: line 4: no file to upload is named missing.png");
    assert_eq!(caption(&app, "000.png").await, "表");
    assert_eq!(caption(&app, "001.png").await, "b, c");

    desk.write("in/003.png", pictures::png(3));
    desk.write("captions.jsonl", "{\"file\": \"in/003.png\", \"caption\": \"四\"}\n");
    desk.upload(&app.url, &["--captions", "captions.jsonl"], 0).assert_row(1, "stored");
    assert_eq!(caption(&app, "003.png").await, "四");
}

#[tokio::test]
async fn captions_in_another_encoding_are_refused_with_the_way_out() {
    let (app, desk) = (spawn(), Desk::with_pictures(2));
    desk.write("captions.csv", b"file,caption\n000.png,\x8A\x43\n");
    let said = desk.upload(&app.url, &["--captions", "captions.csv"], 2);
    said.assert_says("captions.csv is not UTF-8 (line 2)");
    said.assert_says("iconv -f SHIFT_JIS");
    desk.write("in/000.txt", b"\x8A\x43");
    let said = desk.upload(&app.url, &[], 1);
    said.assert_row(1, "stored");
    said.assert_says("caption_unreadable: 1 failed\n  in/000.png");
}

#[tokio::test]
async fn a_known_image_keeps_its_caption_unless_told_otherwise() {
    let (app, desk) = (spawn(), Desk::with_pictures(2));
    desk.upload(&app.url, &[], 0);
    desk.write("in/000.txt", "新しい");
    let said = desk.upload(&app.url, &["--no-log"], 0);
    said.assert_row(1, "captions not set");
    assert_eq!(caption(&app, "000.png").await, Value::Null);
    // The log says that the file is done, and not that the caption is.
    let said = desk.upload(&app.url, &["--update-captions"], 0);
    said.assert_row(1, "captions set on known images");
    said.assert_row(1, "done by an earlier run");
    assert_eq!(caption(&app, "000.png").await, "新しい");
    desk.upload(&app.url, &["--update-captions"], 0).assert_row(2, "done by an earlier run");
}

#[tokio::test]
async fn the_caption_of_an_image_known_by_its_hash_is_set_without_sending_it() {
    let (app, desk) = (spawn(), Desk::with_pictures(1));
    let image = app.upload("before.png", pictures::png(0)).await.json["images"][0]["image"].clone();
    desk.write("in/000.txt", "港");
    let answer = serde_json::json!({ "known": [image] }).to_string();
    let proxy = Proxy::before(&app.url, move |seen, _| match seen.line.as_str() {
        "POST /images/known" => proxy::json("200 OK", &answer),
        _ => Act::Pass,
    });
    desk.upload(&proxy.url, &["--update-captions"], 0).assert_row(1, "captions set on known images");
    assert_eq!(proxy.count("POST /images"), 0);
    assert_eq!(caption(&app, "before.png").await, "港");

    // Deleted between question and caption: the picture itself is sent.
    app.request(reqwest::Method::DELETE, "/images/1").send().await.unwrap();
    desk.upload(&proxy.url, &["--update-captions", "--no-log"], 0).assert_row(1, "stored");
    assert_eq!(caption(&app, "000.png").await, "港");
}
