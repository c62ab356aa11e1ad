//! The thread that makes backups.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use mitsuke_clip::lower_thread_priority;
use mitsuke_store::{BackupError, BackupOptions, BackupProgress, Manifest};
use time::OffsetDateTime;
use tokio::runtime::{Builder, Runtime};

use super::state::{BackupOrder, BackupSchedule, BackupsStatus, EndedBackup, RunningBackup};
use crate::models::Models;

/// The time between two looks whether a regular backup is due.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// The shortest time between a backup that failed and the next regular one.
const RETRY_INTERVAL: Duration = Duration::from_secs(3_600);

/// The time that the end of the process waits for a running backup. The rows of a large store are copied in one statement,
/// which may take longer; it is then cut off with the process, and leaves no copy.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// The reason why a backup was not started.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// Another one is being made.
    #[error("a backup is being made")]
    Running,
    /// The store or the folder does not allow it.
    #[error(transparent)]
    Refused(#[from] BackupError),
}

/// The backups of a server: at most one is made at a time.
pub struct Backups {
    shared: Arc<Shared>,
    /// Closes when the thread has ended; `None` once that was waited for.
    ended: Mutex<Option<Receiver<()>>>,
}

struct Shared {
    models: Arc<Models>,
    schedule: BackupSchedule,
    state: Mutex<State>,
    /// Tells the thread of an order or of the end.
    woken: Condvar,
    stopping: AtomicBool,
}

#[derive(Default)]
struct State {
    order: Option<BackupOrder>,
    status: BackupsStatus,
    /// The time at which a backup last failed.
    failed: Option<Instant>,
}

impl Backups {
    /// Starts the thread that makes backups of the store of `models`, behind the searches and uploads that wait for them.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start_thread(models: Arc<Models>, schedule: BackupSchedule) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            models,
            schedule,
            state: Mutex::default(),
            woken: Condvar::new(),
            stopping: AtomicBool::new(false),
        });
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let ours = Arc::clone(&shared);
        let (running, ended) = mpsc::channel::<()>();
        thread::Builder::new().name("backup".to_owned()).spawn(move || {
            // A panic closes the channel as well.
            let _running = running;
            lower_thread_priority();
            ours.run(&runtime);
        })?;
        Ok(Self { shared, ended: Mutex::new(Some(ended)) })
    }

    /// Starts a backup. Blocks while the folder is looked at.
    ///
    /// # Errors
    /// [`NotStarted`].
    pub fn start(&self, order: BackupOrder) -> Result<(), NotStarted> {
        // A folder that is no backup, and a store that makes none, are told to the caller at once.
        self.shared.models.store().copies(&order.directory)?;
        let mut state = self.shared.state();
        if state.order.is_some() || state.status.running.is_some() {
            return Err(NotStarted::Running);
        }
        state.status.running = Some(RunningBackup {
            directory: order.directory.clone(),
            started_at: OffsetDateTime::now_utc(),
            progress: None,
        });
        state.order = Some(order);
        self.shared.woken.notify_all();
        Ok(())
    }

    /// Returns the backups of this process.
    #[must_use]
    pub fn status(&self) -> BackupsStatus {
        self.shared.state().status.clone()
    }

    /// Returns the regular backups.
    #[must_use]
    pub fn schedule(&self) -> &BackupSchedule {
        &self.shared.schedule
    }

    /// Reads the manifests of the copies in the folder of the schedule, oldest first. Blocks.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn copies(&self) -> Result<Vec<Manifest>, BackupError> {
        match &self.shared.schedule.directory {
            Some(directory) => self.shared.models.store().copies(directory),
            None => Ok(Vec::new()),
        }
    }

    /// Breaks a running backup off, and ends the thread. The next backup uses the originals that were written. Blocks for a
    /// short time at most.
    pub fn shut_down(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        // The lock makes sure that the thread is not between its look and its wait.
        drop(self.shared.state());
        self.shared.woken.notify_all();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        if ended.is_some_and(|ended| ended.recv_timeout(STOP_TIMEOUT) == Err(RecvTimeoutError::Timeout)) {
            log::warn!("the running backup is cut off and leaves no copy");
        }
    }
}

impl Drop for Backups {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Makes backups until the server stops.
    fn run(&self, runtime: &Runtime) {
        self.note_newest();
        while let Some(order) = self.next_order() {
            let outcome = self.make(runtime, &order);
            self.note_end(&order, outcome);
        }
    }

    /// Waits for an order, or until a regular backup is due; `None` when the server stops.
    fn next_order(&self) -> Option<BackupOrder> {
        let mut state = self.state();
        loop {
            if self.is_stopping() {
                return None;
            }
            if let Some(order) = state.order.take() {
                return Some(order);
            }
            if let Some(order) = self.due(&state, OffsetDateTime::now_utc()) {
                state.status.running = Some(RunningBackup {
                    directory: order.directory.clone(),
                    started_at: OffsetDateTime::now_utc(),
                    progress: None,
                });
                return Some(order);
            }
            let waited = self.woken.wait_timeout(state, LOOK_INTERVAL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Returns the regular backup that is due: the newest copy is older than the schedule asks for. So a restart makes no
    /// copy that is not due.
    fn due(&self, state: &State, now: OffsetDateTime) -> Option<BackupOrder> {
        let (directory, every) = (self.schedule.directory.clone()?, self.schedule.every?);
        let is_new = |newest: OffsetDateTime| newest + every > now;
        let has_failed = |failed: Instant| failed.elapsed() < RETRY_INTERVAL.min(every);
        if state.status.newest.is_some_and(is_new) || state.failed.is_some_and(has_failed) {
            return None;
        }
        let options = BackupOptions { verify: false, keep: Some(self.schedule.keep) };
        Some(BackupOrder { directory, options })
    }

    fn make(&self, runtime: &Runtime, order: &BackupOrder) -> Result<Manifest, BackupError> {
        let mut tell = |progress: BackupProgress| {
            if let Some(running) = &mut self.state().status.running {
                running.progress = Some(progress);
            }
        };
        let stop = || {
            runtime.block_on(self.models.yield_to_interactive_work());
            self.is_stopping()
        };
        self.models.store().back_up(&order.directory, order.options, &mut tell, &stop)
    }

    fn note_end(&self, order: &BackupOrder, outcome: Result<Manifest, BackupError>) {
        let mut state = self.state();
        let Some(running) = state.status.running.take() else { return };
        let ended_at = OffsetDateTime::now_utc();
        match &outcome {
            Ok(manifest) => {
                state.status.newest = Some(manifest.made_at);
                state.failed = None;
                log::info!(
                    "backed up {} images to {} ({}) in {:.1} s",
                    manifest.images,
                    order.directory.display(),
                    manifest.name,
                    (ended_at - running.started_at).as_seconds_f64()
                );
                if !manifest.damaged.is_empty() {
                    log::error!(
                        "the backup {} lacks {} originals that are damaged in the store",
                        manifest.name,
                        manifest.damaged.len()
                    );
                }
            }
            Err(BackupError::Stopped) => {
                log::info!("the backup was broken off; the next one goes on with what it wrote")
            }
            Err(error) => {
                log::error!("the backup to {} failed: {error}", order.directory.display());
                state.status.failures += 1;
                state.failed = Some(Instant::now());
            }
        }
        state.status.last = Some(EndedBackup {
            directory: running.directory,
            started_at: running.started_at,
            ended_at,
            outcome: outcome.map_err(|error| error.to_string()),
            written: running.progress.map_or(0, |progress| progress.written),
        });
    }

    /// Looks for the newest copy that an earlier process has made.
    fn note_newest(&self) {
        let Some(directory) = &self.schedule.directory else { return };
        match self.models.store().copies(directory) {
            Ok(copies) => self.state().status.newest = copies.last().map(|manifest| manifest.made_at),
            Err(error) => log::error!("the backups in {} cannot be read: {error}", directory.display()),
        }
    }
}
