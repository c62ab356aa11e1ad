//! The JSON shapes of the reindex.

use serde::{Deserialize, Serialize};
use time::serde::rfc3339;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use mitsuke_engine::reindex::{ReindexFailure, ReindexState, ReindexStatus};
use mitsuke_image::READER_VERSION;

/// The state of a reindex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ReindexState)]
pub enum ReindexStateBody {
    /// The reindex reads files.
    Running,
    /// No file is left to read.
    Finished,
    /// The reindex was stopped; POST /reindex continues it.
    Stopped,
    /// The reindex cannot continue; `reason` says why. POST /reindex tries again.
    Failed,
}

impl From<ReindexState> for ReindexStateBody {
    fn from(state: ReindexState) -> Self {
        match state {
            ReindexState::Running => Self::Running,
            ReindexState::Finished => Self::Finished,
            ReindexState::Stopped => Self::Stopped,
            ReindexState::Failed => Self::Failed,
        }
    }
}

/// An image whose file could not be read.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = ReindexFailure)]
pub struct ReindexFailureBody {
    /// The image. It keeps its texts.
    #[schema(example = 7)]
    pub image_id: i64,
    /// The reason.
    #[schema(example = "the file is of a type that is not read")]
    pub reason: String,
}

impl From<ReindexFailure> for ReindexFailureBody {
    fn from(ReindexFailure { image_id, reason }: ReindexFailure) -> Self {
        Self { image_id, reason }
    }
}

/// The running or last reindex of this process. The numbers are those since its start.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = ReindexRun)]
pub struct ReindexRunBody {
    /// The state.
    pub state: ReindexStateBody,
    /// The reason why the reindex failed; null unless it did.
    #[schema(example = "the store cannot be reached")]
    pub reason: Option<String>,
    /// Images to read, counted at the start.
    #[schema(example = 2000)]
    pub total: u64,
    /// Images read, those that failed too.
    #[schema(example = 1200)]
    pub read: u64,
    /// Images whose caption changed.
    #[schema(example = 310)]
    pub captions: u64,
    /// Images whose generation prompt or its parts changed.
    #[schema(example = 120)]
    pub generation_prompts: u64,
    /// Images whose tags changed.
    #[schema(example = 540)]
    pub tags: u64,
    /// Images of which nothing changed.
    #[schema(example = 600)]
    pub unchanged: u64,
    /// Images whose file could not be read.
    #[schema(example = 1)]
    pub failed: u64,
    /// The first images that changed, 20 at most.
    #[schema(example = json!([3, 4]))]
    pub changed_images: Vec<i64>,
    /// The first images whose file could not be read, 20 at most.
    pub failures: Vec<ReindexFailureBody>,
    /// Images per second over the last half minute; null unless the reindex runs.
    #[schema(example = 250.5)]
    pub per_second: Option<f64>,
    /// The time of the start.
    #[serde(with = "rfc3339")]
    #[schema(example = "2026-01-02T03:04:05Z")]
    pub started_at: OffsetDateTime,
    /// The expected end at the present rate; null unless the reindex runs.
    #[serde(with = "rfc3339::option")]
    #[schema(example = "2026-01-02T03:05:00Z")]
    pub estimated_end: Option<OffsetDateTime>,
    /// The time of the end; null while the reindex runs.
    #[serde(with = "rfc3339::option")]
    #[schema(example = "2026-01-02T03:05:01Z")]
    pub ended_at: Option<OffsetDateTime>,
}

impl From<ReindexStatus> for ReindexRunBody {
    fn from(status: ReindexStatus) -> Self {
        let left = status.total.saturating_sub(status.counts.read);
        let end = status.per_second.and_then(|rate| {
            let left = Duration::checked_seconds_f64(left as f64 / rate)?;
            OffsetDateTime::now_utc().checked_add(left)?.replace_nanosecond(0).ok()
        });
        Self {
            state: status.state.into(),
            reason: status.reason,
            total: status.total,
            read: status.counts.read,
            captions: status.counts.captions,
            generation_prompts: status.counts.generation_prompts,
            tags: status.counts.tags,
            unchanged: status.counts.unchanged,
            failed: status.counts.failed,
            changed_images: status.changed,
            failures: status.failures.into_iter().map(Into::into).collect(),
            per_second: status.per_second.map(|rate| (rate * 10.0).round() / 10.0),
            started_at: status.started_at,
            estimated_end: end,
            ended_at: status.ended_at,
        }
    }
}

/// The state of the reindex.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Reindex)]
pub struct ReindexBody {
    /// The version of this server's reader of texts.
    #[schema(example = 1)]
    pub reader_version: u32,
    /// Images whose texts an older version has read: the work that is left.
    #[schema(example = 800)]
    pub outdated: u64,
    /// The running or last reindex of this process; null when there was none.
    pub run: Option<ReindexRunBody>,
}

impl ReindexBody {
    /// Describes the reindex of a process together with the work that is left in the store.
    #[must_use]
    pub fn new(outdated: u64, status: Option<ReindexStatus>) -> Self {
        Self { reader_version: READER_VERSION, outdated, run: status.map(Into::into) }
    }
}
