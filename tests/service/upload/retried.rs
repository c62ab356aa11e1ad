//! Servers that are busy, drop connections or hang.

use crate::app::spawn;
use crate::upload::proxy::{self, Action, Proxy};
use crate::upload::runner::Workspace;
use crate::upload::sent::stored;

#[tokio::test]
async fn busy_answers_dropped_connections_and_lost_answers_lose_and_double_nothing() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(12));
    let tried = std::sync::Mutex::new(std::collections::HashSet::new());
    let proxy = Proxy::before(&app.url, move |request, before| {
        // The first attempt for each file fails.
        let name = request.body.windows(7).find(|window| window.ends_with(b".png")).map(<[u8]>::to_vec);
        if request.line != "POST /images" || !tried.lock().unwrap().insert(name) {
            return Action::Forward;
        }
        match before % 4 {
            0 => {
                proxy::answer("503 Service Unavailable", "retry-after: 1\r\n", r#"{"code":"queue_full","detail":"."}"#)
            }
            1 => Action::Drop,
            2 => Action::DropAnswer,
            _ => proxy::answer("429 Too Many Requests", "", "slow down"),
        }
    });
    let output = workspace.upload(&proxy.url, &["--jobs", "3"], 0);
    output.assert_prints("12 requests had to be repeated");
    let mut names = stored(&app).await;
    names.sort_unstable();
    assert_eq!(names, (0..12).map(|number| format!("{number:03}.png")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_request_is_not_repeated_before_its_retry_after() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(1));
    let asked = std::sync::Mutex::new(None);
    let proxy = Proxy::before(&app.url, move |request, _| {
        if request.line != "POST /images" {
            return Action::Forward;
        }
        let mut asked = asked.lock().unwrap();
        let since: std::time::Instant = *asked.get_or_insert_with(std::time::Instant::now);
        if since.elapsed() >= std::time::Duration::from_secs(2) {
            return Action::Forward;
        }
        // The first request is asked to wait; one that comes back within the 2 s is refused for good.
        let first = since.elapsed() < std::time::Duration::from_millis(200);
        let status = if first { "503 Service Unavailable" } else { "400 Bad Request" };
        proxy::answer(status, "retry-after: 2\r\n", "{}")
    });
    workspace.upload(&proxy.url, &[], 0).assert_prints("one request had to be repeated");
}

#[tokio::test]
async fn a_file_on_which_the_server_hangs_is_sent_again() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(3));
    let proxy = Proxy::before(&app.url, |request, before| match (request.line.as_str(), before) {
        ("POST /images", 0) => Action::Hang,
        _ => Action::Forward,
    });
    workspace.upload(&proxy.url, &["--timeout", "1"], 0).assert_row(3, "stored");
}

#[tokio::test]
async fn a_file_that_took_too_long_on_its_way_is_sent_again() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(2));
    let proxy = Proxy::before(&app.url, |request, before| match (request.line.as_str(), before) {
        ("POST /images", 0) => {
            proxy::json("408 Request Timeout", r#"{"code":"request_timeout","detail":"It did not arrive."}"#)
        }
        _ => Action::Forward,
    });
    let output = workspace.upload(&proxy.url, &[], 0);
    output.assert_row(2, "stored");
    output.assert_prints("one request had to be repeated");
}

#[tokio::test]
async fn a_file_that_always_ends_the_connection_fails_alone() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(4));
    let proxy = Proxy::before(&app.url, |request, _| {
        let refused = request.body.windows(7).any(|window| window == b"001.png");
        if refused { Action::Drop } else { Action::Forward }
    });
    let output = workspace.upload(&proxy.url, &["--patience", "1"], 1);
    output.assert_row(3, "stored");
    output.assert_prints("unreachable: 1 failed\n  in/001.png");
}

#[tokio::test]
async fn a_server_that_goes_away_ends_the_run_and_the_next_run_continues() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(30));
    let gone = Proxy::before(&app.url, {
        let passed = std::sync::atomic::AtomicUsize::new(0);
        move |request, before| {
            let passed = &passed;
            if request.line == "POST /images" && before < 8 {
                passed.store(before + 1, std::sync::atomic::Ordering::SeqCst);
                Action::Forward
            } else if passed.load(std::sync::atomic::Ordering::SeqCst) < 8 {
                Action::Forward
            } else {
                Action::Drop
            }
        }
    });
    let output = workspace.upload(&gone.url, &["--jobs", "2", "--patience", "1"], 2);
    output.assert_row(8, "stored");
    output.assert_prints("the server no longer answers");
    assert!(output.stdout.contains("not tried"), "{output:#?}");
    let output = workspace.upload(&app.url, &["--log", "mitsuke-upload.jsonl"], 0);
    output.assert_row(22, "stored");
    assert_eq!(stored(&app).await.len(), 30);
}

#[tokio::test]
async fn a_full_storage_or_a_lost_key_ends_the_run_instead_of_failing_every_file() {
    let (app, workspace) = (spawn(), Workspace::with_pictures(40));
    for (status, body, code, words) in [
        (
            "507 Insufficient Storage",
            r#"{"code":"storage_full","detail":"There is no space left."}"#,
            1,
            "no storage left",
        ),
        ("401 Unauthorized", r#"{"code":"unauthorized","detail":"Send a key."}"#, 2, "no longer accepts the key"),
    ] {
        let proxy = Proxy::before(&app.url, move |request, _| match request.line.as_str() {
            "POST /images" => proxy::json(status, body),
            _ => Action::Forward,
        });
        let output = workspace.upload(&proxy.url, &["--jobs", "2", "--no-log"], code);
        output.assert_prints(words);
        assert!(proxy.count("POST /images") <= 2, "{output:#?}");
    }
}
