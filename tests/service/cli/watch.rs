//! `mitsuke watch`.
#![cfg(unix)]

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::app::{TestApp, spawn, spawn_with};
use crate::pictures::png;
use crate::upload::proxy::{self, Action, Proxy};
use crate::upload::runner::{Output, Workspace, finish, signal};
use crate::upload::sent::stored;

/// The pause between two looks of a test at what a run does.
const LOOK: Duration = Duration::from_millis(50);

/// Starts a watch of the folder `in` that looks at it every second.
fn watch(workspace: &Workspace, server: &str, more: &[&str]) -> Child {
    workspace.subcommand("watch", &[&["in", "--every", "1", "--server", server], more].concat()).spawn().unwrap()
}

/// Waits until the server has this number of pictures.
async fn wait_for(app: &TestApp, count: usize, child: &mut Child) {
    while stored(app).await.len() < count {
        assert!(child.try_wait().unwrap().is_none(), "the watch ended by itself");
        tokio::time::sleep(LOOK).await;
    }
}

/// Ends a watch with Ctrl-C and asserts its exit status.
fn stop(child: Child, code: i32) -> Output {
    signal(&child, "-INT");
    let output = finish(child);
    assert_eq!(output.code, Some(code), "{output:#?}");
    output
}

#[tokio::test]
async fn what_is_there_and_what_appears_is_uploaded_and_ctrl_c_ends_cleanly() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(2));
    workspace.write("in/clip.mp4", b"\0\0\0\x10ftypisom\0\0\0\0");
    let mut child = watch(&workspace, &app.url, &[]);
    wait_for(&app, 2, &mut child).await;
    workspace.write("in/sub/new.txt", "夕焼けの海");
    workspace.write("in/sub/new.png", png(9));
    wait_for(&app, 3, &mut child).await;
    let output = stop(child, 0);
    output.assert_row(3, "stored");
    output.assert_prints("stored: in/sub/new.png (#3)");
    output.assert_prints("skipped: in/clip.mp4: a video; videos are not read");
    let image = app.get("/images/3").await.json;
    assert_eq!((&image["source_path"], &image["caption"]), (&"sub/new.png".into(), &"夕焼けの海".into()));
}

#[tokio::test]
async fn a_file_is_uploaded_only_when_it_is_complete() {
    let (app, workspace) = (spawn(), Workspace::new());
    let proxy = Proxy::before(&app.url, |_, _| Action::Forward);
    let mut child = watch(&workspace, &proxy.url, &[]);
    let picture = png(1);
    workspace.write("in/slow.png", &picture[..1]);
    workspace.write("in/whole.png", png(2));
    let mut slow = OpenOptions::new().append(true).open(workspace.path("in/slow.png")).unwrap();
    let mut written = 1;
    // The watch would take the one file when it takes the other if it did not see that somebody writes it.
    while stored(&app).await.is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "the watch ended by itself");
        let end = (written + 1).min(picture.len() - 1);
        slow.write_all(&picture[written..end]).unwrap();
        // A change of the time alone stands for a program that has written nothing new for a while.
        slow.set_modified(std::time::SystemTime::now()).unwrap();
        written = end;
        tokio::time::sleep(LOOK).await;
    }
    slow.write_all(&picture[written..]).unwrap();
    drop(slow);
    wait_for(&app, 2, &mut child).await;
    stop(child, 0).assert_row(2, "stored");
    assert_eq!(stored(&app).await, ["whole.png", "slow.png"]);
    assert_eq!(proxy.count("POST /images"), 2, "no incomplete file was sent");
}

#[tokio::test]
async fn a_file_that_changes_is_uploaded_again_and_a_bad_one_only_then() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(1));
    workspace.write("in/bad.png", &png(7)[..60]);
    let proxy = Proxy::before(&app.url, |_, _| Action::Forward);
    let mut child = watch(&workspace, &proxy.url, &[]);
    wait_for(&app, 1, &mut child).await;
    workspace.write("in/000.png", png(100));
    wait_for(&app, 2, &mut child).await;
    assert_eq!(proxy.count("POST /images"), 3, "the bad file is not sent again");
    workspace.write("in/bad.png", png(7));
    wait_for(&app, 3, &mut child).await;
    stop(child, 1).assert_prints("failed: in/bad.png: The PNG file is damaged or incomplete");
}

#[tokio::test]
async fn the_next_watch_continues_and_leaves_deleted_pictures_deleted() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(2));
    let mut child = watch(&workspace, &app.url, &["--jobs", "1"]);
    wait_for(&app, 2, &mut child).await;
    stop(child, 0);
    app.request(reqwest::Method::DELETE, "/images/1").send().await.unwrap();
    workspace.write("in/002.png", png(2));
    let mut child = watch(&workspace, &app.url, &[]);
    wait_for(&app, 2, &mut child).await;
    let output = stop(child, 0);
    output.assert_row(2, "done by an earlier run");
    output.assert_row(1, "stored");
    assert_eq!(stored(&app).await, ["001.png", "002.png"]);
}

#[tokio::test]
async fn a_server_that_is_away_or_full_is_waited_for() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(1));
    let (is_away, is_full) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
    let proxy = Proxy::before(&app.url, {
        let (is_away, is_full) = (Arc::clone(&is_away), Arc::clone(&is_full));
        move |request, _| {
            if is_away.load(Ordering::SeqCst) {
                Action::Drop
            } else if request.line == "POST /images" && is_full.load(Ordering::SeqCst) {
                proxy::json("507 Insufficient Storage", r#"{"code":"storage_full","detail":"There is no room left."}"#)
            } else {
                Action::Forward
            }
        }
    });
    let mut child = watch(&workspace, &proxy.url, &["--patience", "0"]);
    while_fewer(&proxy, "GET /images", 2).await;
    is_away.store(false, Ordering::SeqCst);
    wait_for(&app, 1, &mut child).await;

    is_full.store(true, Ordering::SeqCst);
    workspace.write("in/new.png", png(1));
    while_fewer(&proxy, "POST /images", 2).await;
    is_full.store(false, Ordering::SeqCst);
    wait_for(&app, 2, &mut child).await;
    let output = stop(child, 0);
    output.assert_row(2, "stored");
    assert_eq!(output.stderr.matches("waiting for the server: ").count(), 2, "each time is told once: {output:#?}");
    output.assert_prints("waiting for the server: There is no room left.");
    output.assert_prints("the server takes pictures again");
}

/// Waits while the proxy has seen fewer requests with this line.
async fn while_fewer(proxy: &Proxy, line: &str, count: usize) {
    while proxy.count(line) < count {
        tokio::time::sleep(LOOK).await;
    }
}

#[tokio::test]
async fn a_watch_that_cannot_begin_says_why() {
    let workspace = Workspace::new();
    let app = spawn_with(&[("MITSUKE_API_KEYS", "0123456789abcdef")]);
    let output = finish(watch(&workspace, &app.url, &[]));
    assert_eq!(output.code, Some(2), "{output:#?}");
    output.assert_prints("requires an API key, or a different one");
    let output = finish(workspace.subcommand("watch", &["missing"]).spawn().unwrap());
    assert_eq!(output.code, Some(2), "{output:#?}");
    output.assert_prints("missing: No such file or directory");
}
