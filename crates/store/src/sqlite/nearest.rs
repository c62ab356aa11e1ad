//! The nearest hits of a vector search.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::ImageId;

/// The nearest vectors offered so far: greatest similarity first, ties by descending id.
pub(super) struct Nearest {
    max: usize,
    /// The hits, with the worst on top.
    heap: BinaryHeap<Hit>,
}

#[derive(PartialEq)]
struct Hit {
    image_id: ImageId,
    similarity: f32,
}

impl Eq for Hit {}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hit {
    /// Compares two hits: the better hit is the lesser one.
    fn cmp(&self, other: &Self) -> Ordering {
        other.similarity.total_cmp(&self.similarity).then(other.image_id.cmp(&self.image_id))
    }
}

impl Nearest {
    /// Makes an empty collection of at most `max` hits.
    pub(super) fn new(max: usize) -> Self {
        Self { max, heap: BinaryHeap::new() }
    }

    /// Adds a hit if it is among the nearest.
    pub(super) fn offer(&mut self, image_id: ImageId, similarity: f32) {
        self.heap.push(Hit { image_id, similarity });
        if self.heap.len() > self.max {
            self.heap.pop();
        }
    }

    /// Returns the hits, nearest first.
    pub(super) fn into_sorted(self) -> Vec<(ImageId, f32)> {
        self.heap.into_sorted_vec().into_iter().map(|hit| (hit.image_id, hit.similarity)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_kept_in_order_and_ties_go_to_the_newest() {
        let mut nearest = Nearest::new(3);
        for (id, similarity) in [(1, 0.5), (2, 0.9), (3, 0.5), (4, -1.0), (5, 0.5)] {
            nearest.offer(id, similarity);
        }
        assert_eq!(nearest.into_sorted(), [(2, 0.9), (5, 0.5), (3, 0.5)]);
        let mut none = Nearest::new(0);
        none.offer(1, 1.0);
        assert!(none.into_sorted().is_empty());
    }
}
