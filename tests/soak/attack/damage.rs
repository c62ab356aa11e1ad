//! Files of a store that are damaged, removed or taken by a second server.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::figures::Faults;
use crate::harness::{Server, small_models};
use crate::pictures::picture;

/// The longest time that a server may take to refuse a start.
const PATIENCE: Duration = Duration::from_secs(20);

/// The pictures that are answered as stored.
const PICTURES: u64 = 160;

/// Starts a server, uploads pictures and kills it, so that its newest rows lie in the log.
async fn killed_server() -> Server {
    let mut server = Server::start(&[("MITSUKE_MODELS_DIR", &small_models())]).await;
    let client = server.client();
    for number in 0..PICTURES {
        client.upload("a.png", &picture(number, 64)).await.expect("an answer").image_id();
    }
    server.kill();
    server
}

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn a_damaged_log_is_told() {
    for (what, damage) in [("a flipped byte in", flip as fn(&Path)), ("no", remove)] {
        let faults = Faults::default();
        let mut server = killed_server().await;
        damage(&server.data().join("mitsuke.db-wal"));
        let before = server.log().len();
        server.start_again().await;
        let found = server.client().images().await.len();
        let log = server.log();
        let is_told = log[before..].lines().any(|line| line.contains("ERROR"));
        let words = if is_told { "told" } else { "not a word" };
        println!("{what} -wal: {found} of {PICTURES} answered pictures, {words}");
        faults.check(is_told || found as u64 == PICTURES, || format!("{what} -wal: {found} pictures and not a word"));
        server.stop(&faults).await;
        faults.assert_none();
    }
}

fn flip(log: &Path) {
    let mut bytes = fs::read(log).expect("the log");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(log, bytes).expect("the log");
}

fn remove(log: &Path) {
    fs::remove_file(log).expect("the log");
}

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn a_missing_database_is_no_empty_store() {
    let faults = Faults::default();
    let mut server = killed_server().await;
    server.spawn_again();
    server.wait_until_ready().await;
    server.stop_to_start_again(&faults).await;
    fs::remove_file(server.data().join("mitsuke.db")).expect("the database");
    server.spawn_again();
    let status = server.wait_for_end(PATIENCE).await;
    println!(
        "no mitsuke.db beside vectors/: {}",
        status.map_or("starts as an empty store".to_owned(), |s| format!("{s}"))
    );
    faults.check(status.is_some_and(|status| !status.success()), || "it starts as an empty store".to_owned());
    faults.assert_none();
}

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn a_removed_lock_file_lets_nobody_in() {
    let faults = Faults::default();
    let first = Server::start(&[("MITSUKE_MODELS_DIR", &small_models())]).await;
    fs::remove_file(first.data().join("mitsuke.lock")).expect("the lock");
    let data: PathBuf = first.data().to_owned();
    let mut second = Server::spawn_on(|_| data, &[("MITSUKE_MODELS_DIR", &small_models())]);
    let status = second.wait_for_end(PATIENCE).await;
    println!("a second server beside a removed lock file: {}", status.map_or("starts".to_owned(), |s| format!("{s}")));
    faults.check(status.is_some_and(|status| !status.success()), || "it starts".to_owned());
    drop(second);
    first.stop(&faults).await;
    faults.assert_none();
}
