//! The collections of a vector search: the nearest hits, and a set of image ids.

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

/// A set of image ids with a bit for each. Ids count up from 1, so the bits are dense.
#[derive(Default)]
pub(super) struct IdSet {
    words: Vec<u64>,
    len: usize,
}

impl IdSet {
    pub(super) fn insert(&mut self, id: ImageId) {
        let Ok(at) = usize::try_from(id) else { return };
        if self.words.len() <= at / 64 {
            self.words.resize(at / 64 + 1, 0);
        }
        if let Some(word) = self.words.get_mut(at / 64)
            && *word & (1 << (at % 64)) == 0
        {
            *word |= 1 << (at % 64);
            self.len += 1;
        }
    }

    pub(super) fn contains(&self, id: ImageId) -> bool {
        let Ok(at) = usize::try_from(id) else { return false };
        self.words.get(at / 64).is_some_and(|word| word & (1 << (at % 64)) != 0)
    }

    pub(super) fn len(&self) -> usize {
        self.len
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

    #[test]
    fn a_set_contains_exactly_the_inserted_ids() {
        let mut set = IdSet::default();
        for id in [1, 63, 64, 1000, 64, -5] {
            set.insert(id);
        }
        assert_eq!(set.len(), 4);
        assert!([1, 63, 64, 1000].iter().all(|id| set.contains(*id)));
        assert!([0, 2, 65, 1001, 1_000_000, -5].iter().all(|id| !set.contains(*id)));
    }
}
