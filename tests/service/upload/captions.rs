//! The captions of uploaded pictures.

use serde_json::Value;

use crate::app::{TestApp, spawn};
use crate::pictures;
use crate::upload::proxy::{self, Action, Proxy};
use crate::upload::runner::Workspace;

async fn caption(app: &TestApp, file_name: &str) -> Value {
    let page = app.get("/images?limit=200").await;
    let images = page.json["images"].as_array().unwrap();
    images.iter().find(|image| image["file_name"] == file_name).unwrap()["caption"].clone()
}

#[tokio::test]
async fn a_text_file_beside_a_picture_becomes_its_caption() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(3));
    workspace.write("in/000.txt", "\u{FEFF}夕焼けの海\n");
    workspace.write("in/001.png.txt", "a quiet harbour");
    workspace.upload(&app.url, &[], 0).assert_row(3, "stored");
    assert_eq!(caption(&app, "000.png").await, "夕焼けの海");
    assert_eq!(caption(&app, "001.png").await, "a quiet harbour");
    assert_eq!(caption(&app, "002.png").await, Value::Null);
}

#[tokio::test]
async fn a_table_names_files_from_its_own_folder_or_from_the_uploaded_one() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(3));
    workspace.write("in/000.txt", "beside");
    workspace.write("lists/captions.csv", "\u{FEFF}file,caption\n../in/000.png,表\n001.png,\"b, c\"\nmissing.png,x\n");
    let output = workspace.upload(&app.url, &["--captions", "lists/captions.csv"], 0);
    output.assert_prints("lists/captions.csv: line 4: no file to upload is named missing.png");
    assert_eq!(caption(&app, "000.png").await, "表");
    assert_eq!(caption(&app, "001.png").await, "b, c");

    workspace.write("in/003.png", pictures::png(3));
    workspace.write("captions.jsonl", "{\"file\": \"in/003.png\", \"caption\": \"四\"}\n");
    workspace.upload(&app.url, &["--captions", "captions.jsonl"], 0).assert_row(1, "stored");
    assert_eq!(caption(&app, "003.png").await, "四");
}

#[tokio::test]
async fn captions_are_read_in_the_encoding_that_they_have() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(3));
    // 海の写真 in Shift_JIS, as Excel saves it, and 港の猫 in UTF-16, as Notepad does.
    workspace.write("captions.csv", b"file,caption\n000.png,\x8A\x43\x82\xCC\x8E\xCA\x90\x5E\n");
    workspace.write("in/001.CAPTION", b"\xFF\xFE\x2F\x6E\x6E\x30\x2B\x73");
    workspace.upload(&app.url, &["--captions", "captions.csv"], 0).assert_row(3, "stored");
    assert_eq!(caption(&app, "000.png").await, "海の写真");
    assert_eq!(caption(&app, "001.png").await, "港の猫");
    assert_eq!(caption(&app, "002.png").await, Value::Null);
}

#[tokio::test]
async fn a_caption_that_cannot_be_read_does_not_cost_the_picture() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(2));
    workspace.write("in/000.txt", b"a\x01b");
    let output = workspace.upload(&app.url, &[], 0);
    output.assert_row(2, "stored");
    output.assert_row(1, "uploaded without a caption: the text file beside it cannot be read");
    output.assert_prints("000.txt is no text file");
    workspace.write("captions.csv", b"file,caption\n000.png,a\x01b\n");
    workspace.upload(&app.url, &["--captions", "captions.csv"], 2).assert_prints("captions.csv is no text file");
}

#[tokio::test]
async fn an_image_on_the_server_keeps_its_caption_without_update_captions() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(2));
    workspace.upload(&app.url, &[], 0);
    workspace.write("in/000.txt", "新しい");
    let output = workspace.upload(&app.url, &["--no-log"], 0);
    output.assert_row(1, "captions not set");
    assert_eq!(caption(&app, "000.png").await, Value::Null);
    // The log says that the file is done, but not with this caption.
    let output = workspace.upload(&app.url, &["--update-captions"], 0);
    output.assert_row(1, "captions set on images that were already on the server");
    output.assert_row(1, "done by an earlier run");
    assert_eq!(caption(&app, "000.png").await, "新しい");
    workspace.upload(&app.url, &["--update-captions"], 0).assert_row(2, "done by an earlier run");
}

#[tokio::test]
async fn the_caption_of_an_image_on_the_server_is_set_without_sending_the_picture() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(1));
    let image = app.upload("before.png", pictures::png(0)).await.json["images"][0]["image"].clone();
    workspace.write("in/000.txt", "港");
    let answer = serde_json::json!({ "known": [image] }).to_string();
    let proxy = Proxy::before(&app.url, move |request, _| match request.line.as_str() {
        "POST /images/known" => proxy::json("200 OK", &answer),
        _ => Action::Forward,
    });
    workspace
        .upload(&proxy.url, &["--update-captions"], 0)
        .assert_row(1, "captions set on images that were already on the server");
    assert_eq!(proxy.count("POST /images"), 0);
    assert_eq!(caption(&app, "before.png").await, "港");

    // The image is deleted between the lookup and the caption, so that the picture itself is sent.
    app.request(reqwest::Method::DELETE, "/images/1").send().await.unwrap();
    workspace.upload(&proxy.url, &["--update-captions", "--no-log"], 0).assert_row(1, "stored");
    assert_eq!(caption(&app, "000.png").await, "港");
}
