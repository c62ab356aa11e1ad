//! The background thread of a server: it registers models that could not be registered, loads the current model before
//! a request asks for it, unloads idle models, and starts the backfills of maintained models.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mitsuke_clip::EncoderOptions;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::backfill::Backfills;
use crate::intake::Decoder;
use crate::models::Models;

/// The time between two rounds of upkeep.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The time between two counts of the images that maintained models lack, unless a count is requested before.
const BACKFILL_CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// The background thread, which ends when this value is dropped.
pub struct Maintenance {
    stop: watch::Sender<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Maintenance {
    /// Starts the thread, and with it the backfills that an earlier process left unfinished.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(
        models: Arc<Models>,
        decoder: Arc<Decoder>,
        options: &EncoderOptions,
    ) -> io::Result<(Self, Arc<Backfills>)> {
        // One thread only coordinates: the work itself is done by blocking threads and encoder threads.
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let backfills = Arc::new(Backfills::new(Arc::clone(&models), decoder, options, runtime.handle().clone()));
        let (stop, stop_requested) = watch::channel(false);
        let ours = Arc::clone(&backfills);
        let thread = thread::Builder::new()
            .name("maintenance".to_owned())
            .spawn(move || run(runtime, models, ours, stop_requested))?;
        Ok((Self { stop, thread: Mutex::new(Some(thread)) }, backfills))
    }

    /// Stops all backfills, so that a later process continues them, and ends the thread. Blocks until the pictures that
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

/// Runs the background thread until it is told to stop.
fn run(runtime: Runtime, models: Arc<Models>, backfills: Arc<Backfills>, stop: watch::Receiver<bool>) {
    runtime.block_on(async {
        let unverified = Arc::clone(&models);
        // The check reads whole files and is not awaited, because cutting it off does no harm.
        drop(tokio::task::spawn_blocking(move || unverified.verify_unloaded()));
        maintain(&models, &backfills, stop).await;
        backfills.shut_down().await;
    });
    drop(backfills);
    drop(models);
    runtime.shutdown_timeout(Duration::from_millis(200));
}

async fn maintain(models: &Arc<Models>, backfills: &Arc<Backfills>, mut stop: watch::Receiver<bool>) {
    let mut ticker = tokio::time::interval(UPKEEP_INTERVAL);
    let mut next_check = Instant::now();
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
    }
}
