//! Searches: whether their answers are what they claim to be.

use mitsuke_index::UnitVector;
use mitsuke_store::oracle::OracleStore;
use mitsuke_store::{
    ImageId, KeywordSearch, Model, ModelStore as _, NewModel, Page, SearchStore as _, Store as _, VectorSearch,
};
use mitsuke_store_testing::fixtures::*;

use super::{Answer, Live, recorded};

/// The dimension of the vectors.
const DIMENSION: usize = 64;

/// The number of images.
pub const IMAGES: usize = 600;

/// The number of hits that are compared.
const HITS: usize = 20;

/// The share of the nearest that an approximate search may miss without being called wrong. The target is 95 percent.
const MISSED: usize = 4;

/// Returns numbers from −1 to 1 that look random, always the same for a seed.
fn noise(seed: u64) -> impl Iterator<Item = f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bits = u16::try_from(state >> 48).unwrap_or_default();
        f32::from(bits) / f32::from(u16::MAX) * 2.0 - 1.0
    })
}

fn vector(seed: u64) -> UnitVector {
    UnitVector::normalize(noise(seed).take(DIMENSION).collect()).expect("not zero")
}

/// A collection of random vectors. Every tenth image is wide, and every caption holds the word "cat" once.
pub struct Collection {
    pub store: OracleStore,
    pub model: Model,
    vectors: Vec<(ImageId, UnitVector)>,
}

impl Collection {
    pub fn new(live: &Live) -> Self {
        let store = live.store();
        let new = NewModel { model_name: "random".into(), model_version: "1".into(), vector_dimension: DIMENSION };
        let model = store.register_model(&new).unwrap();
        let vectors = (0..IMAGES).map(|n| {
            let vector = vector(n as u64);
            let picture = picture(&n.to_string()).caption("a cat").sized(if n % 10 == 0 { 1_024 } else { 640 }, 480);
            (picture.embedded(&model, vector.clone()).insert(&store), vector)
        });
        let vectors = vectors.collect();
        Self { store, model, vectors }
    }

    /// Returns the nearest images, found here by comparing all vectors.
    fn nearest(&self, query: &UnitVector) -> Vec<ImageId> {
        let product = |vector: &UnitVector| {
            vector.as_slice().iter().zip(query.as_slice()).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
        };
        let mut all: Vec<(f64, ImageId)> = self.vectors.iter().map(|(id, vector)| (product(vector), *id)).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        all.into_iter().take(HITS).map(|(_, id)| id).collect()
    }

    /// Returns the nearest images as the server finds them.
    pub fn found(&self, query: &UnitVector, page: &Page) -> Vec<ImageId> {
        let search = VectorSearch { model_id: self.model.model_id, query, exclude: &[], page };
        self.store.search_vector(&search).unwrap().into_iter().map(|hit| hit.image_id).collect()
    }

    pub fn query() -> UnitVector {
        vector(1_000_003)
    }
}

/// Compares an exact search with the comparison of all vectors in this process.
pub fn exact(live: &Live) -> Answer {
    let collection = Collection::new(live);
    for seed in 0..5_u64 {
        let query = vector(1_000_000 + seed);
        let page = Page { exact: true, ..Page::first(HITS) };
        if collection.found(&query, &page) != collection.nearest(&query) {
            return Answer::Refuted(format!("query {seed} is answered with other images than comparing all gives"));
        }
    }
    Answer::Confirmed(format!("5 queries of {IMAGES} vectors"))
}

/// Compares an approximate search with the comparison of all vectors in this process.
pub fn approximate(live: &Live) -> Answer {
    let collection = Collection::new(live);
    let query = Collection::query();
    let found = collection.found(&query, &Page::first(HITS));
    let nearest = collection.nearest(&query);
    let hit = nearest.iter().filter(|id| found.contains(id)).count();
    let answer = format!("{hit} of {HITS}");
    if hit + MISSED >= HITS { Answer::Confirmed(answer) } else { Answer::Refuted(answer) }
}

/// Asks for a page whose last score is that of every image.
pub fn ties(live: &Live) -> Answer {
    let store = live.store();
    store.check().unwrap();
    // The word is rare among the others, so that its score is above 1 and the threshold takes part.
    for n in 0..60 {
        picture(&format!("other {n}")).caption("a dog").insert(&store);
    }
    let ids: Vec<ImageId> = (0..12).map(|n| picture(&n.to_string()).caption("a cat").insert(&store)).collect();
    let terms = ["cat".to_owned()];
    let (page, mut found) = (Page::first(5), Vec::new());
    let (statements, _) = recorded(|| {
        let search = KeywordSearch { terms: &terms, least: usize::MAX, exclude: &[], page: &page };
        found = store.search_keyword(&search).unwrap().hits;
    });
    let expected: Vec<ImageId> = ids.iter().rev().copied().take(5).collect();
    let found_ids: Vec<ImageId> = found.iter().map(|hit| hit.image_id).collect();
    let searches = statements.iter().filter(|sql| sql.contains("SCORE(1)")).count();
    match (found_ids == expected, searches) {
        (false, _) => Answer::Refuted(format!("the newest of equals are {expected:?}, and {found_ids:?} were found")),
        (true, 2) => Answer::Confirmed(format!("two statements, score {}", found[0].score)),
        (true, other) => Answer::Refuted(format!("{other} statements instead of 2, so the threshold left hits out")),
    }
}
