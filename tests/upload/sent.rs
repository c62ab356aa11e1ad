//! What is sent, what is not, and what the summary and the log say of it.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::app::{TestApp, spawn};
use crate::pictures;
use crate::proxy::{self, Act, Proxy};
use crate::runner::{Desk, name};

/// File names of all images, oldest first.
pub async fn stored(app: &TestApp) -> Vec<String> {
    let page = app.get("/images?limit=200").await;
    let images = page.json["images"].as_array().unwrap();
    images.iter().rev().map(|image| image["file_name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_folder_arrives_whole_and_a_second_run_sends_nothing() {
    let (app, desk) = (spawn(), Desk::new());
    desk.write("in/a.png", pictures::png(1));
    desk.write("in/sub/deeper/海 の写真.jpg", pictures::jpeg(2));
    desk.write("in/sub/no-extension", pictures::png(3));
    desk.write("in/notes.md", "no picture");
    desk.write("in/.hidden/b.png", pictures::png(4));
    let said = desk.upload(&app.url, &["--jobs", "1"], 0);
    said.assert_row(3, "stored");
    said.assert_row(1, "skipped: a file that is no known picture");
    said.assert_row(1, "hidden");
    // One at a time they arrive in the order of their paths.
    assert_eq!(stored(&app).await, ["a.png", "海 の写真.jpg", "no-extension"]);

    let log = desk.log();
    assert_eq!(
        log.iter().map(|line| name(&line["path"])).collect::<Vec<_>>(),
        ["a.png", "海 の写真.jpg", "no-extension"]
    );
    let image = app.get("/images/1").await.json;
    assert_eq!((&log[0]["status"], &log[0]["image_id"]), (&json!("created"), &json!(1)));
    assert_eq!(log[0]["sha256"], image["sha256"]);

    let again = desk.upload(&app.url, &[], 0);
    again.assert_row(3, "done by an earlier run");
    again.assert_says("sent 0 files");
}

#[tokio::test]
async fn a_changed_file_is_sent_again_and_an_unchanged_one_is_not() {
    let (app, desk) = (spawn(), Desk::with_pictures(2));
    desk.upload(&app.url, &[], 0);
    desk.write("in/001.png", pictures::png(77));
    let said = desk.upload(&app.url, &[], 0);
    said.assert_row(1, "stored");
    said.assert_row(1, "done by an earlier run");
    assert_eq!(stored(&app).await.len(), 3);
}

#[tokio::test]
async fn the_same_bytes_under_two_names_are_stored_once() {
    let (app, desk) = (spawn(), Desk::new());
    desk.write("in/a.png", pictures::png(1));
    desk.write("in/b.png", pictures::png(1));
    desk.upload(&app.url, &["--jobs", "1"], 0);
    assert_eq!(stored(&app).await, ["a.png"]);
    assert_eq!(desk.log().len(), 2);
}

#[tokio::test]
async fn what_the_server_knows_by_its_hash_is_not_sent() {
    let (app, desk) = (spawn(), Desk::with_pictures(5));
    let known = app.upload("first.png", pictures::png(0)).await.json["images"][0]["image"].clone();
    app.add("second.png", pictures::png(3)).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let questions = Arc::clone(&asked);
    let proxy = Proxy::before(&app.url, move |seen, _| {
        if seen.line == "POST /images/known" {
            let question: Value = serde_json::from_slice(&seen.body).unwrap();
            questions.lock().unwrap().extend(question["sha256"].as_array().unwrap().clone());
        }
        Act::Pass
    });
    let said = desk.upload(&proxy.url, &["--no-log"], 0);
    said.assert_row(3, "stored");
    said.assert_row(2, "known to the server, not sent");
    assert_eq!(proxy.count("POST /images"), 3);
    assert_eq!(asked.lock().unwrap().len(), 5, "every picture is asked about once");
    assert!(asked.lock().unwrap().contains(&known["sha256"]));
    assert_eq!(stored(&app).await.len(), 5);
    assert!(!desk.path("mitsuke-upload.jsonl").exists());
}

#[tokio::test]
async fn a_server_that_cannot_tell_what_it_knows_gets_the_pictures() {
    let (app, desk) = (spawn(), Desk::with_pictures(3));
    app.add("before.png", pictures::png(1)).await;
    for (status, count) in [("404 Not Found", 2), ("405 Method Not Allowed", 0)] {
        let proxy = Proxy::before(&app.url, move |seen, _| match seen.line.as_str() {
            "POST /images/known" => proxy::json(status, "{}"),
            _ => Act::Pass,
        });
        let said = desk.upload(&proxy.url, &["--no-log"], 0);
        said.assert_row(3 - count, "known to the server, sent to no use");
        assert_eq!(proxy.count("POST /images"), 3);
    }
    assert_eq!(stored(&app).await.len(), 3);
}

#[tokio::test]
async fn a_log_of_another_store_at_the_same_address_counts_for_nothing() {
    let (app, desk) = (spawn(), Desk::with_pictures(3));
    let proxy = Proxy::before(&app.url, |seen, _| match seen.line.as_str() {
        "POST /images/known" => proxy::json("200 OK", r#"{"known": []}"#),
        _ => Act::Pass,
    });
    desk.upload(&proxy.url, &[], 0);
    let said = desk.upload(&proxy.url, &[], 0);
    said.assert_says("does not have 3 of the 3 pictures that the log says are done");
    said.assert_row(3, "known to the server, sent to no use");
}

#[tokio::test]
async fn an_image_that_was_deleted_meanwhile_is_sent_again() {
    let (app, desk) = (spawn(), Desk::with_pictures(3));
    desk.upload(&app.url, &["--jobs", "1"], 0);
    app.request(reqwest::Method::DELETE, "/images/2").send().await.unwrap();
    let said = desk.upload(&app.url, &[], 0);
    said.assert_says("does not have 1 of the 3 pictures that the log says are done");
    said.assert_row(1, "stored");
    said.assert_row(2, "done by an earlier run");
    assert_eq!(stored(&app).await, ["000.png", "002.png", "001.png"]);
}

/// Old archives leave names in Shift_JIS. Other systems' disks refuse them.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn files_whose_names_are_no_unicode_arrive_every_one() {
    use std::os::unix::ffi::OsStrExt as _;
    let (app, desk) = (spawn(), Desk::new());
    // 犬, 赤, 海 and 空: read as UTF-8, all are two characters that are none.
    for (number, name) in (0..).zip([b"\x8c\xa2.png", b"\x90\xd4.png", b"\x8a\xa2.png", b"\x8b\xf3.png"]) {
        std::fs::write(desk.path("in").join(std::ffi::OsStr::from_bytes(name)), pictures::png(number)).unwrap();
    }
    desk.upload(&app.url, &[], 0).assert_row(4, "stored");
    assert_eq!(stored(&app).await.len(), 4);
    desk.upload(&app.url, &[], 0).assert_row(4, "done by an earlier run");
}

#[tokio::test]
async fn a_bad_file_fails_alone_is_named_and_is_tried_again_next_time() {
    let (app, desk) = (spawn(), Desk::with_pictures(4));
    let mut broken = pictures::png(9);
    broken.truncate(60);
    desk.write("in/broken.png", &broken);
    desk.write("in/huge.png", pictures::png_claiming(60_000, 60_000));
    let proxy = Proxy::before(&app.url, |_, _| Act::Pass);
    let said = desk.upload(&proxy.url, &[], 1);
    said.assert_row(4, "stored");
    said.assert_row(2, "FAILED");
    said.assert_says("image_corrupt: 1 failed\n  in/broken.png: ");
    said.assert_says("too_many_pixels: 1 failed\n  in/huge.png: ");
    assert_eq!(proxy.count("POST /images"), 6, "a 4xx is not tried again by the same run");
    let failed: Vec<_> = desk.log().into_iter().filter(|line| line["status"] == "failed").collect();
    let mut codes: Vec<_> = failed.iter().map(|line| line["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["image_corrupt", "too_many_pixels"]);

    desk.write("in/broken.png", pictures::png(9));
    let again = desk.upload(&proxy.url, &[], 1);
    again.assert_row(1, "stored");
    again.assert_row(1, "FAILED");
    again.assert_row(4, "done by an earlier run");
}

#[tokio::test]
async fn a_file_that_vanishes_or_cannot_be_read_fails_alone() {
    let (app, desk) = (spawn(), Desk::with_pictures(2));
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere.png", desk.path("in/dangling.png")).unwrap();
    let said = desk.upload(&app.url, &[], 1);
    said.assert_row(2, "stored");
    said.assert_says("file_unreadable: 1 failed\n  in/dangling.png");
}
