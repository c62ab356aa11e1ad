//! The items that wait for an encoder: a first-in, first-out queue for each priority, and the rule that chooses the
//! next priority.

use std::collections::VecDeque;
use std::time::Instant;

use tokio::sync::oneshot;

/// The urgency of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// A search waits for its query vector.
    Search,
    /// An image is being registered.
    Upload,
    /// A backfill makes embeddings of a new model for old images.
    Backfill,
}

impl Priority {
    /// All priorities, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Search, Self::Upload, Self::Backfill];

    /// Returns the number of waiting items, over all priorities, below which a queue of this capacity admits one more
    /// item of this priority; at least 1.
    #[must_use]
    pub(super) fn admission_limit(self, capacity: usize) -> usize {
        match self {
            Self::Search => capacity,
            Self::Upload => capacity - capacity / 8,
            Self::Backfill => capacity - capacity / 4,
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Search => 0,
            Self::Upload => 1,
            Self::Backfill => 2,
        }
    }
}

/// The number of batches of more urgent items that may pass a waiting priority before that priority gets a batch.
pub const STARVATION_LIMIT: u32 = 16;

/// An item that waits, and the channel to its caller.
pub(super) struct PendingItem<I, A> {
    pub(super) item: I,
    pub(super) answer: oneshot::Sender<A>,
    /// The group of the item; a batch holds items of one group.
    pub(super) group: usize,
    pub(super) arrived: Instant,
}

/// The waiting items of one priority.
struct Level<I, A> {
    items: VecDeque<PendingItem<I, A>>,
    /// The number of batches of more urgent items since this level had its turn or was empty.
    passed: u32,
}

impl<I, A> Default for Level<I, A> {
    fn default() -> Self {
        Self { items: VecDeque::new(), passed: 0 }
    }
}

/// The waiting items, in one level per priority.
pub(super) struct PriorityQueue<I, A>([Level<I, A>; 3]);

impl<I, A> Default for PriorityQueue<I, A> {
    fn default() -> Self {
        Self(Default::default())
    }
}

impl<I, A> PriorityQueue<I, A> {
    /// Returns how many items wait.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|level| level.items.len()).sum()
    }

    /// Returns how many items wait, for each of [`Priority::ALL`].
    pub(super) fn depths(&self) -> [usize; 3] {
        Priority::ALL.map(|priority| self.depth(priority))
    }

    /// Returns how many items of one priority wait.
    pub(super) fn depth(&self, priority: Priority) -> usize {
        self.0[priority.index()].items.len()
    }

    /// Returns when the first item of one priority arrived.
    pub(super) fn oldest(&self, priority: Priority) -> Option<Instant> {
        self.0[priority.index()].items.front().map(|pending| pending.arrived)
    }

    /// Puts an item behind the other items of its priority.
    pub(super) fn push(&mut self, priority: Priority, pending: PendingItem<I, A>) {
        self.0[priority.index()].items.push_back(pending);
    }

    /// Returns the priority of `lane` whose turn it is: a priority that was passed too often, else the most urgent
    /// priority with an item.
    pub(super) fn next_priority(&self, lane: &[Priority]) -> Option<Priority> {
        let waiting = |priority: &Priority| self.depth(*priority) > 0;
        let starving = |priority: &Priority| waiting(priority) && self.0[priority.index()].passed >= STARVATION_LIMIT;
        let mut lane = Priority::ALL.into_iter().filter(|priority| lane.contains(priority));
        lane.clone().find(starving).or_else(|| lane.find(waiting))
    }

    /// Takes the first item of one priority and the next ones of its group, at most `max`, and leaves out items whose
    /// callers are gone. Returns the taken items and the number of items left out. The other priorities of `lane` are
    /// passed.
    pub(super) fn take(&mut self, priority: Priority, max: usize, lane: &[Priority]) -> (Vec<PendingItem<I, A>>, u64) {
        let (mut batch, mut skipped) = (Vec::new(), 0);
        let level = &mut self.0[priority.index()];
        let mut group = None;
        let mut at = 0;
        while let Some(pending) = level.items.get(at).filter(|_| batch.len() < max) {
            if pending.answer.is_closed() {
                skipped += 1;
                drop(level.items.remove(at));
            } else if *group.get_or_insert(pending.group) == pending.group {
                batch.extend(level.items.remove(at));
            } else {
                at += 1;
            }
        }
        if !batch.is_empty() {
            level.passed = 0;
            for passed in Priority::ALL.into_iter().filter(|other| *other > priority && lane.contains(other)) {
                let level = &mut self.0[passed.index()];
                level.passed = if level.items.is_empty() { 0 } else { level.passed.saturating_add(1) };
            }
        }
        (batch, skipped)
    }

    /// Removes all items whose callers are gone, and returns the number of removed items.
    pub(super) fn remove_abandoned(&mut self) -> u64 {
        let before = self.len();
        for level in &mut self.0 {
            level.items.retain(|pending| !pending.answer.is_closed());
        }
        (before - self.len()) as u64
    }

    /// Removes all items.
    pub(super) fn drain(&mut self) -> Vec<PendingItem<I, A>> {
        self.0.iter_mut().flat_map(|level| std::mem::take(&mut level.items)).collect()
    }
}
