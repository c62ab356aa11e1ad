//! scripts/bulk_upload.sh, the example that needs only bash and curl.
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Output};

use crate::app::{TestApp, spawn};
use crate::pictures;
use crate::upload::runner::Workspace;
use crate::upload::sent::stored;

fn scripts() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts"))
}

/// Runs `bash SCRIPT DIR URL` in a folder.
fn run(script: &Path, dir: &Path, app: &TestApp, from: &Path) -> Output {
    let output = Command::new("bash").arg(script).arg(dir).arg(&app.url).current_dir(from).output();
    output.expect("bash is there")
}

fn assert_prints(output: &Output, code: i32, words: &str) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(code) && text.contains(words), "{output:?}");
}

#[tokio::test]
async fn the_script_uploads_a_folder_and_nothing_the_second_time() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(2));
    workspace.write("in/sub/海, 空;\"1\".png", pictures::png(7));
    workspace.write("in/.hidden/3.png", pictures::png(8));
    workspace.write("in/000.txt", "\u{FEFF}夕焼け");
    let script = scripts().join("bulk_upload.sh");
    assert_prints(&run(&script, &workspace.path("in"), &app, scripts()), 0, "3 stored, 0 known before, 0 failed");
    assert_prints(&run(&script, &workspace.path("in"), &app, scripts()), 0, "0 stored, 3 known before, 0 failed");
    workspace.write("in/broken.png", "no picture");
    assert_prints(&run(&script, &workspace.path("in"), &app, scripts()), 1, "0 stored, 3 known before, 1 failed");
    assert_eq!(stored(&app).await.len(), 3);
    let captioned = app.get("/images?has_caption=true").await;
    assert_eq!(captioned.json["images"][0]["caption"], "夕焼け");
}

#[tokio::test]
async fn the_script_accepts_the_parent_folder_and_a_hidden_folder() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(2));
    workspace.write("in/sub/notes.md", "no picture");
    workspace.write(".album/a.png", pictures::png(7));
    let script = scripts().join("bulk_upload.sh");
    assert_prints(&run(&script, Path::new(".."), &app, &workspace.path("in/sub")), 0, "2 stored");
    assert_prints(&run(&script, Path::new(".album"), &app, &workspace.path("")), 0, "1 stored");
}

#[tokio::test]
async fn the_script_runs_by_its_bare_name_from_its_own_folder() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(2));
    assert_prints(&run(Path::new("bulk_upload.sh"), &workspace.path("in"), &app, scripts()), 0, "2 stored");
}
