//! What ends a run before it begins, with exit status 2.

use crate::app::{spawn, spawn_with};
use crate::proxy::{self, Proxy};
use crate::runner::{Desk, finish};

const KEY: &str = "0123456789abcdef";

#[test]
fn a_server_that_is_not_there_or_is_no_mitsuke_is_told() {
    let desk = Desk::with_pictures(1);
    // The port was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let said = desk.upload(&format!("http://127.0.0.1:{port}"), &["--patience", "0"], 2);
    said.assert_says("no Mitsuke can be reached at http://127.0.0.1:");
    let stranger = Proxy::before("127.0.0.1:1", |_, _| proxy::json("200 OK", "{\"hello\": 1}"));
    desk.upload(&stranger.url, &[], 2).assert_says("it is no Mitsuke");
    let moved = Proxy::before("127.0.0.1:1", |_, _| {
        proxy::answer("301 Moved Permanently", "location: https://pictures.example/images\r\n", "")
    });
    desk.upload(&moved.url, &[], 2).assert_says("sends us to https://pictures.example/images");
}

#[test]
fn a_wrong_command_line_is_told() {
    let desk = Desk::with_pictures(1);
    for (arguments, words) in [
        (&[][..], "required"),
        (&["missing"], "missing: "),
        (&["in", "--server", "pictures.example"], "--server pictures.example: give an address"),
        (&["in", "--server", "ftp://pictures.example"], "give an address"),
        (&["in", "--jobs", "0"], "--jobs"),
        (&["in", "--captions", "none.csv"], "none.csv"),
    ] {
        let said = desk.run(arguments);
        assert_eq!(said.code, Some(2), "{arguments:?} {said:#?}");
        said.assert_says(words);
    }
}

#[test]
fn a_log_that_is_something_else_or_in_use_is_left_alone() {
    let (app, desk) = (spawn(), Desk::with_pictures(1));
    let said = desk.upload(&app.url, &["--log", "in/000.png"], 2);
    said.assert_says("is not a log of `mitsuke upload`");
    let used = std::fs::File::create(desk.path("used.jsonl")).unwrap();
    used.lock().unwrap();
    desk.upload(&app.url, &["--log", "used.jsonl"], 2).assert_says("another `mitsuke upload` is writing the log");
}

#[test]
fn a_server_with_keys_takes_the_one_of_the_environment_or_of_the_command_line() {
    let (app, desk) = (spawn_with(&[("MITSUKE_API_KEYS", KEY)]), Desk::with_pictures(2));
    desk.upload(&app.url, &[], 2).assert_says("wants an API key, or another one");
    desk.upload(&app.url, &["--api-key", "fedcba9876543210"], 2).assert_says("wants an API key, or another one");
    let mut command = desk.command(&["in", "--server", &app.url]);
    finish(command.env("MITSUKE_API_KEY", KEY).spawn().unwrap()).assert_row(2, "stored");
    let said = desk.upload(&app.url, &["--api-key", KEY, "--no-log"], 0);
    assert!(!said.stdout.contains(KEY) && !said.stderr.contains(KEY));
}

#[test]
fn an_empty_folder_is_no_failure() {
    let (app, desk) = (spawn(), Desk::new());
    desk.upload(&app.url, &[], 0).assert_says("sent 0 files");
}
