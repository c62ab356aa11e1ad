//! The relevance of hits: the probability that a hit is what the query asks for.
//!
//! The relevance of a query by text is the product of two probabilities: that any image answers the query, and that this
//! hit is right if so. The first depends on the query alone, so that nonsense has no relevant hit; the second compares the
//! hit with the best one. A query by picture has the second factor alone. The best hit is that of all images, whatever the
//! filter and the page, so that an image has one relevance for a query.

mod calibration;

use mitsuke_clip::Relevance;
use mitsuke_index::UnitVector;
use mitsuke_store::{ImageId, ImageStore, ModelId, Page, SearchStore, StoreError, VectorSearch};

use super::query::Hit;
use super::ranking::StoreQuery;
use calibration::LIKELY;

/// The kind of a query, by which it is calibrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueryKind {
    /// A text, with or without a negative query.
    Text,
    /// Pictures, with or without texts.
    Image,
}

/// A query whose hits get their relevance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) kind: QueryKind,
    pub(super) query: &'a StoreQuery,
    pub(super) model_id: ModelId,
    /// The calibration of the model; `None` where the model is not calibrated.
    pub(super) calibration: Option<&'a Relevance>,
    /// Whether the filter of the page lets every image pass.
    pub(super) unfiltered: bool,
}

/// Sets `relevance` and `likely` of the hits of a page. A hit is likely from a relevance of 0.5 on, and where its texts hold
/// every term of the query.
pub(super) fn fill<S: ImageStore + SearchStore + ?Sized>(
    store: &S,
    asked: Asked<'_>,
    hits: &mut [Hit],
) -> Result<(), StoreError> {
    let all_terms = match asked.query {
        StoreQuery::Keyword { terms, least } | StoreQuery::Hybrid { terms, least, .. } => *least >= terms.len(),
        StoreQuery::Newest | StoreQuery::Vector { .. } => false,
    };
    let (vector, exclude): (Option<&UnitVector>, &[ImageId]) = match asked.query {
        StoreQuery::Vector { query, exclude } => (Some(query), exclude),
        StoreQuery::Hybrid { query, .. } => (Some(query), &[]),
        StoreQuery::Keyword { .. } | StoreQuery::Newest => (None, &[]),
    };
    if let (Some(vector), Some(calibration), false) = (vector, asked.calibration, hits.is_empty()) {
        let best = best_similarity(store, asked, vector, exclude, hits)?;
        let (answered, right) = match asked.kind {
            QueryKind::Text => {
                let answered = calibration::answered(calibration, vector, best, store.count_images()?);
                (answered, Some(&calibration.text.right))
            }
            QueryKind::Image => (1.0, calibration.image.as_ref()),
        };
        for hit in hits.iter_mut() {
            hit.relevance = right
                .zip(hit.distance)
                .map(|(right, distance)| answered * calibration::right(right, 0.0 - distance, best));
        }
    }
    for hit in hits {
        hit.likely =
            (all_terms && hit.keyword_rank.is_some()) || hit.relevance.is_some_and(|relevance| relevance >= LIKELY);
    }
    Ok(())
}

/// Returns the similarity of the nearest of all images. It is read from the hits where they hold it.
fn best_similarity<S: SearchStore + ?Sized>(
    store: &S,
    asked: Asked<'_>,
    query: &UnitVector,
    exclude: &[ImageId],
    hits: &[Hit],
) -> Result<f32, StoreError> {
    let first = hits.iter().filter(|hit| asked.unfiltered && hit.vector_rank == Some(1)).find_map(|hit| hit.distance);
    let nearest = match first {
        Some(distance) => Some(distance),
        None => {
            let page = Page::first(1);
            let search = VectorSearch { model_id: asked.model_id, query, exclude, page: &page };
            store.search_vector(&search)?.first().map(|hit| hit.distance)
        }
    };
    // An index may miss the nearest image, and none is farther than itself from the best one.
    let distances = hits.iter().filter_map(|hit| hit.distance).chain(nearest);
    Ok(distances.map(|distance| 0.0 - distance).fold(-1.0, f32::max))
}

#[cfg(test)]
mod tests {
    use mitsuke_store::{Filter, Weights};

    use super::super::cutoff::Cutoff;
    use super::super::ranking::rank;
    use super::calibration::tests::calibration;
    use super::*;
    use crate::fake_store::{FakeImage, FakeStore, MODEL, vector};

    /// Makes a store of 60 images, one degree apart. The texts of every second image hold 猫.
    fn store() -> FakeStore {
        (0..60_u8)
            .map(|n| FakeImage { keyword_score: (n % 2 == 0).then_some(f64::from(n)), ..FakeImage::at(n.into()) })
            .collect()
    }

    /// Returns the hits of a page with their relevance.
    fn hits(kind: QueryKind, query: &StoreQuery, page: Page, calibration: Option<&Relevance>) -> Vec<Hit> {
        let store = store();
        let unfiltered = page.filter.is_empty();
        let mut ranked = rank(&store, MODEL, query, page, Cutoff::default(), usize::MAX).unwrap();
        fill(&store, Asked { kind, query, model_id: MODEL, calibration, unfiltered }, &mut ranked.hits).unwrap();
        ranked.hits
    }

    fn nearest(angle: f32) -> StoreQuery {
        StoreQuery::Vector { query: vector(angle), exclude: Vec::new() }
    }

    #[test]
    fn the_hits_near_the_best_one_are_likely_and_those_of_nonsense_are_not() {
        let calibration = calibration();
        let found = hits(QueryKind::Text, &nearest(0.0), Page::first(60), Some(&calibration));
        assert!(found.is_sorted_by(|a, b| a.relevance >= b.relevance));
        assert!(found[0].likely && found[0].relevance > Some(0.9), "{:?}", found[0].relevance);
        assert!(found.iter().any(|hit| !hit.likely));
        assert!(found.iter().all(|hit| hit.likely == (hit.relevance >= Some(0.5))));
        // A query along the second axis names nothing to see, although an image is as near as for the query above.
        let found = hits(QueryKind::Text, &nearest(118.0), Page::first(60), Some(&calibration));
        assert!(found.iter().all(|hit| !hit.likely && hit.relevance < Some(0.01)));
    }

    #[test]
    fn an_image_has_one_relevance_on_every_page_and_under_every_filter() {
        let calibration = calibration();
        let whole = hits(QueryKind::Text, &nearest(20.0), Page::first(60), Some(&calibration));
        let deep = hits(QueryKind::Text, &nearest(20.0), Page { offset: 7, ..Page::first(5) }, Some(&calibration));
        assert_eq!(deep, whole[7..12]);
        // The store of the tests lets every image pass; that the filter is not empty says that the best may be missing.
        let filter = Filter { has_caption: Some(true), ..Filter::default() };
        let filtered = hits(QueryKind::Text, &nearest(20.0), Page { filter, ..Page::first(5) }, Some(&calibration));
        assert_eq!(filtered, whole[..5]);
    }

    #[test]
    fn a_query_by_picture_is_compared_by_its_own_calibration() {
        let mut calibration = calibration();
        let query = StoreQuery::Vector { query: vector(118.0), exclude: vec![60] };
        let found = hits(QueryKind::Image, &query, Page::first(3), Some(&calibration));
        let right = calibration.image.unwrap();
        for hit in &found {
            let similarity = 0.0 - hit.distance.unwrap();
            assert_eq!(hit.relevance, Some(calibration::right(&right, similarity, similarity)));
        }
        calibration.image = None;
        let found = hits(QueryKind::Image, &query, Page::first(3), Some(&calibration));
        assert!(found.iter().all(|hit| hit.relevance.is_none() && !hit.likely));
    }

    #[test]
    fn hits_that_hold_every_term_are_likely() {
        let calibration = calibration();
        let terms = vec!["猫".to_owned()];
        let keyword = StoreQuery::Keyword { terms: terms.clone(), least: 1 };
        for hit in hits(QueryKind::Text, &keyword, Page::first(3), Some(&calibration)) {
            assert_eq!((hit.relevance, hit.likely), (None, true));
        }
        let half = StoreQuery::Keyword { terms: vec!["猫".to_owned(), "犬".to_owned()], least: 1 };
        assert!(hits(QueryKind::Text, &half, Page::first(3), Some(&calibration)).iter().all(|hit| !hit.likely));
        let hybrid = StoreQuery::Hybrid { query: vector(118.0), terms, least: 1, weights: Weights::default() };
        for hit in hits(QueryKind::Text, &hybrid, Page::first(60), Some(&calibration)) {
            assert_eq!(hit.likely, hit.keyword_rank.is_some());
            assert!(hit.relevance < Some(0.01), "{hit:?}");
        }
    }

    #[test]
    fn nothing_is_said_without_a_calibration_or_a_query() {
        for (query, calibration) in [(nearest(0.0), None), (StoreQuery::Newest, Some(&calibration()))] {
            let found = hits(QueryKind::Text, &query, Page::first(5), calibration);
            assert_eq!(found.len(), 5);
            assert!(found.iter().all(|hit| hit.relevance.is_none() && !hit.likely));
        }
    }
}
