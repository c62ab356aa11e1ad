//! Reciprocal rank fusion.

use std::collections::HashMap;

use crate::store::ImageId;

/// The constant of Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual
/// Rank Learning Methods" (SIGIR 2009): it dampens the weight of the very first ranks.
const K: f64 = 60.0;

/// An image found by at least one leg.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fused {
    /// The image.
    pub image_id: ImageId,
    /// Its rank among the vector hits, from 1.
    pub vector_rank: Option<u32>,
    /// Its rank among the keyword hits, from 1.
    pub keyword_rank: Option<u32>,
    /// Sum over the legs of 1 / (60 + rank): larger is better.
    pub score: f64,
}

/// Fuses two rankings, best first; ties by descending image id.
#[must_use]
pub fn fuse(vector: &[ImageId], keyword: &[ImageId]) -> Vec<Fused> {
    let mut by_image: HashMap<ImageId, Fused> = HashMap::with_capacity(vector.len() + keyword.len());
    let new = |image_id| Fused { image_id, vector_rank: None, keyword_rank: None, score: 0.0 };
    for (rank, &image_id) in (1_u32..).zip(vector) {
        let fused = by_image.entry(image_id).or_insert_with(|| new(image_id));
        fused.vector_rank = Some(rank);
        fused.score += 1.0 / (K + f64::from(rank));
    }
    for (rank, &image_id) in (1_u32..).zip(keyword) {
        let fused = by_image.entry(image_id).or_insert_with(|| new(image_id));
        fused.keyword_rank = Some(rank);
        fused.score += 1.0 / (K + f64::from(rank));
    }
    let mut fused: Vec<_> = by_image.into_values().collect();
    fused.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(b.image_id.cmp(&a.image_id)));
    fused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_in_both_legs_beats_one_that_leads_a_single_leg() {
        let fused = fuse(&[1, 2, 3], &[9, 2]);
        assert_eq!(fused[0].image_id, 2);
        assert_eq!((fused[0].vector_rank, fused[0].keyword_rank), (Some(2), Some(2)));
        assert!((fused[0].score - 2.0 / 62.0).abs() < 1e-12);
    }

    #[test]
    fn ties_go_to_the_newer_image() {
        let ids: Vec<_> = fuse(&[4], &[7]).iter().map(|f| f.image_id).collect();
        assert_eq!(ids, [7, 4]);
    }
}
