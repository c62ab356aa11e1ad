//! Fusion of the legs of a hybrid search by reciprocal rank.

use std::collections::HashMap;

use mitsuke_index::UnitVector;

use crate::{
    HybridSearch, ImageId, KeywordHit, KeywordSearch, Page, RankedImage, StoreError, VectorHit, VectorSearch, Weights,
};

/// The constant of reciprocal rank fusion, which dampens the weight of the very first ranks (Cormack, Clarke and
/// Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009).
const RRF_K: f64 = 60.0;

/// Fuses two rankings by Σ weight / (60 + rank), with ranks from 1: best first, ties by descending image id. Distances
/// are `None` in the answer.
#[must_use]
pub fn fuse(vector: &[ImageId], keyword: &[ImageId], weights: Weights) -> Vec<RankedImage> {
    let mut by_image: HashMap<ImageId, RankedImage> = HashMap::with_capacity(vector.len() + keyword.len());
    if weights.vector > 0.0 {
        for (rank, &image_id) in (1_u32..).zip(vector) {
            by_image.entry(image_id).or_insert_with(|| RankedImage::unranked(image_id)).vector_rank = Some(rank);
        }
    }
    if weights.keyword > 0.0 {
        for (rank, &image_id) in (1_u32..).zip(keyword) {
            by_image.entry(image_id).or_insert_with(|| RankedImage::unranked(image_id)).keyword_rank = Some(rank);
        }
    }
    let term = |weight: f64, rank: Option<u32>| rank.map_or(0.0, |rank| weight / (RRF_K + f64::from(rank)));
    let mut scored: Vec<(f64, RankedImage)> = by_image
        .into_values()
        .map(|image| {
            let score = term(weights.vector, image.vector_rank) + term(weights.keyword, image.keyword_rank);
            (score, RankedImage { score: Some(score), ..image })
        })
        .collect();
    scored.sort_unstable_by(|(a, left), (b, right)| b.total_cmp(a).then(right.image_id.cmp(&left.image_id)));
    scored.into_iter().map(|(_, image)| image).collect()
}

impl<'a> HybridSearch<'a> {
    /// Returns the page to read of each leg: the hits down to the depth of the search.
    pub(crate) fn leg_page(&self) -> Page {
        Page { offset: 0, limit: self.depth, ..self.page.clone() }
    }

    /// Returns the search of the vector leg for a page; `None` when the leg takes no part.
    pub(crate) fn vector_leg<'b>(&self, page: &'b Page) -> Option<VectorSearch<'b>>
    where
        'a: 'b,
    {
        (self.weights.vector > 0.0).then_some(VectorSearch {
            model_id: self.model_id,
            query: self.query,
            exclude: self.exclude,
            page,
        })
    }

    /// Returns the search of the keyword leg for a page; `None` when the leg takes no part.
    pub(crate) fn keyword_leg<'b>(&self, page: &'b Page) -> Option<KeywordSearch<'b>>
    where
        'a: 'b,
    {
        (self.weights.keyword > 0.0 && !self.terms.is_empty()).then_some(KeywordSearch {
            terms: self.terms,
            least: self.least,
            exclude: self.exclude,
            page,
        })
    }
}

/// A hit of the vector leg.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LegHit {
    pub(crate) image_id: ImageId,
    /// The distance, as in [`VectorHit`]; `None` when the rank comes from a code and the embedding has not been read.
    pub(crate) distance: Option<f32>,
}

impl From<VectorHit> for LegHit {
    fn from(hit: VectorHit) -> Self {
        Self { image_id: hit.image_id, distance: Some(hit.distance) }
    }
}

/// Fuses the hits of the legs, and returns the page of the search. The function `embedding` reads the embedding of an
/// image whose distance the vector leg does not tell. It is called for every such image when the search has a minimum
/// similarity, otherwise only for such images on the page.
///
/// # Errors
/// The errors of `embedding`.
pub(crate) fn fuse_legs(
    search: &HybridSearch<'_>,
    vector: &[LegHit],
    keyword: &[KeywordHit],
    mut embedding: impl FnMut(ImageId) -> Result<Option<UnitVector>, StoreError>,
) -> Result<Vec<RankedImage>, StoreError> {
    fuse_hits(search, vector, keyword, |image_id| Ok(embedding(image_id)?.map(|vector| search.query.distance(&vector))))
}

/// Fuses hits like [`fuse_legs`], for a store that knows distances without reading embeddings.
///
/// # Errors
/// The errors of `distance_of`.
pub(crate) fn fuse_hits(
    search: &HybridSearch<'_>,
    vector: &[LegHit],
    keyword: &[KeywordHit],
    mut distance_of: impl FnMut(ImageId) -> Result<Option<f32>, StoreError>,
) -> Result<Vec<RankedImage>, StoreError> {
    let mut distances: HashMap<ImageId, Option<f32>> =
        vector.iter().filter(|hit| hit.distance.is_some()).map(|hit| (hit.image_id, hit.distance)).collect();
    let mut distance = |image_id| -> Result<Option<f32>, StoreError> {
        if let Some(known) = distances.get(&image_id) {
            return Ok(*known);
        }
        let distance = distance_of(image_id)?;
        distances.insert(image_id, distance);
        Ok(distance)
    };
    let vector: Vec<_> = vector.iter().map(|hit| hit.image_id).collect();
    let keyword: Vec<_> = keyword.iter().map(|hit| hit.image_id).collect();
    let mut fused = fuse(&vector, &keyword, search.weights);
    if let Some(min_similarity) = search.min_similarity {
        let mut similar = Vec::with_capacity(fused.len());
        for hit in fused {
            if distance(hit.image_id)?.is_some_and(|distance| -distance >= min_similarity) {
                similar.push(hit);
            }
        }
        fused = similar;
    }
    fused
        .into_iter()
        .skip(search.page.offset)
        .take(search.page.limit)
        .map(|hit| Ok(RankedImage { distance: distance(hit.image_id)?, ..hit }))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(fused: &[RankedImage]) -> Vec<ImageId> {
        fused.iter().map(|f| f.image_id).collect()
    }

    #[test]
    fn an_image_in_both_legs_beats_one_that_leads_a_single_leg() {
        let fused = fuse(&[1, 2, 3], &[9, 2], Weights::default());
        assert_eq!(fused[0].image_id, 2);
        assert_eq!((fused[0].vector_rank, fused[0].keyword_rank), (Some(2), Some(2)));
        assert!((fused[0].score.unwrap() - 2.0 / 62.0).abs() < 1e-12);
    }

    #[test]
    fn ties_go_to_the_newer_image() {
        assert_eq!(ids(&fuse(&[4], &[7], Weights::default())), [7, 4]);
    }

    #[test]
    fn a_heavier_leg_pulls_its_hits_up_and_one_without_weight_takes_no_part() {
        assert_eq!(ids(&fuse(&[4, 5], &[7, 8], Weights { vector: 2.0, keyword: 1.0 })), [4, 5, 7, 8]);
        assert_eq!(ids(&fuse(&[4, 5], &[7, 8], Weights { vector: 0.0, keyword: 1.0 })), [7, 8]);
        assert!(fuse(&[4], &[7], Weights { vector: 0.0, keyword: 0.0 }).is_empty());
    }

    /// Generates two rankings without duplicates, and weights.
    fn legs() -> impl Strategy<Value = (Vec<ImageId>, Vec<ImageId>, Weights)> {
        let leg = || proptest::collection::hash_set(1..60_i64, 0..40).prop_map(|ids| ids.into_iter().collect());
        let weights = (0.1..5.0, 0.1..5.0).prop_map(|(vector, keyword)| Weights { vector, keyword });
        (leg(), leg(), weights)
    }

    proptest! {
        #[test]
        fn every_hit_of_a_leg_occurs_once_with_its_rank((vector, keyword, weights) in legs()) {
            let fused = fuse(&vector, &keyword, weights);
            let rank = |leg: &[ImageId], id| leg.iter().position(|x| *x == id).map(|at| at as u32 + 1);
            let mut all = [vector.clone(), keyword.clone()].concat();
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(fused.len(), all.len());
            for hit in &fused {
                prop_assert_eq!(hit.vector_rank, rank(&vector, hit.image_id));
                prop_assert_eq!(hit.keyword_rank, rank(&keyword, hit.image_id));
            }
            let sorted =
                fused.is_sorted_by(|a, b| a.score > b.score || (a.score == b.score && a.image_id > b.image_id));
            prop_assert!(sorted);
        }

        #[test]
        fn doubling_both_weights_changes_no_order((vector, keyword, weights) in legs()) {
            let doubled = Weights { vector: weights.vector * 2.0, keyword: weights.keyword * 2.0 };
            prop_assert_eq!(ids(&fuse(&vector, &keyword, weights)), ids(&fuse(&vector, &keyword, doubled)));
        }
    }
}
