//! Measures finding in an embedded store of many images: searches and lists through filters that let few or many images
//! through, facets and suggestions, the start, and the memory.
//!
//! ```text
//! cargo bench -p mitsuke-store --bench finding -- images=200000 [store=FOLDER]
//! ```
//!
//! The store is made as an earlier version of the program would have left it, so that the first start upgrades it. With
//! `store=FOLDER` it stays there and is used again. The benchmark asserts no numbers, because machines differ.

#[path = "../../../index/benches/synthetic/mod.rs"]
#[expect(dead_code, reason = "the benchmark of the index uses more of it")]
mod synthetic;

mod collection;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use collection::DIMENSION;
use mitsuke_index::UnitVector;
use mitsuke_store::sqlite::{SqliteOptions, SqliteStore};
use mitsuke_store::{
    Facet, FacetStore as _, Filter, HybridSearch, ImageStore as _, KeywordSearch, ModelStore as _, Page,
    SearchStore as _, Sort, SortKey, Store as _, SuggestionKind, VectorSearch, Weights,
};
use synthetic::Clip;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The number of measured runs of a call.
const RUNS: usize = 25;

/// The depth to which the service reads the legs of a hybrid search.
const DEPTH: usize = 1_000;

fn setting(name: &str) -> Option<String> {
    let prefix = format!("{name}=");
    std::env::args().find_map(|word| word.strip_prefix(&prefix).map(str::to_owned))
}

/// Measures a call after a warm-up run, and prints the median, the 95th percentile and what the last run found.
fn measure(what: &str, mut run: impl FnMut(u64) -> Outcome<usize>) -> Outcome<()> {
    let mut found = run(0)?;
    let mut taken = Vec::new();
    for n in 0..RUNS {
        let started = Instant::now();
        found = run(n as u64)?;
        taken.push(started.elapsed());
    }
    taken.sort_unstable();
    let millis = |part: usize| taken.get(taken.len() * part / 100).map_or(0.0, |time| time.as_secs_f64() * 1e3);
    println!("{what:56} p50 {:8.2} ms  p95 {:8.2} ms  {found:8}", millis(50), millis(95));
    Ok(())
}

/// Returns the resident bytes of this process, where the system tells them.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? * 1024.0)
}

/// Opens the store and waits until its searches are as fast as they get.
fn open(directory: &Path, what: &str) -> Outcome<SqliteStore> {
    let started = Instant::now();
    let store = SqliteStore::open(directory, SqliteOptions::default())?;
    let opened = started.elapsed();
    while !store.indexes_ready() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let ready = started.elapsed();
    while !store.is_settled() {
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("{what}: opened after {opened:.2?}, ready after {ready:.2?}, settled after {:.2?}", started.elapsed());
    Ok(store)
}

fn filters() -> Vec<(&'static str, Filter)> {
    let name = |part: &str| Filter { file_name_contains: Some(part.into()), ..Filter::default() };
    vec![
        ("none", Filter::default()),
        ("PNG, 2 of 3", Filter { file_types: vec!["image/png".into()], ..Filter::default() }),
        ("checkpoint, 1 of 40", Filter { checkpoints: vec!["model07".into()], ..Filter::default() }),
        ("name, 1 of 100", name("07.")),
        ("name, 1 of 1,000", name("007.")),
        ("tag, 1 of 5", Filter { tags: vec!["food".into()], ..Filter::default() }),
    ]
}

fn searches(store: &SqliteStore, clip: &Clip, filter_name: &str, filter: &Filter) -> Outcome<()> {
    let model_id = store.models()?.first().map(|model| model.model_id).ok_or("no model")?;
    let query = |n: u64| UnitVector::normalize(clip.text_query(n));
    let page = Page { filter: filter.clone(), ..Page::first(16) };
    measure(&format!("vector, filter {filter_name}"), |n| {
        let search = VectorSearch { model_id, query: &query(n)?, exclude: &[], page: &page };
        Ok(store.search_vector(&search)?.len())
    })?;
    for terms in [&["青い車"][..], &["猫"], &["masterpiece"], &["best quality"], &["masterpiece", "1girl"]] {
        let words: Vec<String> = terms.iter().map(ToString::to_string).collect();
        measure(&format!("keyword {}, filter {filter_name}", terms.join(" + ")), |_| {
            let search = KeywordSearch { terms: &words, least: usize::MAX, exclude: &[], page: &page };
            Ok(store.search_keyword(&search)?.total.count as usize)
        })?;
    }
    for terms in [&["猫"][..], &["masterpiece", "sunset"]] {
        let words: Vec<String> = terms.iter().map(ToString::to_string).collect();
        measure(&format!("hybrid {}, filter {filter_name}", terms.join(" + ")), |n| {
            let search = HybridSearch {
                model_id,
                query: &query(n)?,
                terms: &words,
                least: usize::MAX,
                exclude: &[],
                depth: DEPTH,
                weights: Weights::default(),
                min_similarity: None,
                page: &page,
            };
            Ok(store.search_hybrid(&search)?.len())
        })?;
    }
    Ok(())
}

fn lists(store: &SqliteStore, filter_name: &str, filter: &Filter) -> Outcome<()> {
    measure(&format!("count, filter {filter_name}"), |_| Ok(store.count(filter)?.count as usize))?;
    measure(&format!("count, new filter {filter_name}"), |n| {
        // A condition that every image meets, so that no answer for an earlier filter can serve.
        Ok(store.count(&Filter { min_bytes: Some(n), ..filter.clone() })?.count as usize)
    })?;
    let keys = [
        ("uploaded", SortKey::Uploaded, true),
        ("taken", SortKey::Taken, true),
        ("name", SortKey::Name, false),
        ("bytes", SortKey::Bytes, true),
        ("random", SortKey::Random { seed: 7 }, false),
    ];
    for (name, key, descending) in keys {
        measure(&format!("list by {name}, filter {filter_name}"), |_| {
            Ok(store.list(filter, Sort { key, descending }, None, 16)?.len())
        })?;
    }
    measure(&format!("all facets, filter {filter_name}"), |_| {
        Ok(store.facets(filter, &Facet::ALL, 20)?.iter().map(|facet| facet.values.len()).sum())
    })
}

fn main() -> Outcome<()> {
    let images = setting("images").map_or(Ok(200_000), |images| images.parse())?;
    let temporary = tempfile::tempdir()?;
    let directory = setting("store").map_or_else(|| temporary.path().join("store"), PathBuf::from);
    let clip = Clip::new(DIMENSION);
    if !directory.exists() {
        let started = Instant::now();
        collection::make(&directory, images, &clip)?;
        println!("{images} images made in {:.1?}", started.elapsed());
        open(&directory, "first start, with the upgrade")?.close()?;
        collection::add_origins(&directory)?;
        open(&directory, "start that fills facts in")?.close()?;
    }
    let before = resident();
    let store = open(&directory, "start")?;
    let images = store.count_images()?;
    let memory = |what: &str| {
        if let (Some(before), Some(now)) = (before, resident()) {
            println!("{what}: {:.0} MB, {:.0} bytes an image", now / 1e6, (now - before) / images as f64);
        }
    };
    memory("resident after the start");
    for (name, filter) in filters() {
        searches(&store, &clip, name, &filter)?;
        lists(&store, name, &filter)?;
    }
    for prefix in ["", "m", "sky", "tag0", "img_00"] {
        measure(&format!("suggestions for '{prefix}'"), |_| {
            Ok(store.suggestions(prefix, &SuggestionKind::ALL, 10)?.len())
        })?;
    }
    memory("resident after the searches");
    store.close()?;
    Ok(())
}
