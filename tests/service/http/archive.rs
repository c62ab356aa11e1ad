//! POST /images/archive: the originals of several images in one file.

use std::io::{Cursor, Read as _};

use image::{ImageFormat, Rgb, RgbImage};
use reqwest::Method;
use serde_json::{Value, json};
use zip::{CompressionMethod, ZipArchive};

use crate::app::{Answer, TestApp, spawn, spawn_with};
use crate::pictures::{encoded, jpeg, png};

on_both_stores! {
    an_archive_holds_the_originals_under_their_names,
    what_is_missing_is_named_in_a_last_file,
}

async fn archive(app: &TestApp, ids: &[i64]) -> Answer {
    app.send_json(Method::POST, "/images/archive", &json!({"image_ids": ids})).await
}

/// Returns the names and the bytes of the files of an archive, in their order. Reading compares the bytes with their CRC.
fn files(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let count = zip.len();
    let file = |at| {
        let mut file = zip.by_index(at).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        assert_eq!(file.compression(), CompressionMethod::Stored);
        assert_eq!(file.unix_mode(), Some(0o100_644));
        (file.name().unwrap().into_owned(), bytes)
    };
    (0..count).map(file).collect()
}

async fn an_archive_holds_the_originals_under_their_names() {
    let app = spawn();
    let pictures = [png(1), jpeg(2), png(3), png(4)];
    let names = ["夕焼け.png", "a.jpg", "A.JPG", "b.png"];
    let mut ids = Vec::new();
    for (name, picture) in names.iter().zip(&pictures) {
        ids.push(app.add("x.png", picture.clone()).await);
        let change = json!({"file_name": name, "taken_at": "2024-05-01T12:34:56+09:00"});
        app.send_json(Method::PATCH, &format!("/images/{}", ids[ids.len() - 1]), &change).await;
    }
    let request = app.request(Method::POST, "/images/archive").header("accept-encoding", "gzip, br, zstd");
    let response = request.json(&json!({"image_ids": [ids[3], ids[0], ids[1], ids[2], ids[0]]})).send().await.unwrap();
    let answer = Answer::read(response).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/zip"), "{}", answer.json);
    assert_eq!((answer.header("content-encoding"), answer.header("cache-control")), ("identity", "no-store"));
    let disposition = answer.header("content-disposition");
    assert!(disposition.starts_with("attachment; filename=\"mitsuke-20"), "{disposition}");
    assert!(disposition.ends_with(".zip\""), "{disposition}");
    let expected =
        [("b.png", &pictures[3]), ("夕焼け.png", &pictures[0]), ("a.jpg", &pictures[1]), ("A (2).JPG", &pictures[2])];
    assert_eq!(files(&answer.bytes), expected.map(|(name, bytes)| (name.to_owned(), bytes.clone())));
    let mut zip = ZipArchive::new(Cursor::new(&answer.bytes)).unwrap();
    let taken = zip.by_index(1).unwrap().last_modified().unwrap();
    assert_eq!((taken.year(), taken.month(), taken.day(), taken.hour(), taken.minute()), (2024, 5, 1, 12, 34));
}

async fn what_is_missing_is_named_in_a_last_file() {
    let app = spawn();
    let id = app.add("left-out.txt.png", png(1)).await;
    let answer = archive(&app, &[998, id, 999]).await;
    let files = files(&answer.bytes);
    assert_eq!(files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["left-out.txt.png", "left-out.txt"]);
    let text = String::from_utf8(files[1].1.clone()).unwrap();
    assert!(text.contains("image 998: there is no such image\nimage 999: there is no such image\n"), "{text}");
}

#[tokio::test]
async fn requests_for_nothing_or_too_much_are_refused() {
    let app = spawn();
    archive(&app, &[998, 999]).await.assert_problem(404, "image_not_found");
    for ids in [vec![], (1..=1_001).collect()] {
        let refused = archive(&app, &ids).await;
        refused.assert_problem(400, "invalid_request");
        assert_eq!((&refused.json["field"], &refused.json["limit"]), (&json!("image_ids"), &json!(1_000)));
    }
}

/// Makes a picture that no buffer of a connection holds.
fn large(seed: u8) -> Vec<u8> {
    encoded(&RgbImage::from_fn(3000, 2500, |x, y| Rgb([x as u8, y as u8, seed])), ImageFormat::Bmp)
}

#[tokio::test]
async fn a_picture_that_is_deleted_meanwhile_is_left_out() {
    let app = spawn();
    let ids = [app.add("a.bmp", large(1)).await, app.add("b.bmp", large(2)).await, app.add("c.png", png(3)).await];
    let request = app.request(Method::POST, "/images/archive").json(&json!({"image_ids": ids}));
    // The server reads a picture when the one before it is sent.
    let mut response = request.send().await.unwrap();
    let mut bytes = response.chunk().await.unwrap().unwrap().to_vec();
    assert_eq!(app.send_json(Method::DELETE, &format!("/images/{}", ids[1]), &Value::Null).await.status, 204);
    while let Some(chunk) = response.chunk().await.unwrap() {
        bytes.extend(chunk);
    }
    let files = files(&bytes);
    assert_eq!(files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a.bmp", "c.png", "left-out.txt"]);
    let text = String::from_utf8(files[2].1.clone()).unwrap();
    assert!(text.contains(&format!("b.bmp (image {}): it has been deleted\n", ids[1])), "{text}");
}

#[tokio::test]
async fn an_archive_takes_memory_until_it_is_read() {
    let app = spawn_with(&[("MITSUKE_MAX_SENDING_BYTES", "50000000")]);
    let id = app.add("a.bmp", large(1)).await;
    let begin = || app.request(Method::POST, "/images/archive").json(&json!({"image_ids": [id]})).send();
    let slow = begin().await.unwrap();
    archive(&app, &[id]).await.assert_problem(503, "queue_full");
    drop(slow);
    let mut status = 0;
    for _ in 0..600 {
        status = begin().await.unwrap().status().as_u16();
        if status == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(status, 200, "the memory comes back");
}
