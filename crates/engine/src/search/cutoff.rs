//! Cutoffs: the least similarity of a hit.

use mitsuke_store::VectorHit;

/// The cutoffs of a ranking by similarity. Without a cutoff a page is full as long as there are images.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cutoff {
    /// The smallest similarity of a hit to the query. Less similar hits are left out.
    pub min_similarity: Option<f32>,
    /// The largest difference between the similarity of a hit and that of the most similar image (which passes the
    /// filter). Hits with a larger difference are left out.
    pub max_gap: Option<f32>,
}

impl Cutoff {
    /// Returns the least similarity that both cutoffs allow, where `best` is the nearest image.
    pub(super) fn floor(self, best: Option<&VectorHit>) -> Option<f32> {
        let relative = best.and_then(|best| self.max_gap.map(|gap| -best.distance - gap));
        match (self.min_similarity, relative) {
            (Some(absolute), Some(relative)) => Some(absolute.max(relative)),
            (absolute, relative) => absolute.or(relative),
        }
    }
}
