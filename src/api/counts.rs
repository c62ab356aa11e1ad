//! Counts of the store's rows for metrics. A database counts a large table by reading all of an index, which is too much
//! for every scrape of every process, so a count is used again for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mitsuke_store::{Coverage, ModelId, Store, StoreError};

/// The age up to which a count is used again. The help texts of the metrics name it.
const MAX_AGE: Duration = Duration::from_secs(60);

/// The last counts.
#[derive(Debug)]
pub struct Counts {
    max_age: Duration,
    images: Mutex<HashMap<(), Kept<u64>>>,
    coverage: Mutex<HashMap<ModelId, Kept<Coverage>>>,
}

/// A count, and the time at which counting began.
#[derive(Debug)]
struct Kept<T> {
    value: T,
    since: Instant,
}

impl Default for Counts {
    fn default() -> Self {
        Self::with_max_age(MAX_AGE)
    }
}

impl Counts {
    fn with_max_age(max_age: Duration) -> Self {
        Self { max_age, images: Mutex::default(), coverage: Mutex::default() }
    }

    /// Returns the number of images, at most a minute old. Blocks.
    ///
    /// # Errors
    /// The error of counting.
    pub fn images(&self, store: &dyn Store) -> Result<u64, StoreError> {
        self.kept(&self.images, (), || store.count_images())
    }

    /// Returns the coverage of a model, at most a minute old. Blocks.
    ///
    /// # Errors
    /// The error of counting.
    pub fn coverage(&self, store: &dyn Store, model_id: ModelId) -> Result<Coverage, StoreError> {
        self.kept(&self.coverage, model_id, || store.coverage(model_id))
    }

    /// Returns the kept value of a key, or counts it anew. The lock is not held while the store counts.
    fn kept<K: Eq + std::hash::Hash, T: Copy>(
        &self,
        values: &Mutex<HashMap<K, Kept<T>>>,
        key: K,
        count: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let lock = || values.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = lock().get(&key).filter(|kept| kept.since.elapsed() < self.max_age) {
            return Ok(kept.value);
        }
        let since = Instant::now();
        let value = count()?;
        lock().insert(key, Kept { value, since });
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_count_is_used_again_until_it_is_old_and_an_error_is_not_kept() {
        let next = Cell::new(0);
        let count = || {
            next.set(next.get() + 1);
            Ok(next.get())
        };
        let young = Counts::with_max_age(Duration::from_secs(3_600));
        assert!(young.kept(&young.images, (), || Err(StoreError::Busy("counting".into()))).is_err());
        let counted: Vec<u64> = (0..3).map(|_| young.kept(&young.images, (), count).unwrap()).collect();
        assert_eq!(counted, [1, 1, 1]);
        let old = Counts::with_max_age(Duration::ZERO);
        let counted: Vec<u64> = (0..3).map(|_| old.kept(&old.images, (), count).unwrap()).collect();
        assert_eq!(counted, [2, 3, 4]);
    }
}
