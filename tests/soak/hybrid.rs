//! The quality of vector, keyword and hybrid search on labelled queries: how often the first hit is right (success@1),
//! and the mean reciprocal rank of the first right hit (MRR). Both are measured twice: with the texts that are in the
//! files and their names alone, and with the descriptions of `ATTRIBUTION.md` as captions.
//!
//! Hybrid search has to be at least as good as both legs in both figures, over all queries.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use reqwest::Method;
use serde_json::json;
use walkdir::WalkDir;

use crate::client::{Answer, Client, Outcome};
use crate::figures::{Faults, setting, text_setting};
use crate::harness::{Server, repository};

/// The order of the columns. Hybrid search, which is compared with the other two, comes last.
const MODES: [&str; 3] = ["vector", "keyword", "hybrid"];

const EXTENSIONS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// Descriptions by file name.
pub type Captions = BTreeMap<String, String>;

#[tokio::test]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn hybrid_search_is_at_least_as_good_as_both_of_its_legs() {
    let path = |name: &str, default: &str| text_setting(name).map_or_else(|| repository().join(default), PathBuf::from);
    let folder = path("SOAK_FOLDER", "images");
    let queries = read_queries(&path("SOAK_QUERIES", "tests/soak/hybrid_queries.tsv"));
    let captions = read_captions(&folder.join("ATTRIBUTION.md"));
    let mut rounds = vec![("file names and prompts", Captions::new())];
    if !captions.is_empty() {
        rounds.push(("captions as well", captions));
    }
    let faults = Faults::default();
    for (what, captions) in rounds {
        let server = Server::start(&[]).await;
        let client = server.client();
        let names = upload(&client, &folder, &captions).await;
        let unknown: Vec<_> = queries.iter().flat_map(|query| query.right.difference(&names)).collect();
        assert!(unknown.is_empty(), "the queries name pictures that are not there: {unknown:?}");
        println!("\n{} pictures, {} queries; searched are {what}.", names.len(), queries.len());
        let all = measure(&client, &queries).await;
        let [vector, keyword, hybrid] = all;
        faults.check(hybrid.success >= vector.success.max(keyword.success), || {
            format!("{what}: a leg alone has the better success@1: {all:?}")
        });
        faults.check(hybrid.reciprocal >= vector.reciprocal.max(keyword.reciprocal), || {
            format!("{what}: a leg alone has the better MRR: {all:?}")
        });
        server.stop(&faults).await;
    }
    faults.assert_none();
}

/// A labelled query.
pub struct Query {
    /// The kind of the query; the head of the file of queries explains the kinds.
    pub kind: String,
    pub text: String,
    /// The names of the pictures that answer it.
    pub right: BTreeSet<String>,
}

/// Reads lines of the form `kind TAB query TAB file|file|…`.
pub fn read_queries(path: &Path) -> Vec<Query> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let queries: Vec<_> = lines
        .map(|line| {
            let fields: Vec<_> = line.split('\t').collect();
            let [kind, text, files] = fields[..] else { panic!("{}: {line:?} has no three fields", path.display()) };
            let right = files.split('|').map(str::to_owned).collect();
            Query { kind: kind.to_owned(), text: text.to_owned(), right }
        })
        .collect();
    assert!(!queries.is_empty(), "{} holds no queries", path.display());
    queries
}

/// Reads file names and descriptions from the table of an `ATTRIBUTION.md`; none where there is no such file.
fn read_captions(path: &Path) -> Captions {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let name = cells.next().filter(|name| is_picture(Path::new(name)))?;
        Some((name.to_owned(), cells.next()?.to_owned()))
    });
    rows.collect()
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    EXTENSIONS.contains(&extension.to_lowercase().as_str())
}

/// Registers every picture below a folder and returns their names.
pub async fn upload(client: &Client, folder: &Path, captions: &Captions) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.expect("a readable folder");
        if !entry.file_type().is_file() || !is_picture(entry.path()) {
            continue;
        }
        let name = entry.file_name().to_str().expect("a name that is text").to_owned();
        let data = Bytes::from(std::fs::read(entry.path()).expect("a readable picture"));
        let answer = answered(&name, client.upload(&name, &data).await);
        if let Some(caption) = captions.get(&name) {
            let path = format!("/images/{}", answer.image_id());
            answered(&name, client.send_json(Method::PATCH, &path, &json!({"caption": caption})).await);
        }
        names.insert(name);
    }
    names
}

pub fn answered(what: &str, outcome: Outcome) -> Answer {
    let answer = outcome.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(matches!(answer.status, 200 | 201), "{what} was answered with {}", answer.problem());
    answer
}

/// Returns the rank, from 1, of the first right hit; `None` without one among the first 100.
async fn first_right(client: &Client, mode: &str, query: &Query) -> Option<u64> {
    let mut body = json!({"query": query.text, "mode": mode, "limit": 100});
    if mode == "hybrid" {
        body["weights"] = json!({"keyword": setting("SOAK_KEYWORD", 1.0_f64)});
    }
    let answer = answered(&query.text, client.post_json("/search/text", &body).await).json();
    let hits = answer["hits"].as_array().expect("hits");
    let right = hits.iter().find(|hit| hit["file_name"].as_str().is_some_and(|name| query.right.contains(name)))?;
    right["rank"].as_u64()
}

/// The quality of a mode on some queries.
#[derive(Debug, Clone, Copy)]
struct Quality {
    success: f64,
    reciprocal: f64,
}

impl Quality {
    /// Computes both figures from the ranks of the first right hits.
    fn of_ranks(ranks: &[Option<u64>]) -> Self {
        let mean = |sum: f64| sum / ranks.len() as f64;
        let reciprocals = ranks.iter().map(|rank| rank.map_or(0.0, |rank| 1.0 / rank as f64));
        Self {
            success: mean(ranks.iter().filter(|rank| **rank == Some(1)).count() as f64),
            reciprocal: mean(reciprocals.sum()),
        }
    }
}

/// Searches for every query in every mode, prints the figures by kind of query, and returns those of all queries.
async fn measure(client: &Client, queries: &[Query]) -> [Quality; 3] {
    let print_each = setting("SOAK_EACH", false);
    let mut kinds = Vec::new();
    let mut ranks: BTreeMap<(&str, &str), Vec<Option<u64>>> = BTreeMap::new();
    for query in queries {
        if !kinds.contains(&query.kind.as_str()) {
            kinds.push(&query.kind);
        }
        let mut line = format!("  {:8} {:45}", query.kind, query.text);
        for mode in MODES {
            let rank = first_right(client, mode, query).await;
            line += &format!(" {:>4}", rank.map_or_else(|| "–".to_owned(), |rank| rank.to_string()));
            for kind in [query.kind.as_str(), "all"] {
                ranks.entry((kind, mode)).or_default().push(rank);
            }
        }
        if print_each {
            println!("{line}");
        }
    }
    print!("{:10}{:>8}", "", "queries");
    for mode in MODES {
        print!("{:>13}{:>7}", format!("{mode} s@1"), "MRR");
    }
    println!();
    let mut qualities = [Quality { success: 0.0, reciprocal: 0.0 }; 3];
    for kind in kinds.into_iter().chain(["all"]) {
        qualities = MODES.map(|mode| Quality::of_ranks(&ranks[&(kind, mode)]));
        print!("{kind:10}{:>8}", ranks[&(kind, MODES[0])].len());
        for Quality { success, reciprocal } in qualities {
            print!("{success:>13.3}{reciprocal:>7.3}");
        }
        println!();
    }
    qualities
}
