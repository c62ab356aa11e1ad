//! The relevance of hits: how many of a hundred nonsense queries have a likely hit, and how many right hits of labelled
//! queries are likely. The searches compare only what the pictures show.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::client::Client;
use crate::figures::{Faults, text_setting};
use crate::harness::{Server, repository};
use crate::hybrid::{Captions, answered, read_queries, upload};

/// The largest number of nonsense queries with a likely hit.
const MOST_NONSENSE: usize = 5;

/// The share of right hits that have to be likely.
const LEAST_RIGHT: f64 = 0.9;

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn right_hits_are_likely_and_hits_of_nonsense_are_not() {
    let path = |name: &str, default: &str| text_setting(name).map_or_else(|| repository().join(default), PathBuf::from);
    let folder = path("SOAK_FOLDER", "images");
    let queries = read_queries(&path("SOAK_QUERIES", "tests/soak/hybrid_queries.tsv"));
    let nonsense = read_nonsense(&path("SOAK_NONSENSE", "tests/soak/nonsense_queries.tsv"));
    let faults = Faults::default();
    let server = Server::start(&[]).await;
    let client = server.client();
    let pictures = upload(&client, &folder, &Captions::new()).await.len();

    let mut likely = Vec::new();
    for text in &nonsense {
        if hits(&client, text).await.iter().any(is_likely) {
            likely.push(text.as_str());
        }
    }
    println!(
        "{pictures} pictures: {} of {} nonsense queries have a likely hit {likely:?}",
        likely.len(),
        nonsense.len()
    );
    faults.check(likely.len() * 100 <= MOST_NONSENSE * nonsense.len(), || format!("likely nonsense: {likely:?}"));

    let (mut right, mut marked) = (0_u32, 0_u32);
    for query in queries.iter().filter(|query| query.kind != "written") {
        let hits = hits(&client, &query.text).await;
        let named = |hit: &&Value| hit["file_name"].as_str().is_some_and(|name| query.right.contains(name));
        for hit in hits.iter().filter(named) {
            right += 1;
            marked += u32::from(is_likely(hit));
        }
    }
    println!("{marked} of {right} right hits are likely ({:.1} %)", 100.0 * f64::from(marked) / f64::from(right));
    faults.check(f64::from(marked) >= LEAST_RIGHT * f64::from(right), || format!("{marked} of {right} right hits"));
    server.stop(&faults).await;
    faults.assert_none();
}

/// Reads the queries of lines of the form `kind TAB query`.
fn read_nonsense(path: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| line.split('\t').nth(1)).map(str::to_owned).collect()
}

/// Returns the first page of hits of a search by what pictures show.
async fn hits(client: &Client, text: &str) -> Vec<Value> {
    let body = json!({"query": text, "mode": "vector", "limit": 20});
    let answer = answered(text, client.post_json("/search/text", &body).await).json();
    answer["hits"].as_array().expect("hits").clone()
}

fn is_likely(hit: &Value) -> bool {
    hit["likely"].as_bool().expect("every hit says whether it is likely")
}
