//! The JSON shapes of backfills, failures and retiring.

use serde::{Deserialize, Serialize};
use time::serde::rfc3339;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use super::ModelBody;
use mitsuke_engine::backfill::{BackfillState, BackfillStatus};
use mitsuke_store::{Coverage, EmbeddingFailure};

/// The state of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = BackfillState)]
pub enum BackfillStateBody {
    /// The backfill embeds images.
    Running,
    /// Another process that shares the store embeds; this process takes over if that one ends.
    Waiting,
    /// No image is missing.
    Finished,
    /// The backfill was stopped; POST …/backfill continues it.
    Stopped,
    /// The backfill cannot continue; `reason` says why. It is tried again after a minute.
    Failed,
}

impl From<BackfillState> for BackfillStateBody {
    fn from(state: BackfillState) -> Self {
        match state {
            BackfillState::Running => Self::Running,
            BackfillState::Waiting => Self::Waiting,
            BackfillState::Finished => Self::Finished,
            BackfillState::Stopped => Self::Stopped,
            BackfillState::Failed => Self::Failed,
        }
    }
}

/// The running or last backfill of a model on this process.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Backfill)]
pub struct BackfillBody {
    /// The state of the backfill.
    pub state: BackfillStateBody,
    /// The reason why the backfill failed; null unless it did.
    #[schema(example = "the model wide 1.0.0 cannot be used: its folder is not on this server")]
    pub reason: Option<String>,
    /// Images embedded since the start.
    #[schema(example = 1200)]
    pub embedded: u64,
    /// Images that failed since the start.
    #[schema(example = 1)]
    pub failed: u64,
    /// Images that have neither an embedding nor a recorded failure: the work that is left.
    #[schema(example = 800)]
    pub missing: u64,
    /// Images per second over the last half minute; null unless the backfill runs on this process.
    #[schema(example = 41.5)]
    pub per_second: Option<f64>,
    /// The time of the start.
    #[serde(with = "rfc3339")]
    #[schema(example = "2026-01-02T03:04:05Z")]
    pub started_at: OffsetDateTime,
    /// The expected end at the present rate; null unless the backfill runs on this process.
    #[serde(with = "rfc3339::option")]
    #[schema(example = "2026-01-02T03:05:00Z")]
    pub estimated_end: Option<OffsetDateTime>,
    /// The time of the end; null while the backfill runs.
    #[serde(with = "rfc3339::option")]
    #[schema(example = "2026-01-02T03:05:01Z")]
    pub ended_at: Option<OffsetDateTime>,
}

impl BackfillBody {
    /// Describes a backfill together with the coverage of its model.
    #[must_use]
    pub fn new(status: BackfillStatus, coverage: Coverage) -> Self {
        let left = status.seconds_left(coverage.missing());
        let end = left.and_then(|seconds| {
            OffsetDateTime::now_utc().checked_add(Duration::checked_seconds_f64(seconds)?)?.replace_nanosecond(0).ok()
        });
        Self {
            state: status.state.into(),
            reason: status.reason,
            embedded: status.embedded,
            failed: status.failed,
            missing: coverage.missing(),
            per_second: status.per_second.map(|rate| (rate * 10.0).round() / 10.0),
            started_at: status.started_at,
            estimated_end: end,
            ended_at: status.ended_at,
        }
    }
}

/// The options of a backfill. An empty body means the defaults.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"retry_failed": true}))]
pub struct BackfillRequest {
    /// Whether to try the images again whose embedding failed.
    pub retry_failed: bool,
}

/// An image that a model could not embed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Failure)]
pub struct FailureBody {
    /// The image.
    #[schema(example = 7)]
    pub image_id: i64,
    /// The name of the image; null when the image has just been deleted.
    #[schema(example = "panorama.png")]
    pub file_name: Option<String>,
    /// The reason.
    #[schema(
        example = "the picture has 12000 × 10000 pixels and at most 50000000 are accepted; send a smaller version"
    )]
    pub reason: String,
    /// The time of the failure.
    #[serde(with = "rfc3339")]
    #[schema(example = "2026-01-02T03:04:05Z")]
    pub failed_at: OffsetDateTime,
}

impl FailureBody {
    /// Describes a failure with the name of its image.
    #[must_use]
    pub fn new(failure: EmbeddingFailure, file_name: Option<String>) -> Self {
        let EmbeddingFailure { image_id, reason, failed_at } = failure;
        Self { image_id, file_name, reason, failed_at }
    }
}

/// A page of failures, by ascending image id.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FailurePage {
    /// The failures.
    pub failures: Vec<FailureBody>,
    /// The `cursor` of the next page; null on the last page.
    #[schema(example = "7")]
    pub next_cursor: Option<String>,
}

/// The result of retiring a model.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RetireResponse {
    /// Embeddings that were removed.
    #[schema(example = 2000)]
    pub removed: u64,
    /// The model as it is now.
    pub model: ModelBody,
}
