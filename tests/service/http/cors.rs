//! Calls from web pages of other origins.

use reqwest::Method;

use crate::app::{Answer, TestApp, spawn, spawn_with};
use crate::pictures;

const PAGE: &str = "https://pictures.example";
const ALLOW: &str = "access-control-allow-origin";

async fn from_page(app: &TestApp, method: Method, path: &str, origin: &str) -> Answer {
    Answer::read(app.request(method, path).header("origin", origin).send().await.unwrap()).await
}

/// Sends the request that precedes one with a key and JSON in a browser.
async fn preflight(app: &TestApp, method: &str, path: &str, origin: &str) -> Answer {
    let request = app
        .request(Method::OPTIONS, path)
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", "authorization,content-type");
    Answer::read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn without_the_setting_no_answer_is_readable_elsewhere() {
    let app = spawn();
    let answer = from_page(&app, Method::GET, "/images", PAGE).await;
    assert_eq!((answer.status, answer.header(ALLOW)), (200, ""));
    let answer = preflight(&app, "POST", "/search/text", PAGE).await;
    assert_eq!((answer.status, answer.header(ALLOW)), (405, ""));
}

#[tokio::test]
async fn a_named_origin_may_call_and_read_the_headers_that_matter() {
    let app = spawn_with(&[("MITSUKE_CORS_ORIGINS", "http://localhost:5173, https://pictures.example")]);
    let id = app.add("a.png", pictures::png(1)).await;
    let answer = from_page(&app, Method::GET, &format!("/images/{id}/content"), PAGE).await;
    assert_eq!((answer.status, answer.header(ALLOW)), (200, PAGE));
    assert!(answer.headers.get_all("vary").iter().any(|vary| vary.to_str().unwrap().to_lowercase().contains("origin")));
    let exposed = answer.header("access-control-expose-headers").to_lowercase();
    for name in ["etag", "retry-after", "location", "x-request-id"] {
        assert!(exposed.contains(name), "{exposed}");
    }
    // Pages can read errors, too.
    let missing = from_page(&app, Method::GET, "/images/999", PAGE).await;
    missing.assert_problem(404, "image_not_found");
    assert_eq!(missing.header(ALLOW), PAGE);
}

#[tokio::test]
async fn a_preflight_needs_no_key_and_the_call_after_it_does() {
    let keys = ("MITSUKE_API_KEYS", "0123456789abcdef");
    let app = spawn_with(&[keys, ("MITSUKE_CORS_ORIGINS", PAGE)]);
    for (method, path) in
        [("POST", "/images"), ("PATCH", "/images/1"), ("DELETE", "/images/1"), ("PUT", "/models/current")]
    {
        let answer = preflight(&app, method, path, PAGE).await;
        assert_eq!((answer.status, answer.header(ALLOW)), (200, PAGE), "{method} {path}");
        assert!(answer.header("access-control-allow-methods").contains(method));
        assert!(answer.header("access-control-allow-headers").to_lowercase().contains("authorization"));
        assert_eq!(answer.header("access-control-max-age"), "3600");
    }
    let answer = from_page(&app, Method::GET, "/images", PAGE).await;
    answer.assert_problem(401, "unauthorized");
    assert_eq!(answer.header(ALLOW), PAGE);
}

#[tokio::test]
async fn pages_of_other_origins_cannot_read_the_answers() {
    let app = spawn_with(&[("MITSUKE_CORS_ORIGINS", PAGE)]);
    // The calls of the gallery page carry an Origin, too.
    for origin in ["https://elsewhere.example", "null", &app.url] {
        let answer = from_page(&app, Method::GET, "/images", origin).await;
        assert_eq!((answer.status, answer.header(ALLOW)), (200, ""), "{origin}");
        assert_eq!(preflight(&app, "POST", "/images", origin).await.header(ALLOW), "");
    }
}

#[tokio::test]
async fn a_star_lets_every_page_call() {
    let app = spawn_with(&[("MITSUKE_CORS_ORIGINS", "*")]);
    let answer = from_page(&app, Method::GET, "/images", "https://anywhere.example").await;
    assert_eq!((answer.status, answer.header(ALLOW)), (200, "*"));
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    assert_eq!(preflight(&app, "POST", "/search/text", PAGE).await.header(ALLOW), "*");
}
