//! The log in JSON: every line is one object, and the lines of answers have their facts as fields.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::run;
use crate::server::{Server, TIMEOUT, mitsuke};

#[tokio::test]
async fn a_log_in_json_is_one_object_a_line() {
    let data = tempfile::tempdir().unwrap();
    let mut command = mitsuke("serve", data.path());
    command.env("MITSUKE_LOG_FORMAT", "json").stdout(Stdio::piped());
    let mut server = Server::start(&mut command).ready().await;
    let request = server.client.get(server.url("/search?q=%E7%8C%AB")).header("x-request-id", "a-7");
    assert_eq!(server.send(request).await.0, 200);
    let answered = |lines: &[Value]| {
        lines.iter().find(|line| line["target"] == "mitsuke::access" && line["request_id"] == "a-7").cloned()
    };
    let started = Instant::now();
    let line = loop {
        let lines: Vec<Value> = server.log().iter().map(|line| serde_json::from_str(line).expect(line)).collect();
        if let Some(line) = answered(&lines) {
            break line;
        }
        assert!(started.elapsed() < TIMEOUT, "{lines:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let facts = ["level", "key", "address", "method", "path", "status"].map(|name| line[name].clone());
    assert_eq!(facts, [json!("info"), json!(null), json!("127.0.0.1"), json!("GET"), json!("/search"), json!(200)]);
    assert!(line["duration_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{line}");
    assert!(line["time"].is_string() && line["message"].as_str().unwrap().starts_with("a-7 - 127.0.0.1 GET"), "{line}");
    let mut output = server.output();
    server.interrupt();
    assert!(server.wait_for_end().success());
    let mut printed = String::new();
    std::io::Read::read_to_string(&mut output, &mut printed).unwrap();
    assert_eq!(printed, "", "nothing but the log is written");
}

#[test]
fn the_reason_why_a_server_does_not_start_is_a_line_of_the_log() {
    let (status, text) = run(&["serve", "--log-format=json"], &[("MITSUKE_MAX_FILES", "many")]);
    assert_eq!(status, Some(1), "{text}");
    let line: Value = serde_json::from_str(&text).expect(&text);
    assert_eq!(line["level"], "error");
    assert!(line["message"].as_str().unwrap().contains("MITSUKE_MAX_FILES"), "{line}");
}

#[test]
fn another_format_is_refused() {
    let (status, text) = run(&["serve"], &[("MITSUKE_LOG_FORMAT", "xml")]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("MITSUKE_LOG_FORMAT") && text.contains("`text` or `json`"), "{text}");
}
