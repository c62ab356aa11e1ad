//! One turn at a time for each model: what starts, stops or retires it must not cross what else does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use mitsuke_store::ModelId;

/// The turns of all models.
#[derive(Default)]
pub(super) struct Turns {
    by_model: Mutex<BTreeMap<ModelId, Arc<Turn<()>>>>,
}

impl Turns {
    /// Waits for a model's turn, which ends when the guard is dropped.
    pub(super) async fn wait(&self, model_id: ModelId) -> OwnedMutexGuard<()> {
        self.of(model_id).lock_owned().await
    }

    /// A model's turn, if nobody has it.
    pub(super) fn try_take(&self, model_id: ModelId) -> Option<OwnedMutexGuard<()>> {
        self.of(model_id).try_lock_owned().ok()
    }

    fn of(&self, model_id: ModelId) -> Arc<Turn<()>> {
        let mut by_model = self.by_model.lock().unwrap_or_else(PoisonError::into_inner);
        // Ids come from callers: what nobody has or waits for is not kept.
        by_model.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(by_model.entry(model_id).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_is_given_once_for_each_model_and_kept_no_longer_than_it_lasts() {
        let turns = Turns::default();
        let first = turns.wait(1).await;
        assert!(turns.try_take(1).is_none());
        let other = turns.try_take(2);
        assert!(other.is_some(), "another model has a turn of its own");
        drop((first, other));
        assert!(turns.try_take(1).is_some());
        for model_id in 10..20 {
            drop(turns.try_take(model_id));
        }
        assert_eq!(turns.by_model.lock().unwrap().len(), 1);
    }
}
