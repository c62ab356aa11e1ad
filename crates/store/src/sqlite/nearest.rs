//! What an exact search collects its hits in, and a set of image ids.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::ImageId;

/// The nearest vectors offered so far: greatest similarity first, of equals the greater id first.
pub(super) struct Nearest {
    most: usize,
    /// The worst of them on top.
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
    /// Less is better.
    fn cmp(&self, other: &Self) -> Ordering {
        other.similarity.total_cmp(&self.similarity).then(other.image_id.cmp(&self.image_id))
    }
}

impl Nearest {
    /// Keeps at most `most` hits.
    pub(super) fn new(most: usize) -> Self {
        Self { most, heap: BinaryHeap::new() }
    }

    pub(super) fn offer(&mut self, image_id: ImageId, similarity: f32) {
        self.heap.push(Hit { image_id, similarity });
        if self.heap.len() > self.most {
            self.heap.pop();
        }
    }

    pub(super) fn into_sorted(self) -> Vec<(ImageId, f32)> {
        self.heap.into_sorted_vec().into_iter().map(|hit| (hit.image_id, hit.similarity)).collect()
    }
}

/// A set of image ids, a bit for each: ids are dense, since they count up from 1.
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
    fn the_nearest_are_kept_in_order_and_of_equals_the_newest() {
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
    fn a_set_holds_what_was_put_in() {
        let mut set = IdSet::default();
        for id in [1, 63, 64, 1000, 64, -5] {
            set.insert(id);
        }
        assert_eq!(set.len(), 4);
        assert!([1, 63, 64, 1000].iter().all(|id| set.contains(*id)));
        assert!([0, 2, 65, 1001, 1_000_000, -5].iter().all(|id| !set.contains(*id)));
    }
}
