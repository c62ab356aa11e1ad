//! The reindex of a process: starting, stopping, and its status.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mitsuke_image::READER_VERSION;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use super::progress::Progress;
use super::run::Run;
use super::state::{ReindexState, ReindexStatus};
use crate::blocking;
use crate::intake::Decoder;
use crate::models::{Models, ModelsError};

/// The time that a stop waits for the files that are being read.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// The reindex of this process: at most one runs at a time.
pub struct Reindexing {
    models: Arc<Models>,
    decoder: Arc<Decoder>,
    max_text_chars: usize,
    runtime: Handle,
    job: Mutex<Option<Job>>,
}

/// The running or last reindex.
struct Job {
    progress: Arc<Progress>,
    stop: watch::Sender<bool>,
    /// The channel that turns false, or closes, once the task has ended.
    active: watch::Receiver<bool>,
}

impl Reindexing {
    /// Makes a reindex whose task runs on `runtime` and that reads files in the backfill slots of `decoder`, behind the
    /// searches and uploads that wait for `models`. At most `max_text_chars` characters of a generation prompt are kept.
    #[must_use]
    pub fn new(models: Arc<Models>, decoder: Arc<Decoder>, max_text_chars: usize, runtime: Handle) -> Self {
        Self { models, decoder, max_text_chars, runtime, job: Mutex::default() }
    }

    fn job(&self) -> MutexGuard<'_, Option<Job>> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the images whose texts an older version of the reader has read.
    ///
    /// # Errors
    /// The error of the store.
    pub async fn outdated(&self) -> Result<u64, ModelsError> {
        let store = self.models.store();
        let count = blocking::run(move || store.count_images_read_before(READER_VERSION)).await?;
        Ok(count?)
    }

    /// Starts to read the files that an older version of the reader has read, unless that runs already.
    ///
    /// # Errors
    /// The error of the store, which is asked for the number of those files.
    pub async fn start(&self) -> Result<(), ModelsError> {
        let total = self.outdated().await?;
        let mut job = self.job();
        if job.as_ref().is_some_and(|job| *job.active.borrow() && !*job.stop.borrow()) {
            return Ok(());
        }
        // A task that was asked to stop must have ended before the next one starts its work.
        let previous = job.as_ref().map(|job| job.active.clone());
        let progress = Arc::new(Progress::new());
        progress.set_total(total);
        let (stop, stop_requested) = watch::channel(false);
        let (active, ended) = watch::channel(true);
        *job = Some(Job { progress: Arc::clone(&progress), stop, active: ended });
        drop(job);
        let run = Run {
            models: Arc::clone(&self.models),
            decoder: Arc::clone(&self.decoder),
            max_text_chars: self.max_text_chars,
            progress,
            stop: stop_requested,
        };
        self.runtime.spawn(async move {
            // The task owns the channel, so that a panic closes it and waiting for the end returns.
            let active = active;
            if let Some(mut previous) = previous {
                drop(previous.wait_for(|active| !active).await);
            }
            work(&run).await;
            active.send_replace(false);
        });
        Ok(())
    }

    /// Returns the status of the running or last reindex of this process.
    #[must_use]
    pub fn status(&self) -> Option<ReindexStatus> {
        self.job().as_ref().map(|job| job.progress.status())
    }

    /// Stops the reindex and waits for the files that are being read. A later start continues from there.
    pub async fn stop(&self) {
        let active = self.job().as_ref().map(|job| {
            job.stop.send_replace(true);
            job.active.clone()
        });
        let Some(mut active) = active else { return };
        // An error of the channel means that the task has ended too, by a panic.
        if timeout(STOP_TIMEOUT, active.wait_for(|active| !active)).await.is_err() {
            log::error!("the reindex does not stop");
        }
    }
}

/// Runs a reindex to its end, and notes the result.
async fn work(run: &Run) {
    let (state, reason) = match run.until_complete().await {
        Ok(state) => (state, None),
        Err(error) => (ReindexState::Failed, Some(error.to_string())),
    };
    let counts = run.progress.end(state, reason.clone());
    match reason {
        Some(reason) => log::error!("the reindex cannot go on: {reason}"),
        None => log::info!(
            "reindex: {} files read; {} captions, {} generation prompts and {} lists of tags changed; {} failed",
            counts.read,
            counts.captions,
            counts.generation_prompts,
            counts.tags,
            counts.failed
        ),
    }
}
