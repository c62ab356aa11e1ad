//! The room for requests: their memory, their rate, and their part of the server.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use image::{ImageFormat, Rgb, RgbImage};
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::app::{TestApp, file, spawn_in, spawn_with};
use crate::pictures::{encoded, png, png_with_text};

/// The longest time that a connection may be silent. It only bounds a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(app: &TestApp) -> TcpStream {
    let stream = TcpStream::connect(app.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends the head of an upload of multipart form data.
fn begin_upload(app: &TestApp, framing: &str) -> TcpStream {
    let mut stream = connect(app);
    let head = format!(
        "POST /images HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: multipart/form-data; boundary=x\r\n{framing}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Reads the status line and the code of an answer.
fn answer(stream: &mut TcpStream) -> (u16, String) {
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(read) => answer.extend_from_slice(&piece[..read]),
        }
        let text = String::from_utf8_lossy(&answer);
        if text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.ends_with('}')) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&answer);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let problem: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    (status, problem["code"].as_str().unwrap_or_default().to_owned())
}

/// Sends a body in chunks until the server ends the connection, at most `most` bytes. Returns the bytes that were taken.
fn pour(stream: &mut TcpStream, most: usize) -> usize {
    let piece = "a line\r\n".repeat(1 << 13).into_bytes();
    let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat();
    let mut sent = 0;
    while sent < most && stream.write_all(&chunk).is_ok() {
        sent += piece.len();
    }
    sent
}

/// Returns whether something has arrived that can be read.
fn has_answer(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let arrived = stream.peek(&mut [0]).is_ok_and(|bytes| bytes > 0);
    stream.set_nonblocking(false).unwrap();
    arrived
}

/// Returns the value of a metric with a label.
async fn metric(app: &TestApp, name: &str, label: &str) -> f64 {
    let text = String::from_utf8(app.get("/metrics").await.bytes).unwrap();
    let line = text.lines().find(|line| line.starts_with(name) && line.contains(label));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// Waits until a condition of a metric holds.
async fn wait_for_metric(app: &TestApp, name: &str, label: &str, holds: impl Fn(f64) -> bool) {
    for _ in 0..1_200 {
        if holds(metric(app, name, label).await) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{name} of {label} never holds");
}

#[tokio::test]
async fn all_bytes_of_a_form_are_counted_those_before_and_after_its_parts_too() {
    let app = spawn_with(&[("MITSUKE_MAX_BODY_BYTES", "65536")]);
    // Far more than a connection carries until the server, which discards the rest of a refused body for a second, ends it.
    let most = 1 << 36;
    let mut preamble = begin_upload(&app, "transfer-encoding: chunked");
    assert!(pour(&mut preamble, most) < most, "the server ends the connection");
    let mut preamble = begin_upload(&app, "transfer-encoding: chunked");
    for _ in 0..6 {
        pour(&mut preamble, 1 << 16);
    }
    assert_eq!(answer(&mut preamble), (413, "body_too_large".to_owned()));

    let mut epilogue = begin_upload(&app, "transfer-encoding: chunked");
    let form = "--x\r\ncontent-disposition: form-data; name=\"tags\"\r\n\r\na\r\n--x--\r\n";
    epilogue.write_all(format!("{:x}\r\n{form}\r\n", form.len()).as_bytes()).unwrap();
    for _ in 0..4 {
        pour(&mut epilogue, 1 << 16);
    }
    assert_eq!(answer(&mut epilogue), (400, "invalid_multipart".to_owned()));
    assert!(pour(&mut epilogue, most) < most, "the server ends the connection");
}

#[tokio::test]
async fn a_body_that_states_too_many_bytes_is_refused_before_they_arrive() {
    let app = spawn_with(&[("MITSUKE_MAX_BODY_BYTES", "65536")]);
    let mut upload = begin_upload(&app, "content-length: 1000000");
    assert_eq!(answer(&mut upload), (413, "body_too_large".to_owned()));
    let mut json = connect(&app);
    let head = "POST /search/text HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 9000000\r\n\r\n";
    json.write_all(head.as_bytes()).unwrap();
    assert_eq!(answer(&mut json), (413, "body_too_large".to_owned()));
}

#[tokio::test]
async fn unfinished_bodies_take_no_more_than_the_memory_for_them_and_give_it_back() {
    let app = spawn_with(&[("MITSUKE_MEMORY_BYTES", "33554432"), ("MITSUKE_MEMORY_WAIT_MS", "100")]);
    let limit = metric(&app, "mitsuke_memory_budget_bytes", "receiving").await;
    let head = "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n";
    let mut uploads: Vec<_> = (0..12)
        .map(|_| {
            let mut upload = begin_upload(&app, "content-length: 4000000");
            upload.write_all(head.as_bytes()).unwrap();
            // A refused one is cut off.
            let _ = upload.write_all(&vec![0; 3_000_000]);
            upload
        })
        .collect();
    wait_for_metric(&app, "mitsuke_memory_refused_total", "receiving", |refused| refused >= 8.0).await;
    let used = metric(&app, "mitsuke_memory_used_bytes", "receiving").await;
    assert!(used > 0.0 && used <= limit, "{used} of {limit}");
    // The order in which they take memory is that of their arrival.
    let at = loop {
        if let Some(at) = uploads.iter().position(has_answer) {
            break at;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(answer(&mut uploads[at]), (503, "memory_full".to_owned()));
    assert_eq!(app.search_text(json!({"query": "x"})).await.status, 200, "a small body needs no memory of the large");
    drop(uploads);
    wait_for_metric(&app, "mitsuke_memory_used_bytes", "receiving", |used| used == 0.0).await;
    assert_eq!(app.upload("a.png", png(1)).await.status, 201);
}

#[tokio::test]
async fn callers_who_never_read_are_cut_off_and_their_memory_comes_back() {
    let app = spawn_with(&[
        ("MITSUKE_MAX_LISTED_TEXT_CHARS", "1000000"),
        ("MITSUKE_MAX_ANSWER_BYTES", "1000000000"),
        ("MITSUKE_WRITE_STALL_S", "1"),
    ]);
    let large =
        encoded(&RgbImage::from_fn(2000, 1200, |x, y| Rgb([x as u8, y as u8, (x * y) as u8])), ImageFormat::Bmp);
    let id = app.add("large.bmp", large).await;
    for seed in 0..30 {
        app.add_with_caption(png(seed), &"あ".repeat(90_000)).await;
    }
    let paths = ["/images?limit=100".to_owned(), format!("/images/{id}/content")];
    let readers: Vec<_> = (0..10)
        .map(|turn| {
            let mut reader = connect(&app);
            let head = format!("GET {} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", paths[turn % 2]);
            reader.write_all(head.as_bytes()).unwrap();
            reader
        })
        .collect();
    wait_for_metric(&app, "mitsuke_stalled_connections_total", "", |stalled| stalled >= 10.0).await;
    wait_for_metric(&app, "mitsuke_memory_used_bytes", "sending", |used| used == 0.0).await;
    drop(readers);
    assert_eq!(app.get(&paths[1]).await.status, 200);
}

#[tokio::test]
async fn texts_in_files_obey_the_limit_on_texts() {
    let app = spawn_with(&[("MITSUKE_MAX_TEXT_CHARS", "1000")]);
    let long = "あ".repeat(5_000);
    let parameters = format!("{long}\nNegative prompt: {long}\nSteps: 20, Sampler: Euler a, Seed: 7, Model: {long}");
    let pictures = [
        png_with_text(1, &[("Description", &long), ("Comment", &"い".repeat(5_000))]),
        png_with_text(2, &[("parameters", &parameters)]),
    ];
    for (index, bytes) in pictures.into_iter().enumerate() {
        let id = app.add(&format!("{index}.png"), bytes).await;
        let image = app.get(&format!("/images/{id}")).await.json;
        let generation = &image["generation"];
        let texts = [&image["caption"], &image["generation_prompt"], &generation["prompt"], &generation["model"]];
        let lengths = texts.map(|text| text.as_str().map_or(0, |text| text.chars().count()));
        assert!(lengths.iter().all(|length| *length <= 1_000), "{lengths:?}");
        assert!(lengths.contains(&1_000), "{lengths:?}");
        assert!(index == 0 || generation["truncated"] == true);
    }
}

#[tokio::test]
async fn lists_and_hits_carry_short_texts_and_say_where_the_whole_ones_are() {
    let app = spawn_with(&[("MITSUKE_MAX_LISTED_TEXT_CHARS", "10")]);
    let long = "夕焼けの海と長い長い言葉";
    let id = app.add_with_caption(png(1), long).await;
    app.send_json(Method::PATCH, &format!("/images/{id}"), &json!({"tags": ["あいうえお", "かきくけ", "さしす"]}))
        .await;
    let short = app.add_with_caption(png(2), "夕焼け").await;
    let cut: String = long.chars().take(10).collect();
    let answers = [
        app.get("/images").await,
        app.search_text(json!({"query": "夕焼け"})).await,
        app.get("/search?q=夕焼け").await,
        app.search_image(json!({"image_ids": [short]})).await,
        app.get(&format!("/images/{short}/similar")).await,
    ];
    for answer in answers {
        assert_eq!(answer.field(id, "caption"), &json!(cut));
        assert_eq!(answer.field(id, "tags"), &json!(["あいうえお", "かきくけ"]));
        assert_eq!(answer.field(id, "texts_shortened"), true);
        if answer.ids().contains(&short) {
            assert_eq!(answer.field(short, "caption"), "夕焼け");
            assert_eq!(answer.field(short, "texts_shortened"), false);
        }
    }
    let whole = app.get(&format!("/images/{id}")).await.json;
    assert_eq!((&whole["caption"], &whole["texts_shortened"]), (&json!(long), &json!(false)));
}

#[tokio::test]
async fn a_list_shares_the_bytes_of_an_answer_among_its_images() {
    let app = spawn_with(&[("MITSUKE_MAX_ANSWER_BYTES", "65536")]);
    for seed in 0..20 {
        app.add_with_caption(png(seed), &"あ".repeat(2_000)).await;
    }
    let list = app.get("/images?limit=20").await;
    assert!(list.bytes.len() < 65_536, "{}", list.bytes.len());
    assert!(list.json["images"].as_array().unwrap().iter().all(|image| image["texts_shortened"] == true));
    assert_eq!(app.get("/images?limit=1").await.json["images"][0]["caption"].as_str().unwrap().chars().count(), 2_000);
}

#[tokio::test]
async fn errors_of_work_on_other_threads_name_their_request() {
    let app = spawn_with(&[]);
    let picture = encoded(&RgbImage::from_fn(700, 600, |x, y| Rgb([x as u8, y as u8, 0])), ImageFormat::Png);
    let id = app.add("a.png", picture).await;
    // The picture is larger than the limits of the next server allow, so its thumbnail cannot be made.
    let app = spawn_in(app.stop(), &[("MITSUKE_MAX_PIXELS", "1000")]);
    let thumbnail = app.get(&format!("/images/{id}/thumbnail?size=1024")).await;
    thumbnail.assert_problem(413, "too_many_pixels");
    let form = || Form::new().part("file", file("a.txt", b"no picture".to_vec()));
    let several = app.post_form("/images", form().part("file", file("b.txt", b"no picture".to_vec()))).await;
    let delete = app.send_json(Method::POST, "/images/delete", &json!({"image_ids": [999]})).await;
    for (answer, problem) in [
        (&thumbnail, &thumbnail.json),
        (&several, &several.json["images"][1]["problem"]),
        (&delete, &delete.json["items"][0]["problem"]),
    ] {
        let id = answer.header("x-request-id");
        assert!(!id.is_empty() && problem["request_id"] == id, "{problem}");
    }
}
