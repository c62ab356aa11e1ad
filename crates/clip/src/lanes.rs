//! The waiting jobs of a queue, a lane for each priority, and the rule of which lane is next.

use std::collections::VecDeque;
use std::time::Instant;

use tokio::sync::oneshot;

/// How urgent an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// Somebody waits for an answer to a search.
    Search,
    /// An image is being registered.
    Upload,
    /// Old images get embeddings of a new model.
    Backfill,
}

impl Priority {
    /// All priorities, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Search, Self::Upload, Self::Backfill];

    /// How many jobs may wait, over all lanes, for one more of this priority to be let in; at least 1.
    #[must_use]
    pub(super) fn share_of(self, capacity: usize) -> usize {
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

/// How often in a row a waiting lane may be overtaken before it gets a batch.
pub const MAX_OVERTAKEN: u32 = 16;

/// An item on its way through the queue.
pub(super) struct Job<I, A> {
    pub(super) item: I,
    pub(super) answer: oneshot::Sender<A>,
    pub(super) arrived: Instant,
}

struct Lane<I, A> {
    jobs: VecDeque<Job<I, A>>,
    /// Batches taken from more urgent lanes since this one had its turn or was empty.
    overtaken: u32,
}

impl<I, A> Default for Lane<I, A> {
    fn default() -> Self {
        Self { jobs: VecDeque::new(), overtaken: 0 }
    }
}

/// One lane per priority.
pub(super) struct Lanes<I, A>([Lane<I, A>; 3]);

impl<I, A> Default for Lanes<I, A> {
    fn default() -> Self {
        Self(Default::default())
    }
}

impl<I, A> Lanes<I, A> {
    /// Jobs that wait.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|lane| lane.jobs.len()).sum()
    }

    /// Jobs that wait, for each of [`Priority::ALL`].
    pub(super) fn depths(&self) -> [usize; 3] {
        Priority::ALL.map(|priority| self.depth(priority))
    }

    /// Jobs that wait in one lane.
    pub(super) fn depth(&self, priority: Priority) -> usize {
        self.0[priority.index()].jobs.len()
    }

    /// When the first job of a lane arrived.
    pub(super) fn oldest(&self, priority: Priority) -> Option<Instant> {
        self.0[priority.index()].jobs.front().map(|job| job.arrived)
    }

    /// Puts a job at the end of its lane.
    pub(super) fn push(&mut self, priority: Priority, job: Job<I, A>) {
        self.0[priority.index()].jobs.push_back(job);
    }

    /// The lane whose turn it is: one that was overtaken too often, else the most urgent that is not empty.
    pub(super) fn next_lane(&self) -> Option<Priority> {
        let waiting = |priority: &Priority| self.depth(*priority) > 0;
        let starving = |priority: &Priority| waiting(priority) && self.0[priority.index()].overtaken >= MAX_OVERTAKEN;
        Priority::ALL.into_iter().find(starving).or_else(|| Priority::ALL.into_iter().find(waiting))
    }

    /// Takes up to `max` jobs whose callers still wait from the front of a lane; also tells how many were
    /// left out because their callers had gone.
    pub(super) fn take(&mut self, priority: Priority, max: usize) -> (Vec<Job<I, A>>, u64) {
        let (mut batch, mut skipped) = (Vec::new(), 0);
        let lane = &mut self.0[priority.index()];
        while batch.len() < max {
            match lane.jobs.pop_front() {
                None => break,
                Some(job) if job.answer.is_closed() => skipped += 1,
                Some(job) => batch.push(job),
            }
        }
        if !batch.is_empty() {
            lane.overtaken = 0;
            for lane in &mut self.0[priority.index() + 1..] {
                lane.overtaken = if lane.jobs.is_empty() { 0 } else { lane.overtaken.saturating_add(1) };
            }
        }
        (batch, skipped)
    }

    /// Removes all jobs whose callers have gone; tells how many.
    pub(super) fn remove_abandoned(&mut self) -> u64 {
        let before = self.len();
        for lane in &mut self.0 {
            lane.jobs.retain(|job| !job.answer.is_closed());
        }
        (before - self.len()) as u64
    }

    /// Removes all jobs.
    pub(super) fn drain(&mut self) -> Vec<Job<I, A>> {
        self.0.iter_mut().flat_map(|lane| std::mem::take(&mut lane.jobs)).collect()
    }
}
