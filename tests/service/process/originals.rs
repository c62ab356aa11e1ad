//! Originals in a folder of files: kills of a server and of a move lose nothing, and the commands say what is where.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use reqwest::multipart::Form;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::app::file;
use crate::pictures::png;
use crate::server::{Server, mitsuke};

/// Starts a server whose new originals go into a home.
async fn start(data: &Path, home: &str) -> Server {
    Server::start(mitsuke("serve", data).env("MITSUKE_ORIGINALS", home)).ready().await
}

fn form(number: u32) -> Form {
    Form::new().part("file", file(&format!("{number}.png"), png(number)))
}

/// Runs a command, and returns its exit status and what it printed.
fn run(data: &Path, command: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models");
    let output =
        mitsuke(command, data).args(arguments).env("MITSUKE_MODELS_DIR", models).stdout(Stdio::piped()).output();
    let output = output.unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[track_caller]
fn is_whole(data: &Path) {
    let (status, printed) = run(data, "check", &["--sample", "0"]);
    assert_eq!(status, Some(0), "{printed}");
}

/// Returns the number of originals in the folder of a data directory.
fn files(data: &Path) -> usize {
    let below = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| !path.ends_with("incoming")).collect::<Vec<_>>()
    };
    let leaves = below(&data.join("originals")).into_iter().flat_map(|top| below(&top));
    leaves.map(|leaf| below(&leaf).len()).sum()
}

#[tokio::test]
async fn a_killed_server_loses_no_original_of_its_folder() {
    let data = tempfile::tempdir().unwrap();
    let mut stored: Vec<(u64, u32)> = Vec::new();
    for round in 0..3_u32 {
        let server = start(data.path(), "folder").await;
        let (tell, mut answered) = tokio::sync::mpsc::unbounded_channel();
        let mut uploads = JoinSet::new();
        for lane in 0..3 {
            let (client, url, tell) = (server.client.clone(), server.url("/images"), tell.clone());
            uploads.spawn(async move {
                for number in (0..30).map(|n| round * 1_000 + lane * 100 + n) {
                    let Ok(answer) = client.post(&url).multipart(form(number)).send().await else { return };
                    if answer.status() == 201
                        && let Ok(body) = answer.json::<Value>().await
                    {
                        _ = tell.send((body["images"][0]["image"]["image_id"].as_u64().unwrap(), number));
                    }
                }
            });
        }
        drop(tell);
        for _ in 0..8 + 4 * round {
            stored.extend(answered.recv().await);
        }
        // Dropping a server kills it, in the middle of the other uploads.
        drop(server);
        while let Some(uploaded) = uploads.join_next().await {
            uploaded.unwrap();
        }
        while let Some(uploaded) = answered.recv().await {
            stored.push(uploaded);
        }
        is_whole(data.path());
    }
    assert!(stored.len() >= 36, "{stored:?}");
    let mut server = start(data.path(), "folder").await;
    for (image_id, number) in &stored {
        let answer = server.client.get(server.url(&format!("/images/{image_id}/content"))).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{image_id}");
        assert_eq!(answer.bytes().await.unwrap().to_vec(), png(*number));
    }
    let ranged =
        server.client.get(server.url(&format!("/images/{}/content", stored[0].0))).header("range", "bytes=2-9");
    assert_eq!(ranged.send().await.unwrap().bytes().await.unwrap(), png(stored[0].1)[2..=9]);
    let before = files(data.path());
    let deleted = server.client.delete(server.url(&format!("/images/{}", stored[0].0))).send().await.unwrap();
    assert_eq!((deleted.status().as_u16(), files(data.path())), (204, before - 1));
    server.interrupt();
    assert!(server.wait_for_end().success());
    is_whole(data.path());

    let [backup, restored] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (status, printed) = run(data.path(), "backup", &[backup.path().to_str().unwrap()]);
    assert_eq!(status, Some(0), "{printed}");
    let (status, printed) = run(restored.path(), "restore", &[backup.path().to_str().unwrap()]);
    assert_eq!(status, Some(0), "{printed}");
    // A file that a kill has left without its row is in the first folder alone.
    let in_folder = format!("{} originals in the folder", files(restored.path()));
    for directory in [data.path(), restored.path()] {
        let (_, printed) = run(directory, "originals", &["show"]);
        assert!(printed.contains(&in_folder), "{printed}");
    }
    is_whole(restored.path());
    let server = start(restored.path(), "folder").await;
    let (image_id, number) = stored[1];
    let answer = server.client.get(server.url(&format!("/images/{image_id}/content"))).send().await.unwrap();
    assert_eq!(answer.bytes().await.unwrap().to_vec(), png(number));
}

#[tokio::test]
async fn a_killed_move_is_gone_on_with() {
    let data = tempfile::tempdir().unwrap();
    let mut server = start(data.path(), "database").await;
    let numbers = 0..60_u32;
    for number in numbers.clone() {
        let (status, answer) = server.send(server.client.post(server.url("/images")).multipart(form(number))).await;
        assert_eq!(status, 201, "{answer}");
    }
    let (status, printed) = run(data.path(), "originals", &["move", "--to", "folder"]);
    assert_eq!(status, Some(2), "{printed}");
    assert!(printed.contains("Stop it"), "{printed}");
    server.interrupt();
    assert!(server.wait_for_end().success());

    for (to, enough) in [("folder", 20), ("database", 0)] {
        let mut moving = mitsuke("originals", data.path()).args(["move", "--to", to]).spawn().unwrap();
        let begun = Instant::now();
        let is_under_way = || if enough > 0 { files(data.path()) >= enough } else { files(data.path()) < 60 };
        while !is_under_way() && begun.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(1));
        }
        moving.kill().unwrap();
        moving.wait().unwrap();
        is_whole(data.path());
        let (status, printed) = run(data.path(), "originals", &["move", "--to", to]);
        assert_eq!(status, Some(0), "{printed}");
        is_whole(data.path());
        let (status, printed) = run(data.path(), "originals", &["show"]);
        assert_eq!(status, Some(0), "{printed}");
        let there = if to == "folder" { "60 originals in the folder" } else { "60 originals in the database" };
        assert!(printed.contains(there), "{printed}");
        assert_eq!(files(data.path()), if to == "folder" { 60 } else { 0 });
    }
    let mut server = start(data.path(), "folder").await;
    for number in numbers {
        let answer = server.client.get(server.url(&format!("/images/{}/content", number + 1))).send().await.unwrap();
        assert_eq!(answer.bytes().await.unwrap().to_vec(), png(number));
    }
    server.interrupt();
    assert!(server.wait_for_end().success());
}

#[tokio::test]
async fn a_folder_that_is_not_mounted_is_no_damage() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path(), "folder").await;
    let (status, answer) = server.send(server.client.post(server.url("/images")).multipart(form(1))).await;
    assert_eq!(status, 201, "{answer}");
    let (folder, away) = (data.path().join("originals"), data.path().join("away"));
    std::fs::rename(&folder, &away).unwrap();
    let (status, problem) = server.get("/images/1/content").await;
    assert_eq!((status, &problem["code"]), (503, &Value::from("store_unavailable")), "{problem}");
    let (status, problem) = server.send(server.client.post(server.url("/images")).multipart(form(2))).await;
    assert_eq!((status, &problem["code"]), (503, &Value::from("store_unavailable")), "{problem}");
    assert_eq!(server.get("/check").await.1["damaged_total"], 0);
    std::fs::rename(&away, &folder).unwrap();
    let answer = server.client.get(server.url("/images/1/content")).send().await.unwrap();
    assert_eq!(answer.bytes().await.unwrap().to_vec(), png(1));
}
