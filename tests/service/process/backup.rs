//! `mitsuke backup` and `mitsuke restore`.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use mitsuke_store::Store as _;
use mitsuke_store::sqlite::{SqliteOptions, SqliteStore};
use reqwest::multipart::Form;
use serde_json::Value;

use crate::app::file;
use crate::pictures::png;
use crate::server::{Server, mitsuke};

const KEY: &str = "0123456789abcdef";

/// Runs a command to its end; returns its exit status and everything that it printed.
fn run(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.stdout(Stdio::piped()).output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

fn back_up(data: &Path, backup: &Path) -> (Option<i32>, String) {
    run(mitsuke("backup", data).arg(backup))
}

async fn add(server: &Server, number: u32) {
    let form = Form::new().part("file", file(&format!("{number}.png"), png(number)));
    let (status, answer) =
        server.send(server.client.post(server.url("/images")).bearer_auth(KEY).multipart(form)).await;
    assert_eq!(status, 201, "{answer}");
}

async fn names(server: &Server) -> Vec<String> {
    let (_, page) = server.send(server.client.get(server.url("/images")).bearer_auth(KEY)).await;
    let name = |image: &Value| image["file_name"].as_str().unwrap().to_owned();
    page["images"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn a_store_is_backed_up_beside_its_server_and_restored() {
    let [data, backup, restored] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let backup = backup.path().join("backup");
    // The command needs no key: it reads the token that the server has left in the data directory.
    let mut server = Server::start(mitsuke("serve", data.path()).env("MITSUKE_API_KEYS", KEY)).ready().await;
    add(&server, 1).await;
    let (status, printed) = back_up(data.path(), &backup);
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.starts_with("1 images in "), "{printed}");
    add(&server, 2).await;
    server.interrupt();
    assert!(server.wait_for_end().success());
    // Without a server the command opens the store itself.
    let (status, printed) = back_up(data.path(), &backup);
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.starts_with("2 images in "), "{printed}");

    let (status, printed) = run(mitsuke("restore", restored.path()).arg(&backup));
    assert_eq!(status, Some(0), "{printed}");
    let mut server = Server::start(mitsuke("serve", restored.path()).env("MITSUKE_API_KEYS", KEY)).ready().await;
    assert_eq!(names(&server).await, ["2.png", "1.png"]);
    // A running server keeps its store.
    let (status, printed) = run(mitsuke("restore", restored.path()).arg(&backup));
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("in use"), "{printed}");
    server.interrupt();
    assert!(server.wait_for_end().success());

    let oldest = std::fs::read_dir(backup.join("copies")).unwrap().map(|copy| copy.unwrap().file_name()).min().unwrap();
    let (status, printed) = run(mitsuke("restore", restored.path()).arg(&backup).arg("--copy").arg(oldest));
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains("before-restore-"), "{printed}");
    let server = Server::start(mitsuke("serve", restored.path()).env("MITSUKE_API_KEYS", KEY)).ready().await;
    assert_eq!(names(&server).await, ["1.png"]);
}

#[test]
fn what_cannot_be_backed_up_or_restored_is_told() {
    let [data, backup, other] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let (status, printed) = run(&mut mitsuke("backup", data.path()));
    assert_eq!(status, Some(2), "{printed}");
    assert!(printed.contains("MITSUKE_BACKUP_DIR"), "{printed}");
    let (status, printed) = back_up(data.path(), backup.path());
    assert_eq!(status, Some(2), "{printed}");
    assert!(printed.contains("there is no store"), "{printed}");
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
    for path in [data.path(), other.path()] {
        SqliteStore::open(path, SqliteOptions::default()).unwrap().close().unwrap();
    }
    let (status, printed) = run(mitsuke("restore", data.path()).arg(backup.path()));
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("is no backup"), "{printed}");
    assert_eq!(back_up(data.path(), backup.path()).0, Some(0), "an empty store is a store");
    let (status, printed) = run(mitsuke("restore", data.path()).arg(backup.path()).args(["--copy", "../copies"]));
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("there is no copy"), "{printed}");
    let (status, printed) = back_up(other.path(), backup.path());
    assert_eq!(status, Some(2), "{printed}");
    assert!(printed.contains("another store"), "{printed}");
    let account = [("DB_USER", "a"), ("DB_PASSWORD", "a"), ("DB_DSN", "a")];
    let (status, printed) = run(mitsuke("backup", data.path()).arg(backup.path()).envs(account));
    assert_eq!(status, Some(2), "{printed}");
    assert!(printed.contains("docs/oracle-backup.md"), "{printed}");
}

/// A server that was killed leaves its announcement behind, and frees its store.
#[tokio::test]
async fn the_announcement_of_a_killed_server_misleads_nobody() {
    let [data, backup] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let server = Server::start(&mut mitsuke("serve", data.path())).ready().await;
    drop(server);
    assert!(data.path().join("mitsuke.server").exists());
    let (status, printed) = back_up(data.path(), backup.path());
    assert_eq!(status, Some(0), "{printed}");
}
