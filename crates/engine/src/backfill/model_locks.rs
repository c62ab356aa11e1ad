//! One lock for each model, so that starting, stopping and retiring a model do not interleave.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use mitsuke_store::ModelId;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// The locks of all models.
#[derive(Default)]
pub(super) struct ModelLocks {
    by_model: Mutex<BTreeMap<ModelId, Arc<AsyncMutex<()>>>>,
}

impl ModelLocks {
    /// Waits for the lock of a model, which is held until the guard is dropped.
    pub(super) async fn lock(&self, model_id: ModelId) -> OwnedMutexGuard<()> {
        self.entry(model_id).lock_owned().await
    }

    /// Takes the lock of a model if it is free.
    pub(super) fn try_lock(&self, model_id: ModelId) -> Option<OwnedMutexGuard<()>> {
        self.entry(model_id).try_lock_owned().ok()
    }

    fn entry(&self, model_id: ModelId) -> Arc<AsyncMutex<()>> {
        let mut by_model = self.by_model.lock().unwrap_or_else(PoisonError::into_inner);
        // Ids come from callers, so locks that no task holds or waits for are dropped.
        by_model.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(by_model.entry(model_id).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lock_is_held_once_for_each_model_and_kept_no_longer_than_it_is_used() {
        let locks = ModelLocks::default();
        let first = locks.lock(1).await;
        assert!(locks.try_lock(1).is_none());
        let other = locks.try_lock(2);
        assert!(other.is_some(), "another model has a lock of its own");
        drop((first, other));
        assert!(locks.try_lock(1).is_some());
        for model_id in 10..20 {
            drop(locks.try_lock(model_id));
        }
        assert_eq!(locks.by_model.lock().unwrap().len(), 1);
    }
}
