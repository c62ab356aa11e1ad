//! How a backfill stands.

use time::OffsetDateTime;

/// How a backfill stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackfillState {
    /// It embeds.
    Running,
    /// Another process has the lease and embeds; this one takes over should it end.
    Waiting,
    /// Nothing is missing.
    Finished,
    /// It was told to stop.
    Stopped,
    /// It cannot go on; it is tried again after a minute.
    Failed,
}

impl BackfillState {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Running, Self::Waiting, Self::Finished, Self::Stopped, Self::Failed];

    /// Its name in JSON and metrics.
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

/// What is known of the running or last backfill of a model on this process.
#[derive(Debug, Clone, PartialEq)]
pub struct BackfillStatus {
    /// How it stands.
    pub state: BackfillState,
    /// Why it failed.
    pub reason: Option<String>,
    /// Images embedded since it started.
    pub embedded: u64,
    /// Images that failed since it started.
    pub failed: u64,
    /// Images per second over the last half minute, while it runs here.
    pub per_second: Option<f64>,
    /// When it started.
    pub started_at: OffsetDateTime,
    /// When it ended.
    pub ended_at: Option<OffsetDateTime>,
}

impl BackfillStatus {
    /// Seconds until `missing` images are embedded at the present rate.
    #[must_use]
    pub fn seconds_left(&self, missing: u64) -> Option<f64> {
        let rate = self.per_second.filter(|_| self.state == BackfillState::Running)?;
        Some(missing as f64 / rate)
    }
}
