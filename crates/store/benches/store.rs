//! Measures the embedded store: inserts, full-text, vector and filtered searches, lists, closing and opening.
//!
//! ```text
//! cargo bench -p mitsuke-store --bench store -- documents=100000 dimension=768 bytes=2000
//! ```
//!
//! Every insert is a durable transaction, so the time of an insert is mostly that of the disk. The benchmark asserts no
//! numbers, because machines differ.

#[path = "../../index/benches/synthetic/mod.rs"]
#[expect(dead_code, reason = "the benchmark of the index uses more of it")]
mod synthetic;

use std::time::{Duration, Instant};

use mitsuke_index::UnitVector;
use mitsuke_store::sqlite::{SqliteOptions, SqliteStore};
use mitsuke_store::{
    Filter, ImageStore as _, KeywordSearch, ModelStore as _, NewImage, NewModel, Origin, Page, SearchStore as _,
    Sha256, Store as _, VectorSearch,
};
use synthetic::{Clip, Random};
use time::OffsetDateTime;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Words of captions and prompts, by descending frequency.
const WORDS: &[&str] = &[
    "の",
    "masterpiece",
    "best quality",
    "女性",
    "青い空",
    "cinematic lighting",
    "猫",
    "夕焼け",
    "detailed",
    "東京の街並み",
    "portrait",
    "桜並木",
    "8k",
    "海辺の風景",
    "赤い傘",
    "forest",
    "雪景色",
    "笑顔の子供",
    "city at night",
    "青い車",
    "寿司",
    "watercolor",
    "紅葉の山",
    "steam locomotive",
    "古い寺院",
    "lighthouse",
    "ペンギン",
    "hot air balloon",
    "三毛猫",
    "gargoyle",
];

fn setting(name: &str, default: usize) -> Outcome<usize> {
    let prefix = format!("{name}=");
    let value = std::env::args().find_map(|word| word.strip_prefix(&prefix).map(str::to_owned));
    Ok(value.map(|value| value.parse()).transpose()?.unwrap_or(default))
}

/// Draws one of some thousands of Japanese or English words that no search asks for.
fn filler(random: &mut Random) -> String {
    let number = (random.uniform().powi(2) * 4000.0) as u32;
    if number.is_multiple_of(2) {
        let kanji = |n: u32| char::from_u32(0x5000 + n * 7 % 3000).unwrap_or('木');
        [kanji(number), kanji(number / 3), 'の'].iter().collect()
    } else {
        format!("word{number}")
    }
}

/// Makes a text of about `length` characters.
fn text(random: &mut Random, length: usize) -> String {
    let mut text = String::new();
    let mut characters = 0;
    while characters < length {
        let word = if random.uniform() < 0.1 {
            let at = random.uniform().powi(2) * WORDS.len() as f32;
            WORDS.get(at as usize).copied().unwrap_or("の").to_owned()
        } else {
            filler(random)
        };
        text.push_str(&word);
        text.push_str(if word.is_ascii() { ", " } else { "、" });
        characters += word.chars().count() + 1;
    }
    text
}

/// Measures `times` runs after a warm-up run. Returns the median, the 95th percentile, and the hits of the last run.
fn measure(times: usize, mut run: impl FnMut(usize) -> Outcome<usize>) -> Outcome<(Duration, Duration, usize)> {
    let mut found = run(0)?;
    let mut taken = Vec::new();
    for n in 0..times {
        let started = Instant::now();
        found = run(n)?;
        taken.push(started.elapsed());
    }
    taken.sort_unstable();
    let at = |part: usize| taken.get(taken.len() * part / 100).copied().unwrap_or_default();
    Ok((at(50), at(95), found))
}

fn report(what: &str, (p50, p95, found): (Duration, Duration, usize)) {
    println!("{what:44} p50 {p50:>10.2?}  p95 {p95:>10.2?}  {found} hits");
}

fn fill(store: &SqliteStore, documents: usize, clip: &Clip, dimension: usize, bytes: usize) -> Outcome<i64> {
    let new = NewModel { model_name: "bench".into(), model_version: "1".into(), vector_dimension: dimension };
    let model = store.register_model(&new)?;
    let mut random = Random::new(7);
    let mut spent = Duration::ZERO;
    for n in 0..documents {
        let mut content = vec![0; bytes.max(8)];
        content.iter_mut().zip((n as u64).to_le_bytes()).for_each(|(byte, with)| *byte = with);
        let (caption, prompt) = (text(&mut random, 100), text(&mut random, 200));
        let embeddings = [(model.model_id, UnitVector::normalize(clip.image(n as u64))?)];
        let sha256 = Sha256::of(&content);
        let started = Instant::now();
        store.insert_image(&NewImage {
            bytes: &content,
            sha256,
            file_name: &format!("{n:08}.png"),
            file_type: if n % 10 == 0 { "image/jpeg" } else { "image/png" },
            width: 512 + (n % 1000) as u32,
            height: 512,
            upload_date: OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(n as i64),
            generation_prompt: Some(&prompt),
            generation: None,
            generation_prompt_origin: Origin::Found,
            caption: Some(&caption),
            caption_origin: Origin::Found,
            tags: &[],
            added_tags: &[],
            listed_tags: None,
            taken: None,
            taken_origin: Origin::Found,
            camera: None,
            source_path: None,
            reader_version: 1,
            embeddings: &embeddings,
            linked: None,
        })?;
        spent += started.elapsed();
    }
    println!("{documents} inserts of {bytes} bytes: {:.0}/s", documents as f64 / spent.as_secs_f64().max(1e-9));
    Ok(model.model_id)
}

fn main() -> Outcome<()> {
    let documents = setting("documents", 10_000)?;
    let dimension = setting("dimension", 768)?;
    let bytes = setting("bytes", 2_000)?;
    let clip = Clip::new(dimension);
    let directory = tempfile::tempdir()?;
    let store = SqliteStore::open(directory.path(), SqliteOptions::default())?;
    let model_id = fill(&store, documents, &clip, dimension, bytes)?;

    let everything = Filter::default();
    let queries: &[&[&str]] = &[
        &["猫"],
        &["の"],
        &["女性"],
        &["青い車"],
        &["三毛猫"],
        &["masterpiece"],
        &["cinematic lighting"],
        &["masterpiece", "猫"],
        &["gargoyle", "寿司"],
        &["ない言葉"],
    ];
    for terms in queries {
        let words: Vec<String> = terms.iter().map(ToString::to_string).collect();
        let search = |limit| {
            store.search_keyword(&KeywordSearch {
                terms: &words,
                least: usize::MAX,
                exclude: &[],
                page: &Page::first(limit),
            })
        };
        let found = search(usize::MAX)?.hits.len();
        let (p50, p95, _) = measure(20, |_| Ok(search(16)?.hits.len()))?;
        report(&format!("keyword {}", terms.join(" + ")), (p50, p95, found));
    }
    let jpeg = Filter { file_types: vec!["image/jpeg".into()], ..Filter::default() };
    let wide = Filter { min_width: Some(1510), ..Filter::default() };
    let named = Filter { file_name_contains: Some("0000001".into()), ..Filter::default() };
    let cases = [("none", &everything), ("one in 10 passes", &jpeg), ("one in 500 passes", &wide), ("10 pass", &named)];
    for (name, filter) in cases {
        let page = Page { filter: filter.clone(), ..Page::first(16) };
        let measured = measure(50, |n| {
            let kinds = [Clip::text_query, Clip::image_query];
            let query = UnitVector::normalize(kinds[n % 2](&clip, n as u64))?;
            let search = VectorSearch { model_id, query: &query, exclude: &[], page: &page };
            Ok(store.search_vector(&search)?.len())
        })?;
        report(&format!("vector, filter: {name}"), measured);
        let measured = measure(50, |_| Ok(store.newest(filter, None, 16)?.len()))?;
        report(&format!("newest, filter: {name}"), measured);
    }
    report("models with coverage", measure(100, |_| Ok(store.models()?.len()))?);

    let started = Instant::now();
    store.close()?;
    println!("close {:.2?}", started.elapsed());
    drop(store);
    let started = Instant::now();
    let store = SqliteStore::open(directory.path(), SqliteOptions::default())?;
    println!("open {:.2?}, {} images", started.elapsed(), store.count_images()?);
    let size = std::fs::metadata(directory.path().join("mitsuke.db"))?.len();
    println!("database {:.0} MB", size as f64 / 1e6);
    Ok(())
}
