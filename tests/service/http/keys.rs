//! Keys with names, scopes and ends, guesses, rates, proxies and the path prefix.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::json;

use crate::app::{Answer, TestApp, file, spawn_in, spawn_with};
use crate::pictures::png;

/// Runs `mitsuke key` on a data folder, and returns what it prints.
fn key(data: &Path, arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mitsuke"))
        .arg("key")
        .args(arguments)
        .arg("--data-dir")
        .arg(data)
        .current_dir(data)
        .env_remove("MITSUKE_KEYS_FILE")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().trim().to_owned();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

fn add(data: &Path, name: &str, scope: &str) -> String {
    let (is_added, key, said) = key(data, &["add", name, "--scope", scope]);
    assert!(is_added, "{said}");
    key
}

async fn with_key(app: &TestApp, method: Method, path: &str, key: &str) -> Answer {
    Answer::read(app.request(method, path).bearer_auth(key).send().await.unwrap()).await
}

/// Asks until the answer has the status, for changes of the file that a server notices later.
async fn until(app: &TestApp, key: &str, status: u16) {
    let started = Instant::now();
    while with_key(app, Method::GET, "/images", key).await.status != status {
        assert!(started.elapsed() < Duration::from_secs(60), "the answer never has status {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_key_is_made_used_and_revoked_while_the_server_runs() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_owned();
    let app = spawn_in(data, &[]);
    assert_eq!(app.get("/images").await.status, 200, "no key is needed yet");
    let (_, phone, said) = key(&folder, &["add", "phone", "--expires", "90d"]);
    assert!(phone.starts_with("mitsuke_") && phone.len() == 51, "{phone}");
    assert!(said.contains("every caller") && !said.contains(&phone), "{said}");
    until(&app, "a-wrong-key", 401).await;
    assert_eq!(app.get("/images").await.status, 401, "the server has closed");
    let answer = with_key(&app, Method::GET, "/images", &phone).await;
    assert_eq!((answer.status, answer.header("x-key-scope")), (200, "read"));
    assert!(!std::fs::read_to_string(folder.join("keys.json")).unwrap().contains(&phone), "only its hash is kept");

    let (_, listed, _) = key(&folder, &["list"]);
    assert!(listed.starts_with("phone  read    made 20") && listed.contains("ends 20"), "{listed}");
    let (is_added, _, said) = key(&folder, &["add", "phone"]);
    assert!(!is_added && said.contains("named phone already"), "{said}");
    let (is_revoked, _, said) = key(&folder, &["revoke", "phone"]);
    assert!(is_revoked && said.contains("No key is left"), "{said}");
    until(&app, &phone, 401).await;
    std::fs::remove_file(folder.join("keys.json")).unwrap();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(app.get("/images").await.status, 401, "a file that goes away opens nothing");
}

#[tokio::test]
async fn each_scope_does_what_it_says_and_no_more() {
    let data = tempfile::tempdir().unwrap();
    let keys = ["search", "read", "write", "admin"].map(|scope| (scope, add(data.path(), scope, scope)));
    let app = spawn_in(data, &[]);
    let form = Form::new().part("file", file("a.png", png(1)));
    let upload = app.request(Method::POST, "/images").bearer_auth(&keys[2].1).multipart(form).send().await.unwrap();
    let id = Answer::read(upload).await.json["images"][0]["image"]["image_id"].as_i64().unwrap();
    let image = format!("/images/{id}");
    let (thumbnail, content, similar) =
        (format!("{image}/thumbnail"), format!("{image}/content"), format!("{image}/similar"));
    let cases: [(&str, Method, &str, u16); 21] = [
        ("search", Method::GET, "/search?q=cat", 200),
        ("search", Method::GET, "/facets?fields=tag", 200),
        ("search", Method::GET, "/suggestions?prefix=c", 200),
        ("search", Method::GET, &thumbnail, 200),
        ("search", Method::GET, &similar, 200),
        ("read", Method::GET, "/images", 200),
        ("read", Method::GET, "/images/layout", 200),
        ("read", Method::POST, "/images/get", 415),
        ("read", Method::POST, "/images/archive", 415),
        ("read", Method::GET, &image, 200),
        ("read", Method::GET, &content, 200),
        ("read", Method::GET, "/metrics", 200),
        ("read", Method::GET, "/models", 200),
        ("read", Method::GET, "/models/999/embeddings?image_ids=1", 404),
        ("read", Method::GET, "/reindex", 200),
        ("write", Method::PATCH, &image, 415),
        ("write", Method::POST, "/images", 415),
        ("write", Method::DELETE, "/images/999", 404),
        ("admin", Method::POST, "/models/refresh", 200),
        ("admin", Method::POST, "/models/999/backfill", 404),
        ("admin", Method::DELETE, "/models/999/embeddings", 404),
    ];
    for (needed, method, path, status) in &cases {
        let rank = |scope: &str| keys.iter().position(|(name, _)| *name == scope).unwrap();
        for (scope, key) in &keys {
            let answer = with_key(&app, method.clone(), path, key).await;
            if rank(scope) >= rank(needed) {
                assert_eq!(answer.status, *status, "{scope} {method} {path}: {}", answer.json);
            } else {
                answer.assert_problem(403, "key_scope");
                assert_eq!(answer.json["needed"], *needed, "{scope} {method} {path}");
            }
        }
    }
    // A path that is no endpoint is told to everybody with a key.
    with_key(&app, Method::GET, "/nowhere", &keys[0].1).await.assert_problem(404, "route_not_found");
    let search = app.request(Method::POST, "/search/text").bearer_auth(&keys[0].1).json(&json!({"query": "cat"}));
    assert_eq!(search.send().await.unwrap().status(), 200);
    // The metric names keys, never secrets.
    let metrics = String::from_utf8(with_key(&app, Method::GET, "/metrics", &keys[3].1).await.bytes).unwrap();
    assert!(metrics.contains("mitsuke_key_requests_total{key=\"search\"}"), "{metrics}");
    assert!(keys.iter().all(|(_, key)| !metrics.contains(key.as_str())));
}

#[tokio::test]
async fn a_key_that_has_ended_says_so() {
    let data = tempfile::tempdir().unwrap();
    let old = add(data.path(), "old", "admin");
    let path = data.path().join("keys.json");
    let mut file: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    file["keys"][0]["expires_at"] = json!("2026-01-01T00:00:00Z");
    std::fs::write(&path, file.to_string()).unwrap();
    let app = spawn_in(data, &[]);
    let answer = with_key(&app, Method::GET, "/images", &old).await;
    answer.assert_problem(401, "unauthorized");
    assert!(answer.json["detail"].as_str().unwrap().contains("The key old has expired"), "{}", answer.json);
}

#[tokio::test]
async fn wrong_keys_are_slowed_down_and_a_right_one_that_has_opened_is_not() {
    let right = "0123456789abcdef";
    let app = spawn_with(&[("MITSUKE_API_KEYS", &format!("{right},fedcba9876543210"))]);
    assert_eq!(with_key(&app, Method::GET, "/images", right).await.status, 200);
    for n in 0..20 {
        let answer = with_key(&app, Method::GET, "/images", &format!("guess-number-{n:04}")).await;
        assert_eq!(answer.status, 401, "{n}");
    }
    for guess in ["one-more-guess-here", "fedcba9876543210"] {
        let answer = with_key(&app, Method::GET, "/images", guess).await;
        answer.assert_problem(429, "too_many_attempts");
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| (1..=6).contains(&seconds)));
    }
    assert_eq!(with_key(&app, Method::GET, "/images", right).await.status, 200);
    assert_eq!(app.get("/images").await.status, 401, "no key is no guess");
    let metrics = String::from_utf8(with_key(&app, Method::GET, "/metrics", right).await.bytes).unwrap();
    assert!(metrics.contains("mitsuke_refused_total{reason=\"too_many_attempts\"} 2"), "{metrics}");
}

#[tokio::test]
async fn a_made_key_opens_for_the_first_time_while_its_address_guesses() {
    let data = tempfile::tempdir().unwrap();
    let right = add(data.path(), "phone", "read");
    let app = spawn_in(data, &[]);
    for n in 0..20 {
        assert_eq!(with_key(&app, Method::GET, "/images", &format!("guess-number-{n:04}")).await.status, 401, "{n}");
    }
    with_key(&app, Method::GET, "/images", "one-more-guess-here").await.assert_problem(429, "too_many_attempts");
    assert_eq!(with_key(&app, Method::GET, "/images", &right).await.status, 200);
}

#[tokio::test]
async fn a_rate_is_told_in_headers_and_held() {
    let app = spawn_with(&[("MITSUKE_RATE_LIMIT", "1"), ("MITSUKE_RATE_BURST", "3")]);
    let started = Instant::now();
    let mut refused = None;
    for n in 0..60_u32 {
        let answer = app.get("/images").await;
        assert_eq!(answer.header("ratelimit-limit"), "3");
        if answer.status == 429 {
            assert!(n >= 3);
            refused = Some(answer);
            break;
        }
        assert!(answer.header("ratelimit-remaining").parse::<u32>().is_ok_and(|left| left < 3));
    }
    let refused = refused.unwrap_or_else(|| panic!("60 requests in {:?}", started.elapsed()));
    refused.assert_problem(429, "rate_limited");
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit-remaining")), ("1", "0"));
    for path in ["/healthz", "/", "/assets/app.js"] {
        for _ in 0..9 {
            assert_eq!(app.get(path).await.status, 200, "{path}");
        }
    }
}

#[tokio::test]
async fn callers_behind_a_trusted_proxy_have_rates_of_their_own() {
    let rate = [("MITSUKE_RATE_LIMIT", "1"), ("MITSUKE_RATE_BURST", "1")];
    let trusted = spawn_with(&[rate[0], rate[1], ("MITSUKE_TRUSTED_PROXIES", "127.0.0.0/8")]);
    let foreign = spawn_with(&rate);
    let mut statuses = Vec::new();
    for app in [&trusted, &foreign] {
        for n in 0..30 {
            let request =
                app.request(Method::GET, "/images").header("x-forwarded-for", format!("9.9.9.9, 192.0.2.{n}"));
            statuses.push(request.send().await.unwrap().status().as_u16());
        }
    }
    assert!(statuses[..30].iter().all(|status| *status == 200), "{statuses:?}");
    assert!(statuses[30..].contains(&429), "nobody else may say where a request comes from: {statuses:?}");
}

#[tokio::test]
async fn under_a_prefix_every_path_and_link_has_it() {
    let app = spawn_with(&[("MITSUKE_PATH_PREFIX", "/my/pictures")]);
    let upload = app.post_form("/my/pictures/images", Form::new().part("file", file("a.png", png(1)))).await;
    assert_eq!(upload.status, 201, "{}", upload.json);
    let image = &upload.json["images"][0]["image"];
    let itself = format!("/my/pictures/images/{}", image["image_id"]);
    assert_eq!(image["links"]["self"], itself);
    assert_eq!(upload.header("location"), itself);
    for link in ["self", "content", "thumbnail"] {
        assert_eq!(app.get(image["links"][link].as_str().unwrap()).await.status, 200, "{link}");
    }
    let list = app.get("/my/pictures/images?limit=1").await;
    assert_eq!(list.json["images"][0]["links"]["content"], format!("{itself}/content"));
    let found = app.send_json(Method::POST, "/my/pictures/search/text", &json!({"query": "cat"})).await;
    assert_eq!(found.json["hits"][0]["links"]["self"], itself);
    for path in ["/", "/images", "/my/picturesque", "/my", "/assets/app.js"] {
        app.get(path).await.assert_problem(404, "route_not_found");
    }
    for path in ["/healthz", "/readyz", "/my/pictures/healthz", "/my/pictures/", "/my/pictures/assets/app.js"] {
        assert_eq!(app.get(path).await.status, 200, "{path}");
    }
    assert_eq!(app.get("/my/pictures/openapi.json").await.json["servers"][0]["url"], "/my/pictures");
    assert_eq!(app.get("/my/pictures/swagger-ui").await.status, 200, "redirects lead to the prefix");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = client.get(format!("{}/my/pictures", app.url)).send().await.unwrap();
    assert_eq!((page.status().as_u16(), page.headers()["location"].to_str().unwrap()), (308, "/my/pictures/"));
}

#[tokio::test]
async fn keys_are_asked_for_under_a_prefix_too() {
    let app = spawn_with(&[("MITSUKE_PATH_PREFIX", "/p"), ("MITSUKE_API_KEYS", "0123456789abcdef")]);
    for path in ["/p/images", "/p/metrics", "/p//images", "/p/healthz/../images"] {
        assert_ne!(app.get(path).await.status, 200, "{path}");
    }
    assert_eq!(app.get("/p/").await.status, 200);
    assert_eq!(with_key(&app, Method::GET, "/p/images", "0123456789abcdef").await.status, 200);
}
