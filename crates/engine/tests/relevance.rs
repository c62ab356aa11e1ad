//! The relevance of the demo model's hits over the sample pictures. Neither the pictures nor the queries took part in the
//! calibration.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mitsuke_clip::EncoderOptions;
use mitsuke_engine::intake::{Decoder, Intake, Registered, Upload};
use mitsuke_engine::models::Models;
use mitsuke_engine::search::{Answer, Cutoff, Finder, ImageQuery, ImageSource, Mode, PartWeights, TextQuery, Weights};
use mitsuke_image::DecodeLimits;
use mitsuke_store::sqlite::{SqliteOptions, SqliteStore};
use mitsuke_store::{ImageId, Page, Sha256, Store};
use tempfile::TempDir;

/// The share of right hits that have to be likely.
const LEAST_RIGHT: f64 = 0.9;

/// The largest number of nonsense queries, of a hundred, with a likely hit.
const MOST_NONSENSE: usize = 5;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The sample pictures in a store, without captions, and a finder over them.
struct Gallery {
    finder: Finder,
    ids: BTreeMap<String, ImageId>,
    _folder: TempDir,
}

impl Gallery {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let models = folder.path().join("models");
        fs::create_dir(&models).unwrap();
        symlink(repository().join("models/demo").canonicalize().unwrap(), models.join("demo")).unwrap();
        let store = SqliteStore::open(&folder.path().join("data"), SqliteOptions::default()).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let options = EncoderOptions::default();
        let models = Models::open(&models, Arc::clone(&store), options, Duration::from_secs(60)).unwrap();
        models.warm_up().unwrap();
        let models = Arc::new(models);
        let decoder = Arc::new(Decoder::new(DecodeLimits::default(), 2));
        let intake = Arc::new(Intake::new(Arc::clone(&store), Arc::clone(&models), decoder, 10_000));
        let mut ids = BTreeMap::new();
        for entry in fs::read_dir(repository().join("images")).unwrap() {
            let path = entry.unwrap().path();
            let file_name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.extension().is_none_or(|extension| extension == "md") {
                continue;
            }
            let bytes = Bytes::from(fs::read(&path).unwrap());
            let upload = Upload {
                sha256: Sha256::of(&bytes),
                bytes,
                // Only what the pictures show is to be found.
                file_name: format!("{}", ids.len()),
                caption: None,
                generation_prompt: None,
                tags: Vec::new(),
                source_path: None,
            };
            let Registered::Created(image) = intake.register(upload).await.unwrap() else { panic!("{file_name}") };
            ids.insert(file_name, image.image_id);
        }
        Self { finder: Finder::new(store, models, intake), ids, _folder: folder }
    }

    async fn by_text(&self, text: &str, mode: Mode) -> Answer {
        let query = TextQuery {
            query: text.to_owned(),
            terms: None,
            cut: 0,
            negative_query: None,
            mode,
            legs: Weights::default(),
            parts: PartWeights::default(),
            page: Page::first(20),
            cutoff: Cutoff::default(),
        };
        self.finder.by_text(query).await.unwrap()
    }

    async fn by_image(&self, file_name: &str) -> Answer {
        let query = ImageQuery {
            images: vec![ImageSource::Stored(self.ids[file_name])],
            text: None,
            cut: 0,
            negative_query: None,
            parts: PartWeights::default(),
            page: Page::first(20),
            cutoff: Cutoff::default(),
        };
        self.finder.by_image(query).await.unwrap()
    }
}

/// Returns the fields of the lines of a file of queries.
fn lines(file: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(repository().join("tests/soak").join(file)).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

#[tokio::test]
async fn right_hits_are_likely_and_hits_of_nonsense_are_not() {
    let gallery = Gallery::new().await;

    let nonsense: BTreeSet<String> =
        lines("nonsense_queries.tsv").into_iter().map(|fields| fields[1].clone()).collect();
    assert_eq!(nonsense.len(), 100);
    for mode in [Mode::Vector, Mode::Hybrid] {
        let mut with_likely = Vec::new();
        for text in &nonsense {
            let answer = gallery.by_text(text, mode).await;
            assert!(
                answer.hits.iter().all(|hit| hit.relevance.is_some_and(|relevance| (0.0..=1.0).contains(&relevance)))
            );
            if answer.hits.iter().any(|hit| hit.likely) {
                with_likely.push(text);
            }
        }
        println!("{mode:?}: {} of 100 nonsense queries have a likely hit: {with_likely:?}", with_likely.len());
        assert!(with_likely.len() <= MOST_NONSENSE);
    }

    let mut right = Vec::new();
    for fields in lines("hybrid_queries.tsv") {
        let [kind, text, files] = &fields[..] else { panic!("{fields:?}") };
        if kind == "written" {
            continue; // Only the texts of the pictures answer these queries.
        }
        let answers: Vec<ImageId> = files.split('|').map(|file| gallery.ids[file]).collect();
        let hits = gallery.by_text(text, Mode::Vector).await.hits;
        right.extend(hits.into_iter().filter(|hit| answers.contains(&hit.image.image_id)));
    }
    let likely = right.iter().filter(|hit| hit.likely).count();
    println!("{likely} of {} right hits are likely", right.len());
    assert!(right.len() > 80 && likely as f64 >= LEAST_RIGHT * right.len() as f64);

    let hits = gallery.by_image("cat-lying.jpg").await.hits;
    assert!(hits.is_sorted_by(|a, b| a.relevance >= b.relevance));
    let of = |file: &str| hits.iter().find(|hit| hit.image.image_id == gallery.ids[file]);
    assert!(of("cat-chelsea.jpg").is_some_and(|hit| hit.likely), "{:?}", of("cat-chelsea.jpg"));
    assert!(of("orion-nebula.jpg").is_none_or(|hit| !hit.likely));
}
