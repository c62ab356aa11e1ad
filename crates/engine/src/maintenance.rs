//! The background thread of a server: it registers models that could not be registered, loads the current model before
//! a request asks for it, unloads idle models, starts the backfills of maintained models, and has the store do its
//! upkeep.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mitsuke_clip::EncoderOptions;
use mitsuke_store::{Occasion, Store};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::backfill::Backfills;
use crate::intake::Decoder;
use crate::models::Models;
use crate::reindex::Reindexing;

/// The time between two rounds of upkeep.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The time between two counts of the images that maintained models lack, unless a count is requested before.
const BACKFILL_CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// The time between two calls of the store's own upkeep.
const STORE_UPKEEP_INTERVAL: Duration = Duration::from_secs(60);

/// The background thread, which ends when this value is dropped.
pub struct Maintenance {
    stop: watch::Sender<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Maintenance {
    /// Starts the thread, and with it the backfills that an earlier process left unfinished. A reindex keeps at most
    /// `max_text_chars` characters of a generation prompt.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(
        models: Arc<Models>,
        decoder: Arc<Decoder>,
        options: &EncoderOptions,
        max_text_chars: usize,
    ) -> io::Result<(Self, Arc<Backfills>, Arc<Reindexing>)> {
        // One thread only coordinates: the work itself is done by blocking threads and encoder threads.
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let handle = runtime.handle();
        let reindexing = Reindexing::new(Arc::clone(&models), Arc::clone(&decoder), max_text_chars, handle.clone());
        let reindexing = Arc::new(reindexing);
        let backfills = Arc::new(Backfills::new(Arc::clone(&models), decoder, options, handle.clone()));
        let (stop, stop_requested) = watch::channel(false);
        let ours = Workers { backfills: Arc::clone(&backfills), reindexing: Arc::clone(&reindexing) };
        let thread = thread::Builder::new()
            .name("maintenance".to_owned())
            .spawn(move || run(runtime, models, ours, stop_requested))?;
        Ok((Self { stop, thread: Mutex::new(Some(thread)) }, backfills, reindexing))
    }

    /// Stops all backfills and the reindex, so that a later process continues them, and ends the thread. Blocks until the pictures that
    /// are being embedded are stored.
    pub fn stop(&self) {
        self.stop.send_replace(true);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            log::error!("the maintenance thread ended by a panic");
        }
    }
}

impl Drop for Maintenance {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The bulk work that the thread coordinates.
struct Workers {
    backfills: Arc<Backfills>,
    reindexing: Arc<Reindexing>,
}

/// Runs the background thread until it is told to stop.
fn run(runtime: Runtime, models: Arc<Models>, workers: Workers, stop: watch::Receiver<bool>) {
    runtime.block_on(async {
        let unverified = Arc::clone(&models);
        // The check reads whole files and is not awaited, because cutting it off does no harm.
        drop(tokio::task::spawn_blocking(move || unverified.verify_unloaded()));
        maintain(&models, &workers.backfills, stop).await;
        workers.reindexing.stop().await;
        workers.backfills.shut_down().await;
    });
    drop(workers);
    drop(models);
    runtime.shutdown_timeout(Duration::from_millis(200));
}

async fn maintain(models: &Arc<Models>, backfills: &Arc<Backfills>, mut stop: watch::Receiver<bool>) {
    let mut ticker = tokio::time::interval(UPKEEP_INTERVAL);
    let mut next_check = Instant::now();
    let mut next_store_upkeep = Instant::now();
    // Building an index may take hours. It is not awaited: the process may end meanwhile, and the database undoes it.
    let mut store_upkeep: Option<JoinHandle<()>> = None;
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = ticker.tick() => {}
            () = models.backfill_check_requested() => next_check = Instant::now(),
        }
        if !models.upkeep().await {
            continue;
        }
        if Instant::now() >= next_check {
            next_check = Instant::now() + BACKFILL_CHECK_INTERVAL;
            backfills.start_missing().await;
        }
        let busy = store_upkeep.as_ref().is_some_and(|upkeep| !upkeep.is_finished());
        if Instant::now() >= next_store_upkeep && !busy {
            next_store_upkeep = Instant::now() + STORE_UPKEEP_INTERVAL;
            store_upkeep = spawn_store_upkeep(models.store());
        }
    }
}

/// Starts the store's upkeep in a thread of its own, which the end of the process does not wait for.
fn spawn_store_upkeep(store: Arc<dyn Store>) -> Option<JoinHandle<()>> {
    let upkeep = move || {
        if let Err(error) = store.maintain(Occasion::Regular, &mut |sentence| log::info!("{sentence}")) {
            log::debug!("the upkeep of the store failed: {error}");
        }
    };
    let spawned = thread::Builder::new().name("store-upkeep".to_owned()).spawn(upkeep);
    spawned.inspect_err(|error| log::warn!("the system gives no thread for the store's upkeep: {error}")).ok()
}
