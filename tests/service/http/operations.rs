//! Probes, metrics, documentation and the files of the page.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, spawn, spawn_with};
use crate::pictures::png;

on_both_stores! {
    a_started_server_lives_and_is_ready,
    metrics_count_what_happened,
    rows_are_not_counted_for_every_scrape,
}

async fn a_started_server_lives_and_is_ready() {
    let app = spawn();
    for path in ["/healthz", "/readyz"] {
        let answer = app.get(path).await;
        assert_eq!((answer.status, &answer.json["status"]), (200, &json!("ok")), "{path}");
    }
}

async fn metrics_count_what_happened() {
    let app = spawn();
    app.add("a.png", png(1)).await;
    app.search_text(json!({"query": "海"})).await;
    app.get("/nowhere").await;
    let text = String::from_utf8(app.get("/metrics").await.bytes).unwrap();
    for line in [
        "mitsuke_http_requests_total{method=\"POST\",route=\"/images\",status=\"201\"} 1",
        "mitsuke_http_requests_total{method=\"POST\",route=\"/search/text\",status=\"200\"} 1",
        "mitsuke_http_requests_total{method=\"GET\",route=\"unmatched\",status=\"404\"} 1",
        "mitsuke_images 1",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert!(text.contains("mitsuke_query_cache_misses_total{model=\"tiny 1.0.0\"} 1"), "{text}");
    assert!(text.contains("mitsuke_encoder_items_total{model=") && text.ends_with("# EOF\n"));
}

/// A second scrape within a minute shows the first count. What people act on is counted anew.
async fn rows_are_not_counted_for_every_scrape() {
    let app = spawn();
    app.add("a.png", png(1)).await;
    let counts = async || {
        let text = String::from_utf8(app.get("/metrics").await.bytes).unwrap();
        let counts = ["mitsuke_images ", "mitsuke_model_embedded_images{"];
        text.lines().filter(|line| counts.iter().any(|count| line.starts_with(count))).map(str::to_owned).collect()
    };
    let first: Vec<String> = counts().await;
    assert!(first.len() > 1 && first.iter().any(|line| line == "mitsuke_images 1"), "{first:?}");
    app.add("b.png", png(2)).await;
    let again: Vec<String> = counts().await;
    assert_eq!(again, first);
    let models = app.get("/models").await.json;
    assert!(models["models"].as_array().unwrap().iter().any(|model| model["total"] == 2), "{models}");
}

/// A family of metrics as the text format shows it.
#[derive(Debug, Default)]
struct MetricFamily {
    help: String,
    kind: String,
    unit: String,
    /// Names of its samples, without labels and values.
    samples: BTreeSet<String>,
}

/// Reads a scrape. A sample belongs to the family whose head it follows.
fn metric_families(text: &str) -> BTreeMap<String, MetricFamily> {
    let mut families: BTreeMap<String, MetricFamily> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines().filter(|line| *line != "# EOF") {
        let mut words = line.splitn(4, ' ');
        if words.next() != Some("#") {
            let sample = line.split(['{', ' ']).next().unwrap().to_owned();
            families.get_mut(&current).expect("a head goes before samples").samples.insert(sample);
            continue;
        }
        let (field, name, value) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        current = name.to_owned();
        let family = families.entry(current.clone()).or_default();
        let field = match field {
            "HELP" => &mut family.help,
            "TYPE" => &mut family.kind,
            "UNIT" => &mut family.unit,
            other => panic!("{other} is not a field of a head"),
        };
        assert!(field.is_empty(), "{name} has two of {line}");
        value.clone_into(field);
    }
    families
}

#[tokio::test]
async fn every_metric_keeps_the_conventions_of_prometheus() {
    let app = spawn();
    app.add("a.png", png(1)).await;
    app.search_text(json!({"query": "海"})).await;
    let started = app.request(Method::POST, "/models/1/backfill").send().await.unwrap();
    assert_eq!(started.status(), 202);
    let families = metric_families(&String::from_utf8(app.get("/metrics").await.bytes).unwrap());
    for (name, MetricFamily { help, kind, unit, samples }) in &families {
        assert!(name.starts_with("mitsuke_"), "{name}");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
        assert!(help.starts_with(char::is_alphanumeric) && help.ends_with('.'), "{name}: {help}");
        let suffixes: &[&str] = match kind.as_str() {
            "counter" => &["_total"],
            "gauge" => &[""],
            "histogram" => &["_bucket", "_count", "_sum"],
            other => panic!("{name} is a {other}"),
        };
        let expected: BTreeSet<_> = suffixes.iter().map(|suffix| format!("{name}{suffix}")).collect();
        assert_eq!(*samples, expected, "{name}");
        // Only these endings belong to the text format itself.
        for suffix in ["_total", "_bucket", "_count", "_sum", "_created", "_info"] {
            assert!(!name.ends_with(suffix), "{name}");
        }
        // Base units only, declared, and at the end of the name.
        let units = name.split('_').filter(|word| ["seconds", "bytes"].contains(word)).collect::<Vec<_>>();
        assert_eq!(units.concat(), *unit, "{name}");
        assert!(unit.is_empty() || name.ends_with(&format!("_{unit}")), "{name}");
        for word in name.split('_') {
            let scaled = ["ms", "us", "ns", "milliseconds", "microseconds", "minutes", "hours", "kb", "mb", "gb"];
            assert!(!scaled.contains(&word), "{name}");
        }
    }
    let shown: Vec<_> = families.iter().map(|(name, family)| (name.as_str(), family.kind.as_str())).collect();
    for expected in [
        ("mitsuke_http_requests", "counter"),
        ("mitsuke_http_request_duration_seconds", "histogram"),
        ("mitsuke_images", "gauge"),
        ("mitsuke_encoder_queue_depth", "gauge"),
        ("mitsuke_encoder_items", "counter"),
        ("mitsuke_encoder_batches", "counter"),
        ("mitsuke_encoder_skipped_items", "counter"),
        ("mitsuke_encoder_refused_items", "counter"),
        ("mitsuke_model_current", "gauge"),
        ("mitsuke_model_loaded", "gauge"),
        ("mitsuke_model_memory_bytes", "gauge"),
        ("mitsuke_model_embedded_images", "gauge"),
        ("mitsuke_model_failed_images", "gauge"),
        ("mitsuke_model_missing_images", "gauge"),
        ("mitsuke_backfill_state", "gauge"),
        ("mitsuke_backfill_images", "gauge"),
    ] {
        assert!(shown.contains(&expected), "{expected:?} is missing in {shown:?}");
    }
}

#[tokio::test]
async fn invented_methods_cost_one_label() {
    let app = spawn();
    for n in 0..20 {
        let method = Method::from_bytes(format!("INVENTED{n}").as_bytes()).unwrap();
        app.request(method, "/images").send().await.unwrap();
    }
    let text = String::from_utf8(app.get("/metrics").await.bytes).unwrap();
    assert!(
        !text.contains("INVENTED") && text.contains("method=\"other\",route=\"/images\",status=\"405\"} 20"),
        "{text}"
    );
}

#[tokio::test]
async fn work_for_a_caller_that_has_hung_up_is_skipped() {
    // The encoder takes one item at a time, so that the others wait.
    let app = spawn_with(&[("MITSUKE_BATCH_SIZE", "1")]);
    let mut skipped = 0;
    for round in 0..120 {
        let searches: Vec<_> = (0..40)
            .map(|n| {
                let body = json!({"query": format!("words {round} {n}")});
                let request = app.request(Method::POST, "/search/text").json(&body);
                // Each search has a connection of its own, which the client closes.
                tokio::time::timeout(Duration::from_millis(round % 40), request.send())
            })
            .collect();
        futures_util::future::join_all(searches).await;
        let text = String::from_utf8(app.get("/metrics").await.bytes).unwrap();
        let counter = text
            .lines()
            .filter(|line| line.starts_with("mitsuke_encoder_skipped_items_total{") && line.contains("text"));
        skipped = counter.filter_map(|line| line.rsplit(' ').next()?.parse::<u32>().ok()).sum();
        if skipped > 0 {
            break;
        }
    }
    assert!(skipped > 0);
}

#[tokio::test]
async fn swagger_ui_is_found_without_its_last_slash_too() {
    let app = spawn();
    let answer = app.get("/swagger-ui").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/html"));
}

#[tokio::test]
async fn the_served_openapi_document_is_the_committed_one() {
    let app = spawn();
    let served = app.get("/openapi.json").await.json;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap();
    let written = mitsuke::api::openapi_json().unwrap();
    assert!(written == committed, "run: cargo run --bin mitsuke -- openapi > openapi/openapi.json");
    assert!(served == serde_json::from_str::<Value>(&committed).unwrap());
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[tokio::test]
async fn every_schema_property_is_described_and_those_of_answers_have_an_example() {
    let document: Value = serde_json::from_str(&mitsuke::api::openapi_json().unwrap()).unwrap();
    let mut lacking = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        collect_lacking(name, schema, &mut lacking);
    }
    assert!(lacking.is_empty(), "{lacking:#?}");
}

/// Names of properties that lack a description, or in answers an example where they are plain values. Swagger UI would send
/// the examples of properties that a caller may leave out.
fn collect_lacking(name: &str, schema: &Value, lacking: &mut Vec<String>) {
    let is_sent = ["Form", "Request", "Weights"].iter().any(|end| name.ends_with(end));
    for part in schema["allOf"].as_array().into_iter().flatten() {
        collect_lacking(name, part, lacking);
    }
    for (property, value) in schema["properties"].as_object().into_iter().flatten() {
        let refers = |value: &Value| value.to_string().contains("$ref");
        if value["description"].is_null() && !refers(value) {
            lacking.push(format!("{name}.{property}: description"));
        }
        let composed = refers(value) || value["type"] == "array" || value["type"] == json!(["object", "null"]);
        let binary = value["format"] == "binary" || value["contentMediaType"].is_string();
        if value["example"].is_null() && value["examples"].is_null() && !is_sent && !composed && !binary {
            lacking.push(format!("{name}.{property}: example"));
        }
    }
}

#[tokio::test]
async fn swagger_ui_and_the_page_are_served_without_anything_from_elsewhere() {
    let app = spawn();
    let swagger = app.get("/swagger-ui/").await;
    assert!(String::from_utf8_lossy(&swagger.bytes).contains("swagger-ui"));
    let page = app.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    for path in ["/", "/assets/app.js", "/assets/page.css"] {
        let text = String::from_utf8(app.get(path).await.bytes).unwrap();
        let outside = text.split("http").skip(1).filter(|rest| rest.starts_with("s://") || rest.starts_with("://"));
        let outside: Vec<_> = outside.filter(|rest| !rest.starts_with("://www.w3.org/")).collect();
        assert!(outside.is_empty(), "{path}: {outside:?}");
    }
}

#[tokio::test]
async fn everything_that_answers_get_answers_head_without_a_body() {
    let app = spawn();
    let id = app.add("a.png", png(1)).await;
    for path in ["/", "/healthz", "/images", &format!("/images/{id}/content"), "/models/current"] {
        let get = app.get(path).await;
        let head = Answer::read(app.request(Method::HEAD, path).send().await.unwrap()).await;
        assert_eq!((head.status, head.bytes.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}
