//! scripts/bulk_upload.sh, the example with nothing but bash and curl.
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Output};

use crate::app::{TestApp, spawn};
use crate::pictures;
use crate::runner::Desk;
use crate::sent::stored;

fn scripts() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts"))
}

/// Runs `bash SCRIPT DIR URL` in a folder.
fn run(script: &Path, dir: &Path, app: &TestApp, from: &Path) -> Output {
    let output = Command::new("bash").arg(script).arg(dir).arg(&app.url).current_dir(from).output();
    output.expect("bash is there")
}

fn assert_says(output: &Output, code: i32, words: &str) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(code) && text.contains(words), "{output:?}");
}

#[tokio::test]
async fn the_script_uploads_a_folder_and_the_second_time_nothing() {
    let (app, desk) = (spawn(), Desk::with_pictures(2));
    desk.write("in/sub/海, 空;\"1\".png", pictures::png(7));
    desk.write("in/.hidden/3.png", pictures::png(8));
    desk.write("in/000.txt", "\u{FEFF}夕焼け");
    let script = scripts().join("bulk_upload.sh");
    assert_says(&run(&script, &desk.path("in"), &app, scripts()), 0, "3 stored, 0 known before, 0 failed");
    assert_says(&run(&script, &desk.path("in"), &app, scripts()), 0, "0 stored, 3 known before, 0 failed");
    desk.write("in/broken.png", "no picture");
    assert_says(&run(&script, &desk.path("in"), &app, scripts()), 1, "0 stored, 3 known before, 1 failed");
    assert_eq!(stored(&app).await.len(), 3);
    let captioned = app.get("/images?has_caption=true").await;
    assert_eq!(captioned.json["images"][0]["caption"], "夕焼け");
}

#[tokio::test]
async fn the_script_takes_the_folder_above_and_a_hidden_one_when_they_are_named() {
    let (app, desk) = (spawn(), Desk::with_pictures(2));
    desk.write("in/sub/notes.md", "no picture");
    desk.write(".album/a.png", pictures::png(7));
    let script = scripts().join("bulk_upload.sh");
    assert_says(&run(&script, Path::new(".."), &app, &desk.path("in/sub")), 0, "2 stored");
    assert_says(&run(&script, Path::new(".album"), &app, &desk.path("")), 0, "1 stored");
}

#[tokio::test]
async fn the_script_runs_by_its_bare_name_from_its_own_folder() {
    let (app, desk) = (spawn(), Desk::with_pictures(2));
    assert_says(&run(Path::new("bulk_upload.sh"), &desk.path("in"), &app, scripts()), 0, "2 stored");
}
