//! The running or last backfill of one model.

use std::sync::Arc;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use tokio::sync::watch;

use super::progress::Progress;
use super::state::{BackfillState, BackfillStatus};

/// The time that the maintenance waits before it starts a failed backfill again.
const FAILURE_DELAY: Duration = Duration::from_secs(60);

/// The running or last backfill of one model.
pub(super) struct Job {
    pub(super) status: BackfillStatus,
    pub(super) progress: Arc<Progress>,
    pub(super) stop: watch::Sender<bool>,
    /// The channel that turns false, or closes, once the task has ended.
    pub(super) active: watch::Receiver<bool>,
    ended: Option<Instant>,
}

impl Job {
    /// Makes a job that starts now. `active` turns false, or closes, when the task of the job ends.
    pub(super) fn new(progress: Arc<Progress>, stop: watch::Sender<bool>, active: watch::Receiver<bool>) -> Self {
        let status = BackfillStatus {
            state: BackfillState::Running,
            reason: None,
            embedded: 0,
            failed: 0,
            per_second: None,
            started_at: OffsetDateTime::now_utc(),
            ended_at: None,
        };
        Self { status, progress, stop, active, ended: None }
    }

    /// Returns whether the task runs.
    pub(super) fn is_active(&self) -> bool {
        *self.active.borrow()
    }

    /// Returns whether the task runs and has not been asked to stop.
    pub(super) fn is_continuing(&self) -> bool {
        self.is_active() && !*self.stop.borrow()
    }

    /// Returns whether the maintenance must not start the job, because the job runs or has failed a short time ago.
    pub(super) fn is_running_or_delayed(&self) -> bool {
        let failed = self.status.state == BackfillState::Failed;
        self.is_active() || (failed && self.ended.is_some_and(|ended| ended.elapsed() < FAILURE_DELAY))
    }

    /// Asks the task to stop.
    pub(super) fn request_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Notes the end of the task.
    pub(super) fn end(&mut self, state: BackfillState, reason: Option<String>) {
        self.status.state = state;
        self.status.reason = reason;
        self.status.ended_at = Some(OffsetDateTime::now_utc());
        self.ended = Some(Instant::now());
    }

    /// Returns the status with the counts of this moment.
    pub(super) fn current_status(&self) -> BackfillStatus {
        BackfillStatus {
            embedded: self.progress.embedded(),
            failed: self.progress.failed(),
            per_second: self.progress.per_second().filter(|_| self.status.state == BackfillState::Running),
            ..self.status.clone()
        }
    }
}
