//! Bad input gets a clear 4xx as a problem document.

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, file, spawn, spawn_with};
use crate::pictures::png;

const KEY: &str = "0123456789abcdef";

#[tokio::test]
async fn a_path_without_an_endpoint_is_not_found() {
    let app = spawn();
    let answer = app.get("/nowhere").await;
    answer.assert_problem(404, "route_not_found");
    assert_snapshot!("no_such_endpoint", answer.json);
    app.get("/images/1/nothing").await.assert_problem(404, "route_not_found");
}

#[tokio::test]
async fn another_method_is_refused_with_the_allowed_ones_named() {
    let app = spawn();
    for (method, path) in [
        (Method::DELETE, "/images"),
        (Method::GET, "/search/text"),
        (Method::POST, "/models"),
        (Method::POST, "/openapi.json"),
    ] {
        let answer = Answer::read(app.request(method, path).send().await.unwrap()).await;
        answer.assert_problem(405, "method_not_allowed");
        assert!(!answer.header("allow").is_empty());
    }
}

#[tokio::test]
async fn an_id_that_cannot_exist_is_not_found() {
    let app = spawn();
    for path in ["/images/abc", "/images/99999999999999999999", "/images/-1", "/images/1.5/content"] {
        app.get(path).await.assert_problem(404, "image_not_found");
    }
}

#[tokio::test]
async fn json_that_cannot_be_used_says_where() {
    let app = spawn();
    let mut details = Vec::new();
    for body in [
        "",
        "{",
        r#"{"query": "x", "filter": {"#,
        "[]",
        r#"["猫", "vector"]"#,
        "{}",
        r#"{"query": 5}"#,
        r#"{"query": "x", "limitt": 3}"#,
        r#"{"query":"x","mode":"best"}"#,
        "\u{feff}{}",
    ] {
        let request = app.request(Method::POST, "/search/text").header("content-type", "application/json");
        let answer = Answer::read(request.body(body).send().await.unwrap()).await;
        answer.assert_problem(400, answer.json["code"].as_str().unwrap());
        let (code, field, detail) = (&answer.json["code"], &answer.json["field"], &answer.json["detail"]);
        details.push(json!({"body": body, "code": code, "field": field, "detail": detail}));
    }
    assert_snapshot!("unusable_json", details);
}

#[tokio::test]
async fn a_json_body_may_begin_with_a_byte_order_mark() {
    let app = spawn();
    let text = r#"{"query": "猫"}"#;
    let utf16 =
        |unit: fn(u16) -> [u8; 2]| "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(unit).collect();
    let bodies: [Vec<u8>; 3] = [format!("\u{feff}{text}").into(), utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)];
    let send = async |body: Vec<u8>| {
        let request = app.request(Method::POST, "/search/text").header("content-type", "application/json");
        Answer::read(request.body(body).send().await.unwrap()).await
    };
    for body in bodies {
        let answer = send(body.clone()).await;
        assert_eq!(answer.status, 200, "{body:?}: {}", answer.json);
    }
    for broken in [b"\xff\xfe{".to_vec(), b"\xff\xfe\x00\xd8".to_vec()] {
        send(broken).await.assert_problem(400, "invalid_json");
    }
}

#[tokio::test]
async fn a_compressed_json_body_is_refused_instead_of_misread() {
    let app = spawn();
    let request = app.request(Method::POST, "/search/text").header("content-type", "application/json");
    let answer = Answer::read(request.header("content-encoding", "gzip").body("x").send().await.unwrap()).await;
    answer.assert_problem(415, "unsupported_media_type");
    assert!(answer.json["detail"].as_str().unwrap().contains("Content-Encoding"));
}

#[tokio::test]
async fn another_content_type_is_refused_with_the_right_one_named() {
    let app = spawn();
    for path in ["/search/text", "/search/image", "/images"] {
        let request = app.request(Method::POST, path).header("content-type", "text/csv").body("a,b");
        Answer::read(request.send().await.unwrap()).await.assert_problem(415, "unsupported_media_type");
    }
}

#[tokio::test]
async fn numbers_out_of_range_are_refused() {
    let app = spawn();
    for limit in [0, 201] {
        app.search_text(json!({"query": "x", "limit": limit})).await.assert_problem(400, "invalid_request");
        app.get(&format!("/images?limit={limit}")).await.assert_problem(400, "invalid_request");
    }
    app.search_text(json!({"query": "x", "min_similarity": 1.5})).await.assert_problem(400, "invalid_request");
    app.search_text(json!({"query": "x", "offset": -1})).await.assert_problem(400, "invalid_request");
    app.get("/images?limit=many").await.assert_problem(400, "invalid_request");
    app.get("/images?page=2").await.assert_problem(400, "invalid_request");
    app.get("/images?cursor=zzz").await.assert_problem(400, "invalid_request");
}

#[tokio::test]
async fn what_keyword_mode_cannot_use_is_refused() {
    let app = spawn();
    let bodies = [json!({"min_similarity": 0.1}), json!({"negative_query": "人"})];
    for mut body in bodies {
        body["query"] = json!("猫");
        body["mode"] = json!("keyword");
        app.search_text(body).await.assert_problem(400, "invalid_request");
    }
}

async fn post_raw(app: &TestApp, body: impl Into<reqwest::Body>) -> Answer {
    let request = app.request(Method::POST, "/images").header("content-type", "multipart/form-data; boundary=b");
    Answer::read(request.body(body).send().await.unwrap()).await
}

#[tokio::test]
async fn broken_forms_are_refused_and_nothing_is_stored() {
    let app = spawn();
    post_raw(&app, "").await.assert_problem(400, "invalid_multipart");
    post_raw(&app, "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\ncut")
        .await
        .assert_problem(400, "invalid_multipart");
    let nameless = "--b\r\nContent-Disposition: form-data; filename=\"a.png\"\r\n\r\nx\r\n--b--\r\n";
    let refused = post_raw(&app, nameless).await;
    refused.assert_problem(400, "invalid_multipart");
    assert!(refused.json["detail"].as_str().unwrap().contains("Content-Disposition"), "{}", refused.json);
    let no_boundary = app.request(Method::POST, "/images").header("content-type", "multipart/form-data").body("x");
    Answer::read(no_boundary.send().await.unwrap()).await.assert_problem(400, "invalid_multipart");
    app.post_form("/images", Form::new().text("caption", "x")).await.assert_problem(400, "invalid_request");
    app.post_form("/images", Form::new().text("surprise", "x")).await.assert_problem(400, "invalid_request");
    assert!(app.get("/images").await.ids().is_empty());
}

#[tokio::test]
async fn files_that_are_no_pictures_are_refused() {
    let app = spawn();
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec();
    let video = b"\0\0\0\x10ftypisom\0\0\0\0".to_vec();
    let raw = b"FUJIFILMCCD-RAW 0201".to_vec();
    for (bytes, found, words) in [
        (svg, "svg", "Unsupported file type: an SVG drawing. Send a JPEG, "),
        (video, "video", "Unsupported file type: a video. "),
        (raw, "camera_raw", "Unsupported file type: a camera RAW file. "),
        (b"GIF8".to_vec(), "unknown", "Unsupported file type: not a known picture format. "),
        (b"plain text".to_vec(), "unknown", "Unsupported file type: not a known picture format. "),
        (Vec::new(), "empty", "Unsupported file type: an empty file. "),
    ] {
        let answer = app.upload("x.png", bytes).await;
        answer.assert_problem(415, "unsupported_image_type");
        assert_eq!(answer.json["found"], found);
        assert!(answer.json["detail"].as_str().unwrap().starts_with(words), "{}", answer.json);
    }
    let mut cut = png(1);
    cut.truncate(70);
    app.upload("cut.png", cut).await.assert_problem(422, "image_corrupt");
    assert!(app.get("/images").await.ids().is_empty());
}

#[tokio::test]
async fn every_answer_carries_a_request_id_and_a_given_one_is_kept() {
    let app = spawn();
    assert!(!app.get("/healthz").await.header("x-request-id").is_empty());
    let given = app.request(Method::GET, "/nowhere").header("x-request-id", "my-id.1");
    let answer = Answer::read(given.send().await.unwrap()).await;
    assert_eq!((answer.header("x-request-id"), &answer.json["request_id"]), ("my-id.1", &json!("my-id.1")));
    let hostile = app.request(Method::GET, "/healthz").header("x-request-id", "a b\tc");
    assert_ne!(Answer::read(hostile.send().await.unwrap()).await.header("x-request-id"), "a b\tc");
}

#[tokio::test]
async fn a_problem_names_the_field_that_is_wrong() {
    let app = spawn();
    let mut problems = Vec::new();
    for path in [
        "/images?limit=abc",
        "/images?seed=-1",
        "/images?limit=16&has_caption=maybe",
        "/images/1/similar?min_similarity=x",
    ] {
        let answer = app.get(path).await;
        answer.assert_problem(400, "invalid_request");
        problems.push(answer.json);
    }
    for body in [
        json!({"query": "x", "limit": "abc"}),
        json!({"query": "x", "filter": {"seed": 1.5}}),
        json!({"query": "x", "weights": [1, 1, 1, 0.5]}),
        json!({"query": "x", "filter": [["image/png"]]}),
    ] {
        let answer = app.search_text(body).await;
        answer.assert_problem(400, "invalid_request");
        problems.push(answer.json);
    }
    assert_snapshot!("wrong_fields", problems);
    assert_eq!(app.search_text(json!({"query": "x", "weights": null, "filter": null})).await.status, 200);
}

/// Returns path, method and description of every operation of the API.
fn operations(document: &Value) -> Vec<(&str, Method, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |pair| (path, pair)));
    operations
        .map(|(path, (method, operation))| (path.as_str(), method.to_uppercase().parse().unwrap(), operation))
        .collect()
}

/// Asserts that the description of an operation lists status and code of an answer that is an error.
fn assert_documented(operation: &Value, answer: &Answer, request: &str) {
    if answer.status < 400 {
        return;
    }
    let (class, code) = (answer.status / 100, answer.json["code"].as_str().unwrap_or_default());
    let row = operation["responses"][format!("{class}XX")]["description"].as_str().unwrap_or_default();
    let line = format!("- {} `{code}`: {}", answer.status, answer.json["title"].as_str().unwrap_or_default());
    assert!(row.lines().any(|documented| documented == line), "{request}: {line} is missing in {row}");
}

#[tokio::test]
async fn the_document_lists_the_errors_of_every_operation() {
    let app = spawn_with(&[("MITSUKE_API_KEYS", KEY)]);
    let document = app.get("/openapi.json").await.json;
    for (path, method, operation) in operations(&document) {
        let mut refused = 0;
        let mut check = async |request: reqwest::RequestBuilder, with: &str| {
            let answer = Answer::read(request.send().await.unwrap()).await;
            assert_documented(operation, &answer, &format!("{method} {path} with {with}"));
            refused += u32::from(answer.status >= 400);
            answer.status
        };
        let unknown = path.replace("{image_id}", "999999").replace("{model_id}", "999999");
        let open = operation["security"] == json!([{}]);
        let status = check(app.request(method.clone(), &unknown), "no key").await;
        assert_eq!(status == 401, !open, "{method} {path}");

        let request = |path: &str| app.request(method.clone(), path).bearer_auth(KEY);
        if !["/models/refresh", "/metrics", "/models", "/healthz", "/readyz", "/models/current"].contains(&path) {
            check(request(&unknown.replace("999999", "word")), "a word for an id").await;
            check(request(&format!("{unknown}?limit=many&size=many")), "words for numbers").await;
        }
        for media_type in operation["requestBody"]["content"].as_object().iter().flat_map(|content| content.keys()) {
            check(request(&unknown).header("content-type", "text/csv").body("a,b"), "another media type").await;
            let typed = |body: &'static str| request(&unknown).header("content-type", media_type).body(body);
            check(typed("{"), "a broken body").await;
            check(typed(r#"{"surprise": 1}"#), "an unknown field").await;
        }
        if operation["requestBody"]["content"]["multipart/form-data"].is_object() {
            let form = |part| request(&unknown).multipart(Form::new().part("file", part));
            check(form(file("x.png", b"no picture".to_vec())), "a file that is not a picture").await;
            let mut cut = png(1);
            cut.truncate(70);
            check(form(file("cut.png", cut)), "a picture that is cut off").await;
            check(request(&unknown).multipart(Form::new().text("surprise", "1")), "an unknown part").await;
        }
        assert!(open || refused > 0, "{method} {path} has refused nothing");
    }
}
