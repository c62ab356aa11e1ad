//! The probabilities of a model's calibration. `python/mitsuke_export/relevance.py` fits it.

use mitsuke_clip::{Relevance, RightHit};
use mitsuke_index::UnitVector;

/// The relevance from which on a hit is likely.
pub(super) const LIKELY: f32 = 0.5;

/// Returns the probability that any of `images` compared images answers a query by text, whose best similarity is `best`.
pub(super) fn answered(relevance: &Relevance, query: &UnitVector, best: f32, images: u64) -> f32 {
    let text = &relevance.text;
    let direction: f32 =
        text.direction.iter().zip(query.as_slice()).map(|(weight, component)| weight * component).sum();
    let above = best - best_by_chance(relevance.deviation, images);
    logistic(text.answered.intercept + direction + text.answered.best * above)
}

/// Returns the probability that a hit is right, where an image answers the query.
pub(super) fn right(right: &RightHit, similarity: f32, best: f32) -> f32 {
    logistic(right.intercept + right.similarity * similarity + right.gap * (best - similarity))
}

/// Returns the best similarity that chance gives among `images`: the expected largest of so many normal variables is about
/// deviation × √(2 ln n).
fn best_by_chance(deviation: f32, images: u64) -> f32 {
    deviation * (2.0 * (images.max(1) as f64).ln()).sqrt() as f32
}

fn logistic(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
pub(super) mod tests {
    use mitsuke_clip::{Answered, TextRelevance};
    use proptest::prelude::*;

    use super::*;

    /// Makes a calibration of two dimensions, in which queries along the first axis name something to see.
    pub(in super::super) fn calibration() -> Relevance {
        let right = RightHit { intercept: 2.0, similarity: 6.0, gap: -20.0 };
        let answered = Answered { intercept: -2.0, best: 10.0 };
        let text = TextRelevance { direction: vec![8.0, -8.0], answered, right };
        Relevance { deviation: 0.1, text, image: Some(RightHit { intercept: -6.0, similarity: 8.0, gap: 0.0 }) }
    }

    #[test]
    fn the_probabilities_are_those_of_the_formula() {
        let query = UnitVector::normalize(vec![0.6, 0.8]).unwrap();
        // −2 + 8 × 0.6 − 8 × 0.8 + 10 × (0.5 − 0.1 × √(2 ln 100)), which is −1.6349.
        let found = answered(&calibration(), &query, 0.5, 100);
        assert!((found - 0.163_16).abs() < 1e-4, "{found}");
        // 2 + 6 × 0.4 − 20 × 0.1 is 2.4.
        let found = right(&calibration().text.right, 0.4, 0.5);
        assert!((found - 0.916_83).abs() < 1e-4, "{found}");
        assert_eq!(best_by_chance(0.1, 0), 0.0);
        assert_eq!(best_by_chance(0.1, 1), 0.0);
    }

    proptest! {
        #[test]
        fn the_nearer_hit_is_at_least_as_relevant(near in -1.0_f32..1.0, by in 0.0_f32..1.0, best in 0.0_f32..1.0) {
            let calibration = calibration();
            for one in [Some(calibration.text.right), calibration.image].into_iter().flatten() {
                let (near, far) = (right(&one, near, best), right(&one, near - by, best));
                prop_assert!(far <= near && (0.0..=1.0).contains(&far) && (0.0..=1.0).contains(&near));
            }
        }

        #[test]
        fn a_best_hit_says_less_among_more_images(angle in 0.0_f32..6.3, best in -1.0_f32..1.0, few in 1..1_000_u64) {
            let query = UnitVector::normalize(vec![angle.cos(), angle.sin()]).unwrap();
            let among = |images| answered(&calibration(), &query, best, images);
            prop_assert!(among(few * 100) <= among(few));
        }
    }
}
