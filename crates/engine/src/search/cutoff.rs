//! Cutoffs: the least similarity of a hit.

use mitsuke_store::VectorHit;

/// The cutoffs of a ranking by similarity. Without a cutoff a page is full as long as there are images.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cutoff {
    /// Hits less similar to the query than this are left out.
    pub min_similarity: Option<f32>,
    /// Hits whose similarity is more than this below that of the most similar image (which passes the filter) are
    /// left out.
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
