//! The images that pass the filters used last. A page of the gallery asks for its list, its facets and its total with one
//! filter, and searches within a filter repeat it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mitsuke_index::IdSet;

use crate::Filter;

/// The number of filters whose images are kept, with a bit for each image.
const KEPT: usize = 8;

/// The images that pass some filters, the filter used last at the front.
#[derive(Debug, Default)]
pub(super) struct RecentFilters {
    kept: Mutex<VecDeque<(Filter, Arc<IdSet>)>>,
}

impl RecentFilters {
    /// Returns the images that pass `filter`, if they are kept.
    pub(super) fn get(&self, filter: &Filter) -> Option<Arc<IdSet>> {
        let mut kept = self.lock();
        let at = kept.iter().position(|(other, _)| other == filter)?;
        let used = kept.remove(at)?;
        let allowed = Arc::clone(&used.1);
        kept.push_front(used);
        Some(allowed)
    }

    /// Keeps the images that pass `filter`, in place of those of the filter that was used least lately.
    pub(super) fn put(&self, filter: &Filter, allowed: &Arc<IdSet>) {
        let mut kept = self.lock();
        kept.truncate(KEPT - 1);
        kept.push_front((filter.clone(), Arc::clone(allowed)));
    }

    /// Forgets all filters, because a fact or a text has changed.
    pub(super) fn clear(&mut self) {
        self.kept.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Filter, Arc<IdSet>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_used_last_are_kept_until_a_change() {
        let filter = |least| Filter { min_width: Some(least), ..Filter::default() };
        let images = |id: i64| Arc::new(IdSet::from_iter([id]));
        let mut recent = RecentFilters::default();
        for n in 0..KEPT as u32 {
            recent.put(&filter(n), &images(n.into()));
        }
        assert_eq!(recent.get(&filter(0)), Some(images(0)));
        recent.put(&filter(99), &images(99));
        assert_eq!(recent.get(&filter(1)), None);
        assert_eq!(recent.get(&filter(0)), Some(images(0)));
        assert_eq!(recent.get(&filter(99)), Some(images(99)));
        recent.clear();
        assert_eq!(recent.get(&filter(99)), None);
    }
}
