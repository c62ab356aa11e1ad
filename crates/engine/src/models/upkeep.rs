//! The upkeep of models that runs in the background, and the facts that backfills ask for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mitsuke_clip::Priority;
use mitsuke_store::{Model, Store};
use tokio::time::sleep;

use super::error::ModelsError;
use super::key::ModelKey;
use super::service::Models;
use crate::blocking;

/// The longest time that a picture of bulk work waits while searches or uploads wait for any encoder. The queue of an
/// encoder orders by priority already; other encoders share only the processor with it.
const MAX_YIELD: Duration = Duration::from_millis(250);

impl Models {
    /// Registers folders that could not be registered, loads the current model before a request asks for it, and
    /// unloads idle models. Returns false while there is no current model, or the store does not answer.
    pub(crate) async fn upkeep(self: &Arc<Self>) -> bool {
        let models = Arc::clone(self);
        let current = blocking::run(move || {
            if models.registry.has_unregistered() {
                match models.registry.register(models.store.as_ref()) {
                    Ok(()) => log::info!("the models are registered now"),
                    Err(error) => log::debug!("the models cannot be registered yet: {error}"),
                }
            }
            models.store.current_model()
        });
        let Ok(Ok(current)) = current.await else { return false };
        let key = current.as_ref().map(ModelKey::from);
        if let Some(folder) = key.as_ref().and_then(|key| self.registry.folder(key)) {
            self.pool.preload(&folder);
        }
        let models = Arc::clone(self);
        // Unloading waits for threads, so it runs on the blocking pool.
        let unloaded = blocking::run(move || models.pool.unload_idle(models.idle, key.as_ref()));
        unloaded.await.unwrap_or_else(|error| log::error!("unloading idle models: {error}"));
        current.is_some()
    }

    /// Checks the files of the folders that no load has checked. Blocks, about a second per gigabyte.
    pub(crate) fn verify_unloaded(&self) {
        self.registry.verify_unloaded(&self.pool);
    }

    /// Returns whether a search or an upload waits for any encoder.
    fn interactive_work_waits(&self) -> bool {
        let waits = |depths: [usize; 3]| {
            Priority::ALL.iter().zip(depths).any(|(priority, depth)| *priority != Priority::Backfill && depth > 0)
        };
        self.pool.loaded().iter().any(|encoder| {
            waits(encoder.image_stats().depth_by_priority) || waits(encoder.text_stats().depth_by_priority)
        })
    }

    /// Waits a short time while searches or uploads wait for an encoder.
    pub(crate) async fn yield_to_interactive_work(&self) {
        let begin = Instant::now();
        while begin.elapsed() < MAX_YIELD && self.interactive_work_waits() {
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// Checks whether a model could be used, without loading it.
    ///
    /// # Errors
    /// [`ModelsError::Unusable`] with the reason.
    pub(crate) fn check_usable(&self, model: &Model) -> Result<(), ModelsError> {
        let key = ModelKey::from(model);
        if self.pool.peek(&key).is_some() || self.registry.folder(&key).is_some() {
            return Ok(());
        }
        Err(self.unusable(&key))
    }

    /// Returns the store that the models are registered in.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// Waits until a check for images without an embedding is requested; see [`Models::request_backfill_check`].
    pub(crate) async fn backfill_check_requested(&self) {
        self.backfill_check.notified().await;
    }

    /// Returns whether the backfill of a model is paused. A pause ends when another model becomes current, in whichever
    /// process that happens.
    pub(crate) fn is_backfill_paused(&self, model: &Model) -> bool {
        let mut models = self.paused_backfills();
        if !model.is_current {
            models.remove(&model.model_id);
        }
        models.contains(&model.model_id)
    }
}
