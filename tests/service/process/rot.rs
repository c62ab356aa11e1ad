//! Stored bytes that have changed on disk are never given out as the picture, and the commands tell them.

use std::io::Cursor;
use std::path::Path;

use reqwest::StatusCode;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use zip::ZipArchive;

use super::run;
use crate::pictures::png;
use crate::server::{Server, mitsuke};

async fn start(data: &Path) -> Server {
    Server::start(&mut mitsuke("serve", data)).ready().await
}

async fn upload(server: &Server, bytes: Vec<u8>) -> (u16, Value) {
    let part = Part::bytes(bytes).file_name("a.png").mime_str("image/png").unwrap();
    server.send(server.client.post(server.url("/images")).multipart(Form::new().part("file", part))).await
}

/// Starts a server, uploads pictures, and stops it.
async fn stored(data: &Path, pictures: &[Vec<u8>]) {
    let mut server = start(data).await;
    for picture in pictures {
        let (status, answer) = upload(&server, picture.clone()).await;
        assert_eq!(status, 201, "{answer}");
    }
    server.interrupt();
    assert!(server.wait_for_end().success());
}

fn sql(data: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(data.join("mitsuke.db")).unwrap()
}

/// Flips one bit of a stored original.
fn flip(data: &Path, image_id: i64) {
    let db = sql(data);
    let select = "SELECT image_data FROM image_contents WHERE image_id = ?";
    let mut bytes: Vec<u8> = db.query_row(select, [image_id], |row| row.get(0)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    let update = "UPDATE image_contents SET image_data = ? WHERE image_id = ?";
    db.execute(update, rusqlite::params![bytes, image_id]).unwrap();
    db.execute("DELETE FROM image_thumbnails", []).unwrap();
}

fn command(data: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models");
    run(
        arguments,
        &[("MITSUKE_DATA_DIR", data.to_str().unwrap()), ("MITSUKE_MODELS_DIR", models), ("MITSUKE_IMAGES_DIR", "")],
    )
}

#[tokio::test]
async fn a_flipped_bit_is_an_error_of_its_own_until_the_file_is_uploaded_again() {
    let data = tempfile::tempdir().unwrap();
    let pictures = [png(1), png(2)];
    stored(data.path(), &pictures).await;
    flip(data.path(), 1);
    let mut server = start(data.path()).await;
    for path in ["/images/1/content", "/images/1/thumbnail?size=128", "/images/1/thumbnail"] {
        let (status, problem) = server.get(path).await;
        assert_eq!(
            (status, &problem["code"], &problem["image_id"]),
            (500, &json!("image_damaged"), &json!(1)),
            "{path}"
        );
        assert!(problem["detail"].as_str().unwrap().contains("Upload the file again"), "{problem}");
    }
    let ranged = server.client.get(server.url("/images/1/content")).header("range", "bytes=0-9");
    assert_eq!(server.send(ranged).await.1["code"], "image_damaged");
    let both = server.client.post(server.url("/images/archive")).json(&json!({"image_ids": [1, 2]}));
    let mut zip = ZipArchive::new(Cursor::new(both.send().await.unwrap().bytes().await.unwrap())).unwrap();
    let names: Vec<_> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    assert_eq!(names, ["a.png", "left-out.txt"]);
    let left_out = std::io::read_to_string(zip.by_index(1).unwrap()).unwrap();
    assert!(left_out.contains("a.png (image 1): its stored bytes are damaged"), "{left_out}");
    // The other picture, the facts and the search are as they were.
    let whole = server.client.get(server.url("/images/2/content")).send().await.unwrap();
    assert_eq!((whole.status(), whole.bytes().await.unwrap().to_vec()), (StatusCode::OK, pictures[1].clone()));
    let part = server.client.get(server.url("/images/2/content")).header("range", "bytes=3-9").send().await.unwrap();
    assert_eq!(part.headers()["content-range"], format!("bytes 3-9/{}", pictures[1].len()));
    assert_eq!((part.status(), &part.bytes().await.unwrap()[..]), (StatusCode::PARTIAL_CONTENT, &pictures[1][3..=9]));
    assert_eq!(server.get("/images/1").await.0, 200);
    let (_, check) = server.get("/check").await;
    assert_eq!((&check["damaged_total"], &check["damaged"][0]["image_id"]), (&json!(1), &json!(1)), "{check}");
    assert_eq!(check["damaged"][0]["file_name"], "a.png");
    let metrics = server.client.get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("mitsuke_store_damaged_images 1"), "{metrics}");
    // A check beside the server tells the same.
    let (status, text) = command(data.path(), &["check"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("pictures: 2 checked, 0 repaired, 1 faults") && text.contains("image 1"), "{text}");
    let (_, text) = command(data.path(), &["doctor"]);
    assert!(text.contains("1 pictures are damaged"), "{text}");

    let (status, answer) = upload(&server, pictures[0].clone()).await;
    assert_eq!(status, 200, "{answer}");
    let again = server.client.get(server.url("/images/1/content")).send().await.unwrap();
    assert_eq!((again.status(), again.bytes().await.unwrap().to_vec()), (StatusCode::OK, pictures[0].clone()));
    assert_eq!(server.get("/check").await.1["damaged_total"], 0);
    server.interrupt();
    assert!(server.wait_for_end().success());
    let (status, text) = command(data.path(), &["check"]);
    assert_eq!(status, Some(0), "{text}");
}

#[tokio::test]
async fn the_background_check_finds_rot_that_nobody_reads() {
    let data = tempfile::tempdir().unwrap();
    stored(data.path(), &[png(1), png(2)]).await;
    flip(data.path(), 2);
    let server = start(data.path()).await;
    assert_eq!(server.send(server.client.post(server.url("/check"))).await.0, 202);
    let started = std::time::Instant::now();
    loop {
        let (_, check) = server.get("/check").await;
        if check["damaged_total"] == 1 && check["finished_at"].is_string() {
            assert_eq!(check["damaged"][0]["image_id"], 2);
            break;
        }
        assert!(started.elapsed() < crate::server::TIMEOUT, "{check}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_damaged_picture_is_repaired_from_the_folder_of_a_backup() {
    let (data, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let pictures = [png(1), png(2)];
    stored(data.path(), &pictures).await;
    flip(data.path(), 1);
    flip(data.path(), 2);
    let sha256 = mitsuke_store::Sha256::of(&pictures[0]).to_string();
    let folder = backup.path().join("pictures").join(&sha256[..2]);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(&sha256), &pictures[0]).unwrap();
    let from = backup.path().to_str().unwrap();
    let (status, text) = command(data.path(), &["check", "--repair", "--from", from]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("pictures: 2 checked, 1 repaired, 1 faults"), "{text}");
    let server = start(data.path()).await;
    assert_eq!(server.client.get(server.url("/images/1/content")).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(server.get("/images/2/content").await.1["code"], "image_damaged");
    // The store belongs to the server now.
    let (status, text) = command(data.path(), &["check", "--repair"]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("a server runs on"), "{text}");
}

/// Turns the stored embedding of an image into its opposite, which is a unit vector as well.
fn turn_embedding(data: &Path, image_id: i64) {
    let db = sql(data);
    let select = "SELECT embedding FROM image_embeddings WHERE image_id = ?";
    let mut bytes: Vec<u8> = db.query_row(select, [image_id], |row| row.get(0)).unwrap();
    bytes.chunks_exact_mut(4).for_each(|component| component[3] ^= 0x80);
    let update = "UPDATE image_embeddings SET embedding = ? WHERE image_id = ?";
    db.execute(update, rusqlite::params![bytes, image_id]).unwrap();
}

#[tokio::test]
async fn an_embedding_of_another_picture_is_found_and_made_again() {
    let data = tempfile::tempdir().unwrap();
    stored(data.path(), &[png(1), png(2)]).await;
    let (status, text) = command(data.path(), &["check"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("sample: 2 checked, 0 repaired, 0 faults"), "{text}");
    turn_embedding(data.path(), 2);
    let (status, text) = command(data.path(), &["check", "--sample", "0"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(!text.contains("sample"), "{text}");
    let (status, text) = command(data.path(), &["check"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("embedding of image 2 by model 1 is not that of its picture"), "{text}");
    // A model that cannot be loaded is named, and the rest is checked.
    let nowhere = tempfile::tempdir().unwrap();
    let settings = [
        ("MITSUKE_DATA_DIR", data.path().to_str().unwrap()),
        ("MITSUKE_MODELS_DIR", nowhere.path().to_str().unwrap()),
        ("MITSUKE_IMAGES_DIR", ""),
    ];
    let (status, text) = run(&["check"], &settings);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("are not compared with their pictures: it has no folder in"), "{text}");
    let (status, text) = command(data.path(), &["check", "--repair"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("sample: 2 checked, 1 repaired, 0 faults"), "{text}");
    // The server makes the embedding again.
    let mut server = start(data.path()).await;
    let started = std::time::Instant::now();
    while server.get("/models").await.1["models"][0]["embedded"] != 2 {
        assert!(started.elapsed() < crate::server::TIMEOUT);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    server.interrupt();
    assert!(server.wait_for_end().success());
    let (status, text) = command(data.path(), &["check"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("sample: 2 checked, 0 repaired, 0 faults"), "{text}");
}

#[tokio::test]
async fn a_malformed_database_is_a_problem_for_doctor_and_check() {
    let data = tempfile::tempdir().unwrap();
    stored(data.path(), &[png(1), png(2)]).await;
    let path = data.path().join("mitsuke.db");
    let mut bytes = std::fs::read(&path).unwrap();
    // The first page stays, so that the file is still a database.
    for page in bytes[4096..].chunks_mut(4096).step_by(3) {
        page.iter_mut().for_each(|byte| *byte ^= 0x5a);
    }
    std::fs::write(&path, bytes).unwrap();
    let (status, text) = command(data.path(), &["doctor"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("problem") && text.contains("damaged"), "{text}");
    let (status, text) = command(data.path(), &["check"]);
    assert_ne!(status, Some(0), "{text}");
}

#[tokio::test]
async fn a_missing_database_beside_its_indexes_does_not_start_as_an_empty_store() {
    let data = tempfile::tempdir().unwrap();
    stored(data.path(), &[png(1), png(2)]).await;
    std::fs::remove_file(data.path().join("mitsuke.db")).unwrap();
    let mut server = Server::start(&mut mitsuke("serve", data.path()));
    assert!(!server.wait_for_end().success());
    let (status, text) = command(data.path(), &["doctor"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("is missing or empty") && text.contains("mitsuke restore"), "{text}");
}
