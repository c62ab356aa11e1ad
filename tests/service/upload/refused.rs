//! Uploads that cannot begin and end with exit status 2.

use crate::app::{spawn, spawn_with};
use crate::upload::proxy::{self, Proxy};
use crate::upload::runner::{Workspace, finish};

const KEY: &str = "0123456789abcdef";

#[test]
fn a_server_that_does_not_answer_or_is_not_mitsuke_is_reported() {
    let workspace = Workspace::with_pictures(1);
    // The port was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let output = workspace.upload(&format!("http://127.0.0.1:{port}"), &["--patience", "0"], 2);
    output.assert_prints("no Mitsuke server can be reached at http://127.0.0.1:");
    let stranger = Proxy::before("127.0.0.1:1", |_, _| proxy::json("200 OK", "{\"hello\": 1}"));
    workspace.upload(&stranger.url, &[], 2).assert_prints("a server answers, but not as a Mitsuke server does");
    let moved = Proxy::before("127.0.0.1:1", |_, _| {
        proxy::answer("301 Moved Permanently", "location: https://pictures.example/images\r\n", "")
    });
    workspace.upload(&moved.url, &[], 2).assert_prints("the server redirects to https://pictures.example/images");
}

#[test]
fn a_wrong_command_line_is_refused() {
    let workspace = Workspace::with_pictures(1);
    for (arguments, words) in [
        (&[][..], "required"),
        (&["missing"], "missing: "),
        (
            &["in", "--server", "pictures.example"],
            "invalid value 'pictures.example' for '--server <URL>': give an address such as",
        ),
        (&["in", "--server", "ftp://pictures.example"], "give an address"),
        (&["in", "--jobs", "0"], "--jobs"),
        (&["in", "--captions", "none.csv"], "none.csv"),
    ] {
        let output = workspace.run(arguments);
        assert_eq!(output.code, Some(2), "{arguments:?} {output:#?}");
        output.assert_prints(words);
    }
}

#[test]
fn a_log_that_is_another_file_or_in_use_is_left_unchanged() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(1));
    let output = workspace.upload(&app.url, &["--log", "in/000.png"], 2);
    output.assert_prints("is not a log of `mitsuke upload`");
    let used = std::fs::File::create(workspace.path("used.jsonl")).unwrap();
    used.lock().unwrap();
    workspace
        .upload(&app.url, &["--log", "used.jsonl"], 2)
        .assert_prints("another `mitsuke upload` or `mitsuke watch` is writing the log");
}

#[test]
fn the_key_comes_from_the_environment_or_the_command_line() {
    let (app, workspace) = (spawn_with(&[("MITSUKE_API_KEYS", KEY)]), Workspace::with_pictures(2));
    workspace.upload(&app.url, &[], 2).assert_prints("requires an API key, or a different one");
    workspace
        .upload(&app.url, &["--api-key", "fedcba9876543210"], 2)
        .assert_prints("requires an API key, or a different one");
    let mut command = workspace.command(&["in", "--server", &app.url]);
    finish(command.env("MITSUKE_API_KEY", KEY).spawn().unwrap()).assert_row(2, "stored");
    let output = workspace.upload(&app.url, &["--api-key", KEY, "--no-log"], 0);
    assert!(!output.stdout.contains(KEY) && !output.stderr.contains(KEY));
}

#[test]
fn an_empty_folder_is_not_a_failure() {
    let (app, workspace) = (spawn(), Workspace::new());
    workspace.upload(&app.url, &[], 0).assert_prints("sent 0 files");
}
