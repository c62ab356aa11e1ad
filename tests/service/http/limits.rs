//! Every limit at its edge: what just fits is taken, one more is refused with a clear error and nothing stored.

use std::io::Write as _;
use std::net::TcpStream;

use image::{ImageFormat, Rgb, RgbImage};
use reqwest::multipart::Form;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpSocket;

use crate::app::{file, spawn_with};
use crate::pictures::{encoded, pixels, png, png_claiming, png_with_text};

#[tokio::test]
async fn bytes_of_a_file() {
    let size = png(1).len();
    let fits = spawn_with(&[("MITSUKE_MAX_FILE_BYTES", &size.max(1_024).to_string())]);
    let mut exact = png(1);
    // Bytes after the end of a PNG are allowed.
    exact.resize(size.max(1_024), 0);
    assert_eq!(fits.upload("fits.png", exact.clone()).await.status, 201);
    exact.push(0);
    let answer = fits.upload("large.png", exact).await;
    answer.assert_problem(413, "file_too_large");
    assert_eq!(answer.json["limit"], size.max(1_024));
    assert_eq!(fits.get("/images").await.ids().len(), 1);
}

#[tokio::test]
async fn a_file_that_is_too_large_does_not_stop_the_others() {
    let app = spawn_with(&[("MITSUKE_MAX_FILE_BYTES", "4096")]);
    let form = Form::new().part("file", file("large.bin", vec![0; 5_000])).part("file", file("fits.png", png(1)));
    let answer = app.post_form("/images", form).await;
    assert_eq!(answer.status, 207);
    assert_eq!(answer.json["images"][0]["problem"]["code"], "file_too_large");
    assert_eq!(answer.json["images"][1]["status"], "created");
}

#[tokio::test]
async fn bytes_of_a_body() {
    let app = spawn_with(&[("MITSUKE_MAX_BODY_BYTES", "8192")]);
    let form = |size| Form::new().part("file", file("a.png", png(1))).part("file", file("b", vec![0; size]));
    app.post_form("/images", form(9_000)).await.assert_problem(413, "body_too_large");
    assert!(app.get("/images").await.ids().is_empty());
    assert_eq!(app.post_form("/images", form(8_192 - png(1).len())).await.status, 207);
}

#[tokio::test]
async fn files_of_a_request() {
    let app = spawn_with(&[("MITSUKE_MAX_FILES", "3")]);
    let form = |count| (0..count).fold(Form::new(), |form, seed| form.part("file", file("x.png", png(seed))));
    app.post_form("/images", form(4)).await.assert_problem(413, "too_many_files");
    assert!(app.get("/images").await.ids().is_empty());
    assert_eq!(app.post_form("/images", form(3)).await.status, 207);
    assert_eq!(app.get("/images").await.ids().len(), 3);
}

#[tokio::test]
async fn pixels_of_a_picture() {
    let app = spawn_with(&[("MITSUKE_MAX_PIXELS", "1000")]);
    let picture = |width, height| encoded(&pixels(1, width, height), image::ImageFormat::Png);
    assert_eq!(app.upload("fits.png", picture(40, 25)).await.status, 201);
    app.upload("large.png", picture(7, 143)).await.assert_problem(413, "too_many_pixels");
    assert_eq!(app.get("/images").await.ids().len(), 1);
}

#[tokio::test]
async fn pixels_are_counted_before_they_are_decoded() {
    let app = spawn_with(&[]);
    for (width, height) in [(60_000, 60_000), (u32::MAX >> 1, 1), (1, 30_000)] {
        app.upload("bomb.png", png_claiming(width, height)).await.assert_problem(413, "too_many_pixels");
    }
    let form = Form::new().part("file", file("bomb.png", png_claiming(50_000, 50_000)));
    app.post_form("/search/image", form).await.assert_problem(413, "too_many_pixels");
}

#[tokio::test]
async fn characters_of_a_query() {
    let app = spawn_with(&[("MITSUKE_MAX_QUERY_CHARS", "10")]);
    assert_eq!(app.search_text(json!({"query": "あ".repeat(10)})).await.status, 200);
    for field in ["query", "negative_query"] {
        let mut body = json!({"query": "x"});
        body[field] = json!("あ".repeat(12));
        let answer = app.search_text(body).await;
        assert_eq!((answer.status, &answer.json["left_out"]["characters"]), (200, &json!(2)), "{field}");
    }
    let filter = app.get(&format!("/images?file_name_contains={}", "x".repeat(11))).await;
    filter.assert_problem(400, "text_too_long");
}

#[tokio::test]
async fn a_query_longer_than_the_models_context_is_still_answered() {
    let app = spawn_with(&[]);
    app.add("a.png", png(1)).await;
    let answer = app.search_text(json!({"query": "長い文章".repeat(250)})).await;
    assert_eq!((answer.status, answer.ids().len()), (200, 1));
    assert_eq!(answer.json["left_out"]["beyond_context"], true);
    assert_eq!(app.search_text(json!({"query": "短い"})).await.json["left_out"], json!(null));
}

#[tokio::test]
async fn characters_of_a_caption() {
    let app = spawn_with(&[("MITSUKE_MAX_TEXT_CHARS", "10")]);
    let form = |caption: String| Form::new().part("file", file("a.png", png(1))).text("caption", caption);
    app.post_form("/images", form("あ".repeat(11))).await.assert_problem(400, "text_too_long");
    assert!(app.get("/images").await.ids().is_empty());
    assert_eq!(app.post_form("/images", form("あ".repeat(10))).await.status, 201);
    let patch = app.send_json(reqwest::Method::PATCH, "/images/1", &json!({"caption": "あ".repeat(11)})).await;
    patch.assert_problem(400, "text_too_long");
    assert_eq!(app.get("/images/1").await.json["caption"], "あ".repeat(10));
}

#[tokio::test]
async fn characters_of_a_generation_prompt_in_a_file() {
    let app = spawn_with(&[("MITSUKE_MAX_TEXT_CHARS", "20")]);
    let bytes = png_with_text(1, &[("parameters", "a cat <lora:ink:0.8>\nSteps: 9, Seed: 7")]);
    app.upload("a.png", bytes.clone()).await;
    let image = app.get("/images/1").await.json;
    assert_eq!(image["generation_prompt"], "parameters:a cat <lo");
    assert_eq!((&image["generation"]["seed"], &image["generation"]["truncated"]), (&json!(7), &json!(true)));
    assert_eq!(image["generation"]["loras"], json!([{"name": "ink", "weight": 0.8}]));
    assert_eq!(app.get("/images/1/content").await.bytes, bytes, "the file keeps all of it");
}

#[tokio::test]
async fn images_of_a_page() {
    let app = spawn_with(&[("MITSUKE_MAX_PAGE", "5")]);
    assert_eq!(app.search_text(json!({"query": "x", "limit": 5})).await.status, 200);
    app.search_text(json!({"query": "x", "limit": 6})).await.assert_problem(400, "invalid_request");
    assert_eq!(app.search_text(json!({"query": "x"})).await.status, 200, "the default page shrinks to the limit");
}

#[tokio::test]
async fn a_full_queue_answers_503_with_retry_after_at_once_and_loses_nothing_it_answered() {
    let app = spawn_with(&[
        ("MITSUKE_QUEUE_CAPACITY", "1"),
        ("MITSUKE_BATCH_SIZE", "1"),
        ("MITSUKE_MAX_CONCURRENT_UPLOADS", "4"),
    ]);
    let uploads = (0..40).map(|seed| app.upload("x.png", png(seed)));
    let answers = futures_util::future::join_all(uploads).await;
    let stored = answers.iter().filter(|answer| answer.status == 201).count();
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.assert_problem(503, "queue_full");
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1));
    }
    assert!(stored >= 1);
    assert_eq!(app.get("/images?limit=100").await.ids().len(), stored);
}

#[tokio::test]
async fn time_for_a_body_of_json_too() {
    let app = spawn_with(&[("MITSUKE_BODY_TIMEOUT_S", "1")]);
    let endless = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let request = app.request(reqwest::Method::POST, "/search/text").header("content-type", "application/json");
    let answer = request.body(reqwest::Body::wrap_stream(endless)).send().await.unwrap();
    crate::app::Answer::read(answer).await.assert_problem(408, "request_timeout");
}

#[tokio::test]
async fn uploads_that_never_end_keep_no_search_by_picture_out() {
    let app = spawn_with(&[("MITSUKE_MAX_CONCURRENT_UPLOADS", "1")]);
    app.add("a.png", png(1)).await;
    let head = "POST /images HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: multipart/form-data; boundary=x\r\n\
                content-length: 999\r\n\r\n--x\r\n";
    let mut unfinished = Vec::new();
    // Another upload is refused once an unfinished one has the only place.
    loop {
        let mut upload = TcpStream::connect(app.url.trim_start_matches("http://")).unwrap();
        upload.write_all(head.as_bytes()).unwrap();
        unfinished.push(upload);
        if app.upload("b.png", png(2)).await.status == 503 {
            break;
        }
        assert!(unfinished.len() < 1000);
    }
    let form = Form::new().part("file", file("q.png", png(3)));
    assert_ne!(app.post_form("/search/image", form).await.ids().len(), 0);
}

#[tokio::test]
async fn bytes_on_their_way_to_callers() {
    let app = spawn_with(&[("MITSUKE_MAX_SENDING_BYTES", "1048576")]);
    let large =
        encoded(&RgbImage::from_fn(2000, 1200, |x, y| Rgb([x as u8, y as u8, (x * y) as u8])), ImageFormat::Bmp);
    let id = app.add("large.bmp", large.clone()).await;
    let path = format!("/images/{id}/content");
    // A caller that does not read, with the smallest receive buffer.
    let slow = TcpSocket::new_v4().unwrap();
    slow.set_recv_buffer_size(1024).unwrap();
    let mut slow = slow.connect(app.url.trim_start_matches("http://").parse().unwrap()).await.unwrap();
    slow.write_all(format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").as_bytes()).await.unwrap();
    slow.readable().await.unwrap();
    let refused = app.get(&path).await;
    refused.assert_problem(503, "queue_full");
    assert_eq!(refused.header("retry-after"), "1");
    drop(slow);
    loop {
        let answer = app.get(&path).await;
        if answer.status == 200 {
            assert!(answer.bytes == large, "the whole picture is sent once the slow caller has gone");
            break;
        }
    }
}
