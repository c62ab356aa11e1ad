//! The first words of a server to a person: they come before the sample pictures are registered, and the command in them
//! finds something.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::pictures;
use crate::server::{Server, TIMEOUT, mitsuke};

/// Reads what the server prints up to the line that begins with `last`.
fn printed(server: &mut Server, last: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in BufReader::new(server.output()).lines().map_while(Result::ok) {
        lines.push(line);
        if lines.last().is_some_and(|line| line.starts_with(last)) {
            return lines;
        }
    }
    panic!("the server ended: {lines:?}");
}

#[tokio::test]
async fn the_server_says_that_it_is_ready_before_the_samples_are_there() {
    const COUNT: usize = 60;
    let (data, images) = (tempfile::tempdir().unwrap(), pictures(COUNT as u8));
    let mut command = mitsuke("serve", data.path());
    command.env("MITSUKE_IMAGES_DIR", images.path()).stdout(Stdio::piped());
    let mut server = Server::start(&mut command);
    let lines = printed(&mut server, "Ctrl-C");
    let found = server.count().await;
    // The folder has a file besides that is no picture.
    let expected = format!(
        "Mitsuke is ready: 0 images; the {} pictures of {} are being added",
        COUNT + 1,
        images.path().display()
    );
    assert!(lines.contains(&expected), "{lines:?}");
    assert!(found < COUNT, "{found} images are there already");
    let started = Instant::now();
    while !server.log().iter().any(|line| line.ends_with("registered 60 pictures (1 left out)")) {
        assert!(started.elapsed() < TIMEOUT, "{:?}", server.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.count().await, COUNT);
    let log = server.log();
    let at = |words: &str| log.iter().position(|line| line.contains(words)).unwrap();
    assert!(at("listening on") < at("registered 60"), "{log:?}");
}

#[tokio::test]
async fn the_command_that_the_server_prints_finds_pictures() {
    let data = tempfile::tempdir().unwrap();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("images");
    let mut command = mitsuke("serve", data.path());
    command.env("MITSUKE_IMAGES_DIR", samples).stdout(Stdio::piped());
    let mut server = Server::start(&mut command);
    let lines = printed(&mut server, "Ctrl-C");
    let hint = lines.iter().find_map(|line| line.trim().strip_prefix("try ")).unwrap();
    assert!(!hint.contains("--json"), "only curl 7.82 and newer has this option: {hint}");
    let started = Instant::now();
    while server.count().await < 10 {
        assert!(started.elapsed() < TIMEOUT);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let output = Command::new("sh").args(["-c", hint.trim()]).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["hits"].as_array().unwrap().len(), 3, "{answer}");
}
