//! The files that are sent and those that are not, with the summary and the log about them.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::app::{TestApp, spawn};
use crate::pictures;
use crate::upload::proxy::{self, Action, Proxy};
use crate::upload::runner::{Workspace, name};

/// Returns the file names of all images, oldest first.
pub async fn stored(app: &TestApp) -> Vec<String> {
    let page = app.get("/images?limit=200").await;
    let images = page.json["images"].as_array().unwrap();
    images.iter().rev().map(|image| image["file_name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_whole_folder_is_uploaded_and_a_second_run_sends_nothing() {
    let (app, workspace) = (spawn(), Workspace::new());
    workspace.write("in/a.png", pictures::png(1));
    workspace.write("in/sub/deeper/海 の写真.jpg", pictures::jpeg(2));
    workspace.write("in/sub/no-extension", pictures::png(3));
    workspace.write("in/notes.md", "no picture");
    workspace.write("in/.hidden/b.png", pictures::png(4));
    let output = workspace.upload(&app.url, &["--jobs", "1"], 0);
    output.assert_row(3, "stored");
    output.assert_row(1, "skipped: not a known picture format");
    output.assert_row(1, "skipped: hidden");
    // Files that are uploaded one at a time arrive in the order of their paths.
    assert_eq!(stored(&app).await, ["a.png", "海 の写真.jpg", "no-extension"]);

    let mut log = workspace.log();
    log.retain(|line| line["status"] != "skipped");
    assert_eq!(
        log.iter().map(|line| name(&line["path"])).collect::<Vec<_>>(),
        ["a.png", "海 の写真.jpg", "no-extension"]
    );
    let image = app.get("/images/1").await.json;
    assert_eq!((&log[0]["status"], &log[0]["image_id"]), (&json!("created"), &json!(1)));
    assert_eq!(log[0]["sha256"], image["sha256"]);

    let again = workspace.upload(&app.url, &[], 0);
    again.assert_row(3, "done by an earlier run");
    again.assert_prints("sent 0 files");
}

#[tokio::test]
async fn a_changed_file_is_sent_again_and_an_unchanged_one_is_not() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(2));
    workspace.upload(&app.url, &[], 0);
    workspace.write("in/001.png", pictures::png(77));
    let output = workspace.upload(&app.url, &[], 0);
    output.assert_row(1, "stored");
    output.assert_row(1, "done by an earlier run");
    assert_eq!(stored(&app).await.len(), 3);
}

#[tokio::test]
async fn the_same_bytes_under_two_names_are_stored_once() {
    let (app, workspace) = (spawn(), Workspace::new());
    workspace.write("in/a.png", pictures::png(1));
    workspace.write("in/b.png", pictures::png(1));
    workspace.upload(&app.url, &["--jobs", "1"], 0);
    assert_eq!(stored(&app).await, ["a.png"]);
    assert_eq!(workspace.log().len(), 2);
}

#[tokio::test]
async fn pictures_that_the_server_has_are_not_sent() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(5));
    let known = app.upload("first.png", pictures::png(0)).await.json["images"][0]["image"].clone();
    app.add("second.png", pictures::png(3)).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let questions = Arc::clone(&asked);
    let proxy = Proxy::before(&app.url, move |request, _| {
        if request.line == "POST /images/known" {
            let question: Value = serde_json::from_slice(&request.body).unwrap();
            questions.lock().unwrap().extend(question["sha256"].as_array().unwrap().clone());
        }
        Action::Forward
    });
    let output = workspace.upload(&proxy.url, &["--no-log"], 0);
    output.assert_row(3, "stored");
    output.assert_row(2, "already on the server, not sent");
    assert_eq!(proxy.count("POST /images"), 3);
    assert_eq!(asked.lock().unwrap().len(), 5, "every picture is looked up once");
    assert!(asked.lock().unwrap().contains(&known["sha256"]));
    assert_eq!(stored(&app).await.len(), 5);
    assert!(!workspace.path("mitsuke-upload.jsonl").exists());
}

#[tokio::test]
async fn a_server_that_cannot_tell_which_pictures_it_has_gets_all_of_them() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(3));
    app.add("before.png", pictures::png(1)).await;
    for (status, count) in [("404 Not Found", 2), ("405 Method Not Allowed", 0)] {
        let proxy = Proxy::before(&app.url, move |request, _| match request.line.as_str() {
            "POST /images/known" => proxy::json(status, "{}"),
            _ => Action::Forward,
        });
        let output = workspace.upload(&proxy.url, &["--no-log"], 0);
        output.assert_row(3 - count, "already on the server, sent needlessly");
        assert_eq!(proxy.count("POST /images"), 3);
    }
    assert_eq!(stored(&app).await.len(), 3);
}

#[tokio::test]
async fn a_log_of_another_store_at_the_same_address_does_not_count() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(3));
    let proxy = Proxy::before(&app.url, |request, _| match request.line.as_str() {
        "POST /images/known" => proxy::json("200 OK", r#"{"known": []}"#),
        _ => Action::Forward,
    });
    workspace.upload(&proxy.url, &[], 0);
    let output = workspace.upload(&proxy.url, &[], 0);
    output.assert_prints("does not have 3 of the 3 pictures that the log calls done");
    output.assert_row(3, "already on the server, sent needlessly");
}

#[tokio::test]
async fn an_image_that_has_been_deleted_since_is_sent_again() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(3));
    workspace.upload(&app.url, &["--jobs", "1"], 0);
    app.request(reqwest::Method::DELETE, "/images/2").send().await.unwrap();
    let output = workspace.upload(&app.url, &[], 0);
    output.assert_prints("does not have 1 of the 3 pictures that the log calls done");
    output.assert_row(1, "stored");
    output.assert_row(2, "done by an earlier run");
    assert_eq!(stored(&app).await, ["000.png", "002.png", "001.png"]);
}

/// Old archives leave file names in Shift_JIS. Only the file systems of Linux accept such names.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn files_whose_names_are_not_unicode_or_hold_line_ends_are_all_uploaded() {
    use std::os::unix::ffi::OsStrExt as _;
    let (app, workspace) = (spawn(), Workspace::new());
    // 犬, 赤, 海 and 空 in Shift_JIS: replacing what is not UTF-8 would make all four names equal.
    for (number, name) in (0..).zip([b"\x8c\xa2.png", b"\x90\xd4.png", b"\x8a\xa2.png", b"\x8b\xf3.png"]) {
        std::fs::write(workspace.path("in").join(std::ffi::OsStr::from_bytes(name)), pictures::png(number)).unwrap();
    }
    workspace.write("in/two\nlines.png", pictures::png(9));
    workspace.upload(&app.url, &[], 0).assert_row(5, "stored");
    let mut names = stored(&app).await;
    names.sort_unstable();
    assert_eq!(names.len(), 5);
    assert!(names.iter().any(|name| name == "two lines.png") && names.iter().any(|name| name == "犬.png"), "{names:?}");
    workspace.upload(&app.url, &[], 0).assert_row(5, "done by an earlier run");
}

#[tokio::test]
async fn a_bad_file_fails_alone_and_is_tried_again_by_the_next_run() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(4));
    let mut broken = pictures::png(9);
    broken.truncate(60);
    workspace.write("in/broken.png", &broken);
    workspace.write("in/huge.png", pictures::png_claiming(60_000, 60_000));
    let proxy = Proxy::before(&app.url, |_, _| Action::Forward);
    let output = workspace.upload(&proxy.url, &[], 1);
    output.assert_row(4, "stored");
    output.assert_row(2, "FAILED");
    output.assert_prints("image_corrupt: 1 failed\n  in/broken.png: ");
    output.assert_prints("too_many_pixels: 1 failed\n  in/huge.png: ");
    assert_eq!(proxy.count("POST /images"), 6, "the same run does not repeat a request after a 4xx answer");
    let failed: Vec<_> = workspace.log().into_iter().filter(|line| line["status"] == "failed").collect();
    let mut codes: Vec<_> = failed.iter().map(|line| line["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["image_corrupt", "too_many_pixels"]);

    workspace.write("in/broken.png", pictures::png(9));
    let again = workspace.upload(&proxy.url, &[], 1);
    again.assert_row(1, "stored");
    again.assert_row(1, "FAILED");
    again.assert_row(4, "done by an earlier run");
}

#[tokio::test]
async fn files_that_are_no_pictures_are_named_by_kind_in_the_summary_and_once_in_the_log() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(1));
    workspace.write("in/IMG_1.CR2", b"II*\0\x10\0\0\0CR\x02\0");
    workspace.write("in/IMG_2.cr3", b"\0\0\0\x18ftypcrx \0\0\0\x01");
    workspace.write("in/clip.jpg", b"\0\0\0\x10ftypisom\0\0\0\0");
    workspace.write("in/notes.md", "no picture");
    let output = workspace.upload(&app.url, &[], 0);
    output.assert_row(2, "skipped: a camera RAW file");
    output.assert_row(1, "skipped: a video");
    output.assert_row(1, "skipped: not a known picture format");
    output.assert_prints(
        "a camera RAW file: 2 skipped; export as JPEG or TIFF to upload\n  in/IMG_1.CR2\n  in/IMG_2.cr3\n",
    );
    output.assert_prints("a video: 1 skipped; videos are not read\n  in/clip.jpg\n");
    workspace.upload(&app.url, &[], 0).assert_row(2, "skipped: a camera RAW file");
    let skipped: Vec<_> = workspace.log().into_iter().filter(|line| line["status"] == "skipped").collect();
    let mut kinds: Vec<_> = skipped.iter().map(|line| (name(&line["path"]), line["code"].as_str().unwrap())).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [("IMG_1.CR2", "camera_raw"), ("IMG_2.cr3", "camera_raw"), ("clip.jpg", "video"), ("notes.md", "unknown")]
    );
}

#[tokio::test]
async fn a_file_that_vanishes_or_cannot_be_read_fails_alone() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(2));
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere.png", workspace.path("in/dangling.png")).unwrap();
    let output = workspace.upload(&app.url, &[], 1);
    output.assert_row(2, "stored");
    output.assert_prints("file_unreadable: 1 failed\n  in/dangling.png");
}
