//! Reciprocal rank fusion.

use std::collections::HashMap;

use crate::ImageId;

/// The constant of Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual
/// Rank Learning Methods" (SIGIR 2009): it dampens the weight of the very first ranks.
pub const RRF_K: f64 = 60.0;

/// How much each leg counts. A leg of weight 0 takes no part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// Of the vector leg.
    pub vector: f64,
    /// Of the keyword leg.
    pub keyword: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { vector: 1.0, keyword: 1.0 }
    }
}

/// An image found by at least one leg.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fused {
    /// The image.
    pub image_id: ImageId,
    /// Its rank among the vector hits, from 1.
    pub vector_rank: Option<u32>,
    /// Its rank among the keyword hits, from 1.
    pub keyword_rank: Option<u32>,
    /// Sum over the legs of weight / (60 + rank): larger is better.
    pub score: f64,
}

impl Fused {
    fn new(image_id: ImageId) -> Self {
        Self { image_id, vector_rank: None, keyword_rank: None, score: 0.0 }
    }

    fn scored(mut self, weights: Weights) -> Self {
        let part = |weight: f64, rank: Option<u32>| rank.map_or(0.0, |rank| weight / (RRF_K + f64::from(rank)));
        self.score = part(weights.vector, self.vector_rank) + part(weights.keyword, self.keyword_rank);
        self
    }
}

/// Fuses two rankings, best first; ties by descending image id.
#[must_use]
pub fn fuse(vector: &[ImageId], keyword: &[ImageId], weights: Weights) -> Vec<Fused> {
    let mut by_image: HashMap<ImageId, Fused> = HashMap::with_capacity(vector.len() + keyword.len());
    if weights.vector > 0.0 {
        for (rank, &image_id) in (1_u32..).zip(vector) {
            by_image.entry(image_id).or_insert_with(|| Fused::new(image_id)).vector_rank = Some(rank);
        }
    }
    if weights.keyword > 0.0 {
        for (rank, &image_id) in (1_u32..).zip(keyword) {
            by_image.entry(image_id).or_insert_with(|| Fused::new(image_id)).keyword_rank = Some(rank);
        }
    }
    let mut fused: Vec<_> = by_image.into_values().map(|fused| fused.scored(weights)).collect();
    fused.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(b.image_id.cmp(&a.image_id)));
    fused
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(fused: &[Fused]) -> Vec<ImageId> {
        fused.iter().map(|f| f.image_id).collect()
    }

    #[test]
    fn an_image_in_both_legs_beats_one_that_leads_a_single_leg() {
        let fused = fuse(&[1, 2, 3], &[9, 2], Weights::default());
        assert_eq!(fused[0].image_id, 2);
        assert_eq!((fused[0].vector_rank, fused[0].keyword_rank), (Some(2), Some(2)));
        assert!((fused[0].score - 2.0 / 62.0).abs() < 1e-12);
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

    /// Two rankings without doubles, and weights.
    fn legs() -> impl Strategy<Value = (Vec<ImageId>, Vec<ImageId>, Weights)> {
        let leg = || proptest::collection::hash_set(1..60_i64, 0..40).prop_map(|ids| ids.into_iter().collect());
        let weights = (0.1..5.0, 0.1..5.0).prop_map(|(vector, keyword)| Weights { vector, keyword });
        (leg(), leg(), weights)
    }

    proptest! {
        #[test]
        fn every_hit_of_a_leg_is_there_once_with_its_rank((vector, keyword, weights) in legs()) {
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
