//! Lists of items by place, all in one allocation.

/// The number of items of changed lists that are kept whatever the number of all items.
const MIN_STALE: usize = 10_000;

/// A list of items for each place. A changed list is written anew at the end, and the arena is written anew when half of
/// it is stale.
#[derive(Debug)]
pub(super) struct Arena<T> {
    /// The start and the length of the list of each place.
    spans: Vec<(u32, u32)>,
    items: Vec<T>,
    /// The number of items in the lists.
    live: usize,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { spans: Vec::new(), items: Vec::new(), live: 0 }
    }
}

impl<T: Copy> Arena<T> {
    /// Sets the list of a place.
    pub(super) fn set(&mut self, at: usize, list: &[T]) {
        if self.spans.len() <= at {
            self.spans.resize(at + 1, (0, 0));
        }
        if self.items.len() > MIN_STALE.max(2 * self.live) {
            self.compact();
        }
        let start = self.items.len() as u32;
        if let Some(span) = self.spans.get_mut(at) {
            self.live = self.live + list.len() - span.1 as usize;
            *span = (start, list.len() as u32);
            self.items.extend_from_slice(list);
        }
    }

    /// Returns the list of a place.
    pub(super) fn get(&self, at: usize) -> &[T] {
        let (start, len) = self.spans.get(at).copied().unwrap_or_default();
        self.items.get(start as usize..(start + len) as usize).unwrap_or_default()
    }

    fn compact(&mut self) {
        let mut items = Vec::with_capacity(self.live);
        for (start, len) in &mut self.spans {
            let list = self.items.get(*start as usize..(*start + *len) as usize).unwrap_or_default();
            *start = items.len() as u32;
            items.extend_from_slice(list);
        }
        self.items = items;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_change_often_stay_what_they_are_and_take_little_memory() {
        let mut arena = Arena::default();
        arena.set(3, &[1, 2]);
        for n in 0..100_000 {
            arena.set(1, &[n, n]);
            arena.set(2, &[]);
        }
        assert_eq!(
            (arena.get(0), arena.get(1), arena.get(2), arena.get(3)),
            (&[][..], &[99_999; 2][..], &[][..], &[1, 2][..])
        );
        assert!(arena.items.len() < 2 * MIN_STALE);
    }
}
