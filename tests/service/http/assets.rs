//! The files of the page: their addresses, how long they may be kept, and the description of the page as an app.

use reqwest::Method;
use serde_json::Value;

use crate::app::{Answer, TestApp, spawn, spawn_with};

/// Returns the addresses below assets/ that a text names.
fn addresses(text: &str) -> Vec<&str> {
    text.split("\"assets/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

/// Starts an app with a key, below a prefix or at the root.
fn below(prefix: &str) -> TestApp {
    let key = ("MITSUKE_API_KEYS", "0123456789abcdef");
    if prefix.is_empty() { spawn_with(&[key]) } else { spawn_with(&[key, ("MITSUKE_PATH_PREFIX", prefix)]) }
}

async fn page(app: &TestApp, prefix: &str) -> String {
    String::from_utf8(app.get(&format!("{prefix}/")).await.bytes).unwrap()
}

async fn get_with(app: &TestApp, path: &str, header: &str, value: &str) -> Answer {
    Answer::read(app.request(Method::GET, path).header(header, value).send().await.unwrap()).await
}

#[tokio::test]
async fn the_files_that_the_page_names_may_be_kept_for_good_and_the_page_itself_may_not() {
    for prefix in ["", "/my/pictures"] {
        let app = below(prefix);
        let page = page(&app, prefix).await;
        let paths = addresses(&page);
        assert!(paths.iter().any(|path| path.ends_with("/page.js")) && paths.iter().any(|path| path.ends_with(".css")));
        for path in paths {
            let file = app.get(&format!("{prefix}/assets/{path}")).await;
            assert_eq!(file.status, 200, "{path}");
            assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
        }
        for path in ["/", "/manifest.webmanifest", "/assets/app.js"] {
            assert_eq!(app.get(&format!("{prefix}{path}")).await.header("cache-control"), "no-cache", "{path}");
        }
    }
}

#[tokio::test]
async fn a_file_of_another_version_is_not_there() {
    let app = spawn();
    for path in ["/assets/0123456789ab/app.js", "/assets/nothing.js", "/assets/"] {
        app.get(path).await.assert_problem(404, "route_not_found");
    }
}

#[tokio::test]
async fn texts_are_compressed_for_callers_who_read_that() {
    let app = spawn();
    let plain = app.get("/assets/app.js").await;
    assert_eq!(plain.header("content-encoding"), "");
    let brotli = get_with(&app, "/assets/app.js", "accept-encoding", "gzip, br").await;
    assert_eq!(brotli.header("content-encoding"), "br");
    assert!(brotli.headers.get_all("vary").iter().any(|value| value == "accept-encoding"));
    let mut bytes = Vec::new();
    brotli::BrotliDecompress(&mut &brotli.bytes[..], &mut bytes).unwrap();
    assert!(bytes == plain.bytes && brotli.bytes.len() < bytes.len() / 2);
    assert_eq!(get_with(&app, "/assets/app.js", "accept-encoding", "gzip").await.header("content-encoding"), "gzip");
    let picture = get_with(&app, "/assets/icon-192.png", "accept-encoding", "gzip, br").await;
    assert_eq!((picture.header("content-encoding"), picture.header("content-type")), ("", "image/png"));
}

#[tokio::test]
async fn a_file_that_the_caller_has_is_not_sent_again() {
    let app = spawn();
    for path in ["/", "/assets/app.js", "/manifest.webmanifest"] {
        for encoding in ["identity", "br"] {
            let first = get_with(&app, path, "accept-encoding", encoding).await;
            let request = app.request(Method::GET, path).header("accept-encoding", encoding);
            let again = request.header("if-none-match", first.header("etag")).send().await.unwrap();
            assert_eq!(again.status(), 304, "{path} {encoding}");
        }
        let other = get_with(&app, path, "if-none-match", "\"other\"").await;
        assert_eq!(other.status, 200);
    }
}

#[tokio::test]
async fn the_page_can_be_installed() {
    for prefix in ["", "/my/pictures"] {
        let app = below(prefix);
        let page = page(&app, prefix).await;
        assert!(page.contains("<link rel=\"manifest\" href=\"manifest.webmanifest\""), "{page}");
        let answer = app.get(&format!("{prefix}/manifest.webmanifest")).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/manifest+json"));
        assert!(answer.header("content-security-policy").contains("manifest-src 'self'"));
        let manifest: Value = answer.json;
        for field in ["id", "start_url", "scope"] {
            assert_eq!(manifest[field], "./", "{field}");
        }
        let icons = manifest["icons"].as_array().unwrap();
        assert!(icons.iter().any(|icon| icon["purpose"] == "maskable"));
        for icon in icons.iter().filter(|icon| icon["type"] == "image/png") {
            let path = format!("{prefix}/{}", icon["src"].as_str().unwrap());
            let picture = image::load_from_memory(&app.get(&path).await.bytes).unwrap();
            assert_eq!(icon["sizes"], format!("{}x{}", picture.width(), picture.height()), "{path}");
        }
    }
}
