//! The facts as a cache of the rows.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::{FactsIndex, FactsRow};
use crate::ImageId;

/// The facts of all images, once they have been read, and the changes that come meanwhile.
#[derive(Debug, Default)]
pub(in crate::sqlite) struct FactsCache {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
enum State {
    /// Nothing reads the facts.
    #[default]
    Absent,
    /// The facts are being read. The changes since the beginning may be missing in them.
    Building(Vec<Change>),
    Ready(Box<FactsIndex>),
}

/// A committed change of an image.
#[derive(Debug)]
pub(in crate::sqlite) enum Change {
    /// The image has these facts.
    Put(Box<FactsRow>),
    /// The image is gone.
    Remove(ImageId),
}

impl Change {
    fn apply(&self, facts: &mut FactsIndex) {
        match self {
            Self::Put(row) => facts.put(row),
            Self::Remove(image_id) => facts.remove(*image_id),
        }
    }
}

impl FactsCache {
    /// Runs `work` on the facts; `None` while they are being read.
    pub(in crate::sqlite) fn with<T>(&self, work: impl FnOnce(&FactsIndex) -> T) -> Option<T> {
        match &*self.read() {
            State::Ready(facts) => Some(work(facts)),
            State::Absent | State::Building(_) => None,
        }
    }

    /// Returns whether the facts have been read.
    pub(in crate::sqlite) fn is_ready(&self) -> bool {
        matches!(*self.read(), State::Ready(_))
    }

    /// Applies a change that is committed. The caller still holds the writer, so that changes come in their order.
    pub(in crate::sqlite) fn apply(&self, change: Change) {
        match &mut *self.write() {
            State::Absent => {}
            State::Building(changes) => changes.push(change),
            State::Ready(facts) => change.apply(facts),
        }
    }

    /// Begins to keep changes, before the rows are read. Facts that there are go.
    pub(in crate::sqlite) fn begin(&self) {
        *self.write() = State::Building(Vec::new());
    }

    /// Publishes facts that have been read since [`Self::begin`], with the changes since then, if there are `images` of
    /// them. The caller holds the writer. Returns whether they are published.
    pub(in crate::sqlite) fn publish(&self, mut facts: FactsIndex, images: u64) -> bool {
        let mut state = self.write();
        let State::Building(changes) = &*state else { return false };
        changes.iter().for_each(|change| change.apply(&mut facts));
        let agrees = facts.len() as u64 == images;
        *state = if agrees { State::Ready(Box::new(facts)) } else { State::Absent };
        agrees
    }

    /// Drops the facts. Searches read the rows until the next ones are published.
    pub(in crate::sqlite) fn withdraw(&self) {
        *self.write() = State::Absent;
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(|poisoned| {
            // A change ended in a panic and may be incomplete. The rows answer until the store is opened again.
            self.state.clear_poison();
            let mut state = poisoned.into_inner();
            *state = State::Absent;
            state
        })
    }
}
