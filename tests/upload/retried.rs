//! A server that is busy, drops connections or hangs.

use crate::app::spawn;
use crate::proxy::{self, Act, Proxy};
use crate::runner::Desk;
use crate::sent::stored;

#[tokio::test]
async fn busy_answers_dropped_connections_and_lost_answers_lose_and_double_nothing() {
    let (app, desk) = (spawn(), Desk::with_pictures(12));
    let tried = std::sync::Mutex::new(std::collections::HashSet::new());
    let proxy = Proxy::before(&app.url, move |seen, before| {
        // Every file meets one misfortune.
        let name = seen.body.windows(7).find(|window| window.ends_with(b".png")).map(<[u8]>::to_vec);
        if seen.line != "POST /images" || !tried.lock().unwrap().insert(name) {
            return Act::Pass;
        }
        match before % 4 {
            0 => {
                proxy::answer("503 Service Unavailable", "retry-after: 1\r\n", r#"{"code":"queue_full","detail":"."}"#)
            }
            1 => Act::Drop,
            2 => Act::DropAnswer,
            _ => proxy::answer("429 Too Many Requests", "", "slow down"),
        }
    });
    let said = desk.upload(&proxy.url, &["--jobs", "3"], 0);
    said.assert_says("12 requests had to be repeated");
    let mut names = stored(&app).await;
    names.sort_unstable();
    assert_eq!(names, (0..12).map(|number| format!("{number:03}.png")).collect::<Vec<_>>());
}

#[tokio::test]
async fn retry_after_is_honoured_so_that_a_second_try_before_it_never_comes() {
    let (app, desk) = (spawn(), Desk::with_pictures(1));
    let asked = std::sync::Mutex::new(None);
    let proxy = Proxy::before(&app.url, move |seen, _| {
        if seen.line != "POST /images" {
            return Act::Pass;
        }
        let mut asked = asked.lock().unwrap();
        let since: std::time::Instant = *asked.get_or_insert_with(std::time::Instant::now);
        if since.elapsed() >= std::time::Duration::from_secs(2) {
            return Act::Pass;
        }
        // The first is asked to wait; whoever comes back within the 2 s is refused for good.
        let first = since.elapsed() < std::time::Duration::from_millis(200);
        let status = if first { "503 Service Unavailable" } else { "400 Bad Request" };
        proxy::answer(status, "retry-after: 2\r\n", "{}")
    });
    desk.upload(&proxy.url, &[], 0).assert_says("one request had to be repeated");
}

#[tokio::test]
async fn a_server_that_hangs_on_one_file_gets_it_again() {
    let (app, desk) = (spawn(), Desk::with_pictures(3));
    let proxy = Proxy::before(&app.url, |seen, before| match (seen.line.as_str(), before) {
        ("POST /images", 0) => Act::Hang,
        _ => Act::Pass,
    });
    desk.upload(&proxy.url, &["--timeout", "1"], 0).assert_row(3, "stored");
}

#[tokio::test]
async fn a_body_that_took_too_long_on_its_way_is_sent_again() {
    let (app, desk) = (spawn(), Desk::with_pictures(2));
    let proxy = Proxy::before(&app.url, |seen, before| match (seen.line.as_str(), before) {
        ("POST /images", 0) => {
            proxy::json("408 Request Timeout", r#"{"code":"request_timeout","detail":"It did not arrive."}"#)
        }
        _ => Act::Pass,
    });
    let said = desk.upload(&proxy.url, &[], 0);
    said.assert_row(2, "stored");
    said.assert_says("one request had to be repeated");
}

#[tokio::test]
async fn a_file_that_always_ends_the_connection_fails_alone() {
    let (app, desk) = (spawn(), Desk::with_pictures(4));
    let proxy = Proxy::before(&app.url, |seen, _| {
        let cursed = seen.body.windows(7).any(|window| window == b"001.png");
        if cursed { Act::Drop } else { Act::Pass }
    });
    let said = desk.upload(&proxy.url, &["--patience", "1"], 1);
    said.assert_row(3, "stored");
    said.assert_says("unreachable: 1 failed\n  in/001.png");
}

#[tokio::test]
async fn a_server_that_goes_away_ends_the_run_and_the_next_one_goes_on() {
    let (app, desk) = (spawn(), Desk::with_pictures(30));
    let gone = Proxy::before(&app.url, {
        let passed = std::sync::atomic::AtomicUsize::new(0);
        move |seen, before| {
            let passed = &passed;
            if seen.line == "POST /images" && before < 8 {
                passed.store(before + 1, std::sync::atomic::Ordering::SeqCst);
                Act::Pass
            } else if passed.load(std::sync::atomic::Ordering::SeqCst) < 8 {
                Act::Pass
            } else {
                Act::Drop
            }
        }
    });
    let said = desk.upload(&gone.url, &["--jobs", "2", "--patience", "1"], 2);
    said.assert_row(8, "stored");
    said.assert_says("the server does not answer any more");
    assert!(said.stdout.contains("not tried"), "{said:#?}");
    let said = desk.upload(&app.url, &["--log", "mitsuke-upload.jsonl"], 0);
    said.assert_row(22, "stored");
    assert_eq!(stored(&app).await.len(), 30);
}

#[tokio::test]
async fn a_full_storage_or_a_lost_key_ends_the_run_instead_of_failing_every_file() {
    let (app, desk) = (spawn(), Desk::with_pictures(40));
    for (status, body, code, words) in [
        (
            "507 Insufficient Storage",
            r#"{"code":"storage_full","detail":"There is no space left."}"#,
            1,
            "no room left",
        ),
        ("401 Unauthorized", r#"{"code":"unauthorized","detail":"Send a key."}"#, 2, "lets us in no more"),
    ] {
        let proxy = Proxy::before(&app.url, move |seen, _| match seen.line.as_str() {
            "POST /images" => proxy::json(status, body),
            _ => Act::Pass,
        });
        let said = desk.upload(&proxy.url, &["--jobs", "2", "--no-log"], code);
        said.assert_says(words);
        assert!(proxy.count("POST /images") <= 2, "{said:#?}");
    }
}
