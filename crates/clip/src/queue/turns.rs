//! The share of uploads beside searches.

use super::priority_queue::Priority;

/// The number of searches for which one upload is due, so that uploads have a third of the encodes beside searches that
/// never end.
const SEARCHES_PER_UPLOAD: usize = 2;

/// The items that were taken since uploads began to wait.
#[derive(Default)]
pub(super) struct Turns {
    searches: usize,
    uploads: usize,
}

impl Turns {
    /// Notes a batch that was taken. Uploads that do not wait any more have had their share.
    pub(super) fn note(&mut self, taken: Priority, items: usize, uploads_wait: bool) {
        if !uploads_wait {
            *self = Self::default();
            return;
        }
        match taken {
            Priority::Search => self.searches += items,
            Priority::Upload => self.uploads += items,
            Priority::Backfill => {}
        }
    }

    /// Returns the number of uploads that are due before the next search.
    pub(super) fn due_uploads(&self) -> usize {
        (self.searches / SEARCHES_PER_UPLOAD).saturating_sub(self.uploads)
    }
}
