//! The alert rules of docs/alerts.md name metrics and labels that a server has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use reqwest::Method;

use crate::app::{spawn, spawn_with};
use crate::pictures::png;

/// Returns the expressions of the rules.
fn expressions() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/alerts.md");
    let page = std::fs::read_to_string(page).unwrap();
    page.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).map(str::to_owned).collect()
}

/// Returns the labels in `{…}` at the start of a text, and none when it does not start so.
fn labels(text: &str) -> BTreeSet<String> {
    let inside = text.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(inside, _)| inside);
    // No value of a rule or a metric in this test has a comma and then an equals sign.
    let pairs = inside.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, _)| name.trim_end_matches('!').to_owned()).collect()
}

/// Returns the metrics of a text with the labels that follow their names.
fn metrics(text: &str) -> Vec<(String, BTreeSet<String>)> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let found = text.match_indices("mitsuke_").map(|(at, _)| {
        let word = &text[at..];
        let (name, rest) = word.split_at(word.find(|c| !is_part(c)).unwrap_or(word.len()));
        (name.to_owned(), labels(rest))
    });
    found.collect()
}

#[tokio::test]
async fn every_metric_and_label_of_the_alert_rules_exists() {
    let app = spawn();
    app.add("a.png", png(1)).await;
    // The metrics of refusals and of requests have a line for each label once they have happened.
    let foreign = app.request(Method::POST, "/models/refresh").header("origin", "https://other.example");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    let text = String::from_utf8(app.get("/metrics").await.bytes).unwrap();
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, labels) in text.lines().filter(|line| !line.starts_with('#')).flat_map(metrics) {
        known.entry(name).or_default().extend(labels);
    }
    let rules = expressions();
    assert!(rules.len() > 10, "{rules:?}");
    let named: Vec<_> = rules.iter().flat_map(|rule| metrics(rule)).collect();
    assert!(named.len() >= rules.len() - 1, "{named:?}");
    for (name, labels) in named {
        let has = known.get(&name).unwrap_or_else(|| panic!("{name} is not among {:?}", known.keys()));
        assert!(labels.is_subset(has), "{name} has {has:?}, and a rule names {labels:?}");
    }
}

#[tokio::test]
async fn the_reason_that_a_rule_names_is_the_code_of_wrong_keys() {
    let app = spawn_with(&[("MITSUKE_API_KEYS", "0123456789abcdef0123456789abcdef")]);
    for _ in 0..25 {
        app.request(Method::GET, "/images").header("x-api-key", "a wrong key of some length").send().await.unwrap();
    }
    let request = app.request(Method::GET, "/metrics").header("x-api-key", "0123456789abcdef0123456789abcdef");
    let text = request.send().await.unwrap().text().await.unwrap();
    let rule = expressions().into_iter().find(|rule| rule.contains("mitsuke_refused_total")).unwrap();
    let selector =
        rule.split("mitsuke_refused_total").nth(1).and_then(|rest| rest.split_inclusive('}').next()).unwrap();
    assert!(text.contains(&format!("mitsuke_refused_total{selector} ")), "{selector} in {text}");
}
