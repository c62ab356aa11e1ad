//! The names that a server answers to, and requests of pages of other sites.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use reqwest::Method;
use reqwest::multipart::Form;

use crate::app::{Answer, TestApp, file, spawn, spawn_with};
use crate::pictures::png;

const EVIL: &str = "evil.example";
const FRONT: &str = "https://front.example";

async fn send(app: &TestApp, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = app.request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::read(request.send().await.unwrap()).await
}

/// Sends a request as it is written, and returns the status line and headers of the answer.
fn raw(app: &TestApp, request: &str) -> String {
    let mut stream = TcpStream::connect(app.url.trim_start_matches("http://")).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn without_keys_another_name_reads_and_changes_nothing() {
    let app = spawn();
    let id = app.add("a.png", png(1)).await;
    let image = format!("/images/{id}");
    for (method, path) in [
        (Method::GET, format!("{image}/content")),
        (Method::GET, "/images".to_owned()),
        (Method::GET, "/metrics".to_owned()),
        (Method::GET, "/".to_owned()),
        (Method::DELETE, image.clone()),
        (Method::POST, "/models/refresh".to_owned()),
    ] {
        let answer = send(&app, method.clone(), &path, &[("host", EVIL)]).await;
        answer.assert_problem(421, "host_unknown");
        assert!(answer.json["detail"].as_str().unwrap().contains("MITSUKE_HOSTS=evil.example"), "{method} {path}");
    }
    assert_eq!(app.get(&image).await.status, 200, "the picture is there");
    for host in ["127.0.0.1:1", "localhost", "app.localhost:9", "[::1]:80", "192.168.0.7"] {
        assert_eq!(send(&app, Method::GET, "/images", &[("host", host)]).await.status, 200, "{host}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(send(&app, Method::GET, path, &[("host", EVIL)]).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn the_address_in_the_first_line_counts_too() {
    let app = spawn();
    let absolute = raw(&app, "GET http://evil.example/images HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
    assert!(absolute.starts_with("HTTP/1.1 421"), "{absolute}");
    let old = raw(&app, "GET /images HTTP/1.0\r\n\r\n");
    assert!(old.starts_with("HTTP/1.0 200"), "{old}");
}

#[tokio::test]
async fn names_of_the_setting_are_answered_and_others_are_not_even_with_a_key() {
    let app = spawn_with(&[("MITSUKE_HOSTS", "pictures.example,*.in.example")]);
    for (host, status) in
        [("pictures.example", 200), ("PICTURES.example:8443", 200), ("a.in.example", 200), (EVIL, 421)]
    {
        assert_eq!(send(&app, Method::GET, "/images", &[("host", host)]).await.status, status, "{host}");
    }
    let key = ("x-api-key", "0123456789abcdef");
    let app = spawn_with(&[("MITSUKE_API_KEYS", key.1), ("MITSUKE_HOSTS", "pictures.example")]);
    assert_eq!(send(&app, Method::GET, "/images", &[("host", EVIL), key]).await.status, 421);
    let app = spawn_with(&[("MITSUKE_API_KEYS", key.1)]);
    assert_eq!(send(&app, Method::GET, "/images", &[("host", EVIL), key]).await.status, 200);
    let app = spawn_with(&[("MITSUKE_HOSTS", "*")]);
    assert_eq!(send(&app, Method::GET, "/images", &[("host", EVIL)]).await.status, 200);
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let app = spawn();
    let id = app.add("a.png", png(1)).await;
    let image = format!("/images/{id}");
    let foreign: [&[(&str, &str)]; 5] = [
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://localhost:1"), ("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
    ];
    for headers in foreign {
        for (method, path) in [
            (Method::DELETE, image.as_str()),
            (Method::PATCH, &image),
            (Method::POST, "/images"),
            (Method::POST, "/images/delete"),
            (Method::POST, "/search/text"),
            (Method::POST, "/models/refresh"),
            (Method::POST, "/models/1/backfill"),
            (Method::PUT, "/models/current"),
        ] {
            send(&app, method, path, headers).await.assert_problem(403, "origin_refused");
        }
    }
    let form = Form::new().part("file", file("b.png", png(2)));
    let upload = app.request(Method::POST, "/images").header("origin", "https://evil.example").multipart(form);
    Answer::read(upload.send().await.unwrap()).await.assert_problem(403, "origin_refused");
    assert_eq!(app.get("/images").await.ids(), [id]);

    let own = [("origin", app.url.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(send(&app, Method::POST, "/models/refresh", &own).await.status, 200);
    assert_eq!(send(&app, Method::DELETE, &image, &own[..1]).await.status, 204);
}

#[tokio::test]
async fn a_page_with_a_key_or_of_a_listed_origin_may_write() {
    let key = ("x-api-key", "0123456789abcdef");
    let app = spawn_with(&[("MITSUKE_API_KEYS", key.1)]);
    let from_page = [("origin", "https://evil.example"), key];
    assert_eq!(send(&app, Method::POST, "/models/refresh", &from_page).await.status, 200);
    send(&app, Method::POST, "/models/refresh", &from_page[..1]).await.assert_problem(401, "unauthorized");

    let app = spawn_with(&[("MITSUKE_CORS_ORIGINS", FRONT)]);
    assert_eq!(send(&app, Method::POST, "/models/refresh", &[("origin", FRONT)]).await.status, 200);
    let other = send(&app, Method::POST, "/models/refresh", &[("origin", "https://evil.example")]).await;
    other.assert_problem(403, "origin_refused");
    let app = spawn_with(&[("MITSUKE_CORS_ORIGINS", "*")]);
    assert_eq!(send(&app, Method::POST, "/models/refresh", &[("origin", "https://a.example")]).await.status, 200);
}

#[tokio::test]
async fn every_answer_says_where_it_may_be_shown() {
    const POLICY: &str = "cross-origin-resource-policy";
    let app = spawn();
    let id = app.add("a.png", png(1)).await;
    let content = format!("/images/{id}/content");
    let etag = app.get(&content).await.header("etag").to_owned();
    for path in [content.as_str(), "/images", "/", "/assets/app.js", "/healthz", "/metrics", "/nowhere", "/images/x"] {
        assert_eq!(app.get(path).await.header(POLICY), "same-origin", "{path}");
    }
    let unchanged = send(&app, Method::GET, &content, &[("if-none-match", &etag)]).await;
    assert_eq!((unchanged.status, unchanged.header(POLICY)), (304, "same-origin"));
    assert_eq!(send(&app, Method::GET, "/images", &[("host", EVIL)]).await.header(POLICY), "same-origin");
    assert_eq!(send(&app, Method::DELETE, "/images", &[]).await.header(POLICY), "same-origin");

    let app = spawn_with(&[("MITSUKE_CORS_ORIGINS", FRONT)]);
    for (headers, policy) in [
        (vec![], "same-origin"),
        (vec![("referer", "https://front.example/")], "cross-origin"),
        (vec![("origin", FRONT)], "cross-origin"),
        (vec![("referer", "https://evil.example/")], "same-origin"),
    ] {
        let answer = send(&app, Method::GET, "/images", &headers).await;
        assert_eq!(answer.header(POLICY), policy, "{headers:?}");
        let vary: Vec<_> = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
        assert!(vary.join(", ").contains("Referer"), "{vary:?}");
    }
}

#[tokio::test]
async fn no_answer_of_any_route_lacks_the_place_where_it_may_be_shown() {
    const POLICY: &str = "cross-origin-resource-policy";
    for (setting, policy) in [("", "same-origin"), (FRONT, "cross-origin"), ("*", "cross-origin")] {
        let app = spawn_with(&[("MITSUKE_CORS_ORIGINS", setting)]);
        let document = app.get("/openapi.json").await.json;
        let documented = document["paths"].as_object().unwrap().keys();
        let paths = documented.map(|path| path.replace("{image_id}", "999").replace("{model_id}", "999"));
        let others = ["/", "/assets/app.js", "/openapi.json", "/swagger-ui/", "/swagger-ui", "/nowhere", "/images/x"];
        let paths: Vec<_> = paths.chain(others.map(str::to_owned)).collect();
        assert!(paths.len() > 30);
        for path in &paths {
            let preflight: &[_] = &[("origin", FRONT), ("access-control-request-method", "DELETE")];
            let from_page: &[_] = &[("origin", FRONT)];
            let renamed: &[_] = &[("origin", FRONT), ("host", EVIL)];
            for method in [Method::OPTIONS, Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE] {
                for headers in [preflight, from_page, renamed] {
                    let answer = send(&app, method.clone(), path, headers).await;
                    assert_eq!(
                        answer.header(POLICY),
                        policy,
                        "{setting:?} {method} {path} {headers:?} {}",
                        answer.status
                    );
                }
            }
        }
    }
}
