//! Looks after the models in the background: registers what could not be registered, loads the current model before a
//! request asks for it, unloads what nobody uses, and keeps maintained models complete.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::folders::ModelKey;
use super::{Backfills, Models};
use crate::blocking;
use mitsuke_clip::{EncoderOptions, Priority};
use mitsuke_image::DecodeLimits;
use mitsuke_store::Model;

/// How often the keeper looks.
const TICK: Duration = Duration::from_secs(1);

/// How often it counts what maintained models lack, unless something tells it to.
const RECOUNT: Duration = Duration::from_secs(30);

/// The background thread; ends when dropped.
pub struct Keeper {
    stop: watch::Sender<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Keeper {
    /// Starts the thread, and with it the backfills that an earlier process left unfinished.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        models: Arc<Models>,
        limits: DecodeLimits,
        options: &EncoderOptions,
    ) -> io::Result<(Self, Arc<Backfills>)> {
        // One thread for the orchestration of everything here: the work itself is on blocking and encoder threads.
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let backfills = Arc::new(Backfills::new(Arc::clone(&models), limits, options, runtime.handle().clone()));
        let (stop, stopping) = watch::channel(false);
        let ours = Arc::clone(&backfills);
        let thread = thread::Builder::new()
            .name("model-keeper".to_owned())
            .spawn(move || keep_on(runtime, models, ours, stopping))?;
        Ok((Self { stop, thread: Mutex::new(Some(thread)) }, backfills))
    }

    /// Stops all backfills, so that a later process goes on with them, and ends the thread. Blocks until the pictures
    /// on their way are stored.
    pub fn stop(&self) {
        self.stop.send_replace(true);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            log::error!("the model keeper ended by a panic");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

fn keep_on(runtime: Runtime, models: Arc<Models>, backfills: Arc<Backfills>, stop: watch::Receiver<bool>) {
    runtime.block_on(async {
        let checked = Arc::clone(&models);
        // Not waited for: it reads whole files, and nobody is harmed when it is cut off.
        drop(tokio::task::spawn_blocking(move || checked.verify_unloaded()));
        keep(&models, &backfills, stop).await;
        backfills.end().await;
    });
    drop(backfills);
    drop(models);
    runtime.shutdown_timeout(Duration::from_millis(200));
}

async fn keep(models: &Arc<Models>, backfills: &Arc<Backfills>, mut stop: watch::Receiver<bool>) {
    let mut ticker = tokio::time::interval(TICK);
    let mut recount = Instant::now();
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = ticker.tick() => {}
            () = models.gap.notified() => recount = Instant::now(),
        }
        if !models.keep().await {
            continue;
        }
        if Instant::now() >= recount {
            recount = Instant::now() + RECOUNT;
            backfills.fill_gaps().await;
        }
    }
}

impl Models {
    /// One look of the keeper; false while the store does not answer.
    async fn keep(self: &Arc<Self>) -> bool {
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
        let key = current.as_ref().map(ModelKey::of);
        if let Some(folder) = key.as_ref().and_then(|key| self.registry.folder(key)) {
            self.pool.preload(&folder);
        }
        let models = Arc::clone(self);
        // Unloading waits for threads.
        let swept = blocking::run(move || models.pool.sweep(models.idle, key.as_ref()));
        swept.await.unwrap_or_else(|error| log::error!("unloading idle models: {error}"));
        current.is_some()
    }

    fn verify_unloaded(&self) {
        self.registry.verify_unloaded(&self.pool);
    }

    /// Whether a search or an upload waits for any encoder.
    pub(super) fn interactive_waits(&self) -> bool {
        let waits = |depths: [usize; 3]| {
            Priority::ALL.iter().zip(depths).any(|(priority, depth)| *priority != Priority::Backfill && depth > 0)
        };
        self.pool.loaded().iter().any(|encoder| {
            waits(encoder.image_stats().depth_by_priority) || waits(encoder.text_stats().depth_by_priority)
        })
    }

    /// Whether a model could be used, without loading it.
    pub(super) fn check_usable(&self, model: &Model) -> Result<(), super::ModelsError> {
        let key = ModelKey::of(model);
        if self.pool.peek(&key).is_some() || self.registry.folder(&key).is_some() {
            return Ok(());
        }
        Err(self.unusable(&key))
    }

    pub(super) fn store(&self) -> Arc<dyn mitsuke_store::Store> {
        Arc::clone(&self.store)
    }
}
