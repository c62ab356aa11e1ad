//! States of backfills.

use time::OffsetDateTime;

/// The state of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackfillState {
    /// This process embeds images.
    Running,
    /// Another process has the lease and embeds images; this process takes over if that one ends.
    Waiting,
    /// No image is missing.
    Finished,
    /// A caller stopped the backfill.
    Stopped,
    /// The backfill cannot go on; it is tried again after a minute.
    Failed,
}

impl BackfillState {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Running, Self::Waiting, Self::Finished, Self::Stopped, Self::Failed];

    /// Returns the name in JSON and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// The running or last backfill of a model in this process.
#[derive(Debug, Clone, PartialEq)]
pub struct BackfillStatus {
    /// The state.
    pub state: BackfillState,
    /// The reason of a failure.
    pub reason: Option<String>,
    /// The number of images embedded since the start.
    pub embedded: u64,
    /// The number of images that failed since the start.
    pub failed: u64,
    /// The images per second over the last half minute, while the backfill runs in this process.
    pub per_second: Option<f64>,
    /// The time at which the backfill started.
    pub started_at: OffsetDateTime,
    /// The time at which the backfill ended.
    pub ended_at: Option<OffsetDateTime>,
}

impl BackfillStatus {
    /// Estimates the seconds until `missing` images are embedded at the present rate.
    #[must_use]
    pub fn seconds_left(&self, missing: u64) -> Option<f64> {
        let rate = self.per_second.filter(|_| self.state == BackfillState::Running)?;
        Some(missing as f64 / rate)
    }
}
