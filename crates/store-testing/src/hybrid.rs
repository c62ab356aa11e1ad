//! Both legs at once, fused by rank.

use mitsuke_index::UnitVector;
use mitsuke_store::{
    Filter, HybridSearch, ImageId, KeywordSearch, Model, Page, RankedImage, Store, StoreError, VectorSearch,
};
use mitsuke_store::{Weights, fuse};

use crate::fixtures::*;

/// The search of a case, with defaults for everything that the case does not name.
struct Ask<'a> {
    model: &'a Model,
    query: UnitVector,
    terms: Vec<String>,
    exclude: Vec<ImageId>,
    depth: usize,
    weights: Weights,
    min_similarity: Option<f32>,
    page: Page,
}

fn ask<'a>(model: &'a Model, terms: &[&str]) -> Ask<'a> {
    Ask {
        model,
        query: angle(0.0),
        terms: terms.iter().map(ToString::to_string).collect(),
        exclude: Vec::new(),
        depth: 1000,
        weights: Weights::default(),
        min_similarity: None,
        page: Page::first(1000),
    }
}

impl Ask<'_> {
    fn search(&self) -> HybridSearch<'_> {
        HybridSearch {
            model_id: self.model.model_id,
            query: &self.query,
            terms: &self.terms,
            least: usize::MAX,
            exclude: &self.exclude,
            depth: self.depth,
            weights: self.weights,
            min_similarity: self.min_similarity,
            page: &self.page,
        }
    }

    fn hits(&self, store: &dyn Store) -> Vec<RankedImage> {
        store.search_hybrid(&self.search()).unwrap()
    }

    fn ids(&self, store: &dyn Store) -> Vec<ImageId> {
        self.hits(store).iter().map(|hit| hit.image_id).collect()
    }
}

/// Inserts images at 0°, 1°, 2° …. Every third image has the word, each with a different number of other words, so that
/// the ranking by words differs from the ranking by angle.
fn fill(store: &dyn Store, model: &Model, count: u16) -> Vec<ImageId> {
    (0..count)
        .map(|n| {
            let words = "word ".repeat(usize::from(n * 7 % 11));
            let caption = if n % 3 == 0 { format!("猫 {words}") } else { words };
            picture(&n.to_string()).caption(&caption).embedded(model, angle(f32::from(n))).insert(store)
        })
        .collect()
}

/// Asserts that the whole answer is the fusion of the two legs, as the definition says.
fn assert_is_fused(store: &dyn Store, ask: &Ask<'_>) -> Vec<RankedImage> {
    let (exclude, page) = (ask.exclude.as_slice(), &Page { filter: ask.page.filter.clone(), ..Page::first(ask.depth) });
    let vector = VectorSearch { model_id: ask.model.model_id, query: &ask.query, exclude, page };
    let keyword = KeywordSearch { terms: &ask.terms, least: usize::MAX, exclude, page };
    let vector: Vec<_> = store.search_vector(&vector).unwrap().iter().map(|hit| hit.image_id).collect();
    let keyword: Vec<_> = store.search_keyword(&keyword).unwrap().hits.iter().map(|hit| hit.image_id).collect();
    let hits = ask.hits(store);
    let expected = fuse(&vector, &keyword, ask.weights);
    assert_eq!(hits.len(), expected.len());
    for (hit, expected) in hits.iter().zip(&expected) {
        assert_eq!(hit.image_id, expected.image_id);
        assert_eq!((hit.vector_rank, hit.keyword_rank), (expected.vector_rank, expected.keyword_rank));
        assert!((hit.score.unwrap() - expected.score.unwrap()).abs() < 1e-9, "{hit:?} {expected:?}");
        let embedding = store.embedding(ask.model.model_id, hit.image_id).unwrap();
        match (embedding, hit.distance) {
            (Some(vector), Some(distance)) => assert!((ask.query.similarity(&vector) + distance).abs() < 1e-5),
            (embedding, distance) => assert!(embedding.is_none() && distance.is_none(), "{hit:?}"),
        }
    }
    hits
}

pub fn both_legs_are_fused_by_rank(store: &dyn Store) {
    let model = model(store, "a");
    fill(store, &model, 40);
    picture("no embedding").caption("猫").insert(store);
    let hits = assert_is_fused(store, &ask(&model, &["猫"]));
    assert_eq!(hits.len(), 41);
    assert!(hits.iter().any(|hit| hit.vector_rank.is_none() && hit.distance.is_none()));
    // The depth does not reach all images. A hit of one leg that lies below the depth of the other still has its
    // distance.
    let hits = assert_is_fused(store, &Ask { depth: 10, ..ask(&model, &["猫"]) });
    assert!(hits.iter().any(|hit| hit.vector_rank.is_none() && hit.distance.is_some()));
    for weights in [Weights { vector: 3.0, keyword: 0.5 }, Weights { vector: 0.25, keyword: 2.0 }] {
        assert_is_fused(store, &Ask { weights, ..ask(&model, &["猫"]) });
    }
    assert_is_fused(store, &Ask { query: angle(20.0), ..ask(&model, &["word", "猫"]) });
}

pub fn without_terms_the_vector_leg_stands_alone(store: &dyn Store) {
    let model = model(store, "a");
    let ids = fill(store, &model, 12);
    for terms in [&[][..], &["鳥"], &["!?"]] {
        let hits = ask(&model, terms).hits(store);
        assert_eq!(hits.iter().map(|hit| hit.image_id).collect::<Vec<_>>(), ids);
        assert!(hits.iter().all(|hit| hit.keyword_rank.is_none()));
    }
}

pub fn a_leg_without_weight_takes_no_part(store: &dyn Store) {
    let model = model(store, "a");
    let ids = fill(store, &model, 30);
    let asked = |vector, keyword| Ask { weights: Weights { vector, keyword }, ..ask(&model, &["猫"]) };
    assert_eq!(asked(1.0, 0.0).ids(store), ids);
    let hits = asked(0.0, 1.0).hits(store);
    assert_eq!(hits.iter().map(|hit| hit.image_id).collect::<Vec<_>>(), found(store, &["猫"]));
    assert!(hits.iter().all(|hit| hit.vector_rank.is_none() && hit.distance.is_some()));
    assert!(asked(0.0, 0.0).ids(store).is_empty());
}

pub fn fused_pages_make_the_whole_list(store: &dyn Store) {
    let model = model(store, "a");
    fill(store, &model, 50);
    let whole = ask(&model, &["猫"]).ids(store);
    let page = |offset, limit| Ask { page: Page { offset, ..Page::first(limit) }, ..ask(&model, &["猫"]) }.ids(store);
    let pages: Vec<_> = (0..8).flat_map(|n| page(n * 7, 7)).collect();
    assert_eq!(pages, whole);
    assert!(page(50, 7).is_empty());
    assert!(page(usize::MAX, usize::MAX).is_empty());
    assert!(page(0, 0).is_empty());
}

pub fn filters_and_exclusions_hold_for_both_legs(store: &dyn Store) {
    let model = model(store, "a");
    let mut passing = Vec::new();
    for n in 0..40_u8 {
        let picture = picture(&n.to_string()).caption("猫").embedded(&model, angle(f32::from(n)));
        if n % 4 == 3 {
            passing.push(picture.of_type("image/webp").insert(store));
        } else {
            picture.insert(store);
        }
    }
    let filter = Filter { file_types: vec!["image/webp".into()], ..Filter::default() };
    let page = Page { filter, ..Page::first(1000) };
    let all = Ask { page: page.clone(), ..ask(&model, &["猫"]) };
    assert_is_fused(store, &all);
    assert_eq!(sorted(all.ids(store)), passing);
    let some = Ask { page, exclude: vec![passing[0], passing[4]], ..ask(&model, &["猫"]) };
    assert_is_fused(store, &some);
    let left: Vec<_> = passing.iter().copied().filter(|id| ![passing[0], passing[4]].contains(id)).collect();
    assert_eq!(sorted(some.ids(store)), left);
}

pub fn a_least_similarity_holds_for_keyword_hits_too(store: &dyn Store) {
    let model = model(store, "a");
    let near = picture("near").embedded(&model, angle(5.0)).insert(store);
    let far = picture("far").caption("猫").embedded(&model, angle(80.0)).insert(store);
    let near_cat = picture("near cat").caption("猫 and more words").embedded(&model, angle(10.0)).insert(store);
    let unknown = picture("unknown").caption("猫").insert(store);
    let without = ask(&model, &["猫"]);
    assert_eq!(sorted(without.ids(store)), [near, far, near_cat, unknown]);
    for depth in [1, 2, 1000] {
        let floor = Ask { min_similarity: Some(0.9), depth, ..ask(&model, &["猫"]) };
        let hits = floor.hits(store);
        assert!(!hits.iter().any(|hit| [far, unknown].contains(&hit.image_id)), "{hits:?}");
        assert!(hits.iter().any(|hit| hit.image_id == near), "{hits:?}");
    }
    let floor = Ask { min_similarity: Some(0.9), ..ask(&model, &["猫"]) };
    assert_eq!(floor.ids(store), [near_cat, near]);
    // The rank counts all hits of the leg, including those that the search leaves out.
    let alone = without.hits(store).into_iter().find(|hit| hit.image_id == near_cat).unwrap();
    assert_eq!(floor.hits(store)[0], alone);
}

pub fn fused_ties_go_to_the_newer_image(store: &dyn Store) {
    let model = model(store, "a");
    let by_vector = picture("1").embedded(&model, angle(0.0)).insert(store);
    let by_keyword = picture("2").caption("猫").insert(store);
    // Each image leads one leg.
    assert_eq!(ask(&model, &["猫"]).ids(store), [by_keyword, by_vector]);
}

pub fn a_hybrid_question_that_does_not_fit_is_an_error(store: &dyn Store) {
    let model = model(store, "a");
    let short = Ask { query: UnitVector::normalize(vec![1.0; 3]).unwrap(), ..ask(&model, &["猫"]) };
    let refused = store.search_hybrid(&short.search());
    assert!(matches!(refused, Err(StoreError::ModelDimension { expected: DIMENSION, found: 3, .. })), "{refused:?}");
    let unknown = Model { model_id: 4711, ..model };
    let refused = store.search_hybrid(&ask(&unknown, &["猫"]).search());
    assert!(matches!(refused, Err(StoreError::UnknownModel(4711))), "{refused:?}");
}
