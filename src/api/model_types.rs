//! The JSON shapes of models, backfills and comparisons.

use serde::{Deserialize, Serialize};
use time::serde::rfc3339;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use crate::api::types::ModelName;
use crate::clip::{Device, Precision};
use crate::models::{
    BackfillState, BackfillStatus, BrokenFolder, CompareHit, Compared, ComparedQuery, Comparison, LoadState,
    ModelStatus,
};
use crate::store::{Coverage, EmbeddingFailure, Model};

/// Whether a model can encode now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ModelState)]
pub enum ModelStateBody {
    /// In memory, proven and warm.
    Ready,
    /// On its way into memory.
    Loading,
    /// Its folder is here, its encoders are not in memory; whoever needs it waits for the load.
    NotLoaded,
    /// The store knows it, but its folder is not on this server.
    Missing,
    /// Its folder is here and cannot be used; `problem` says why.
    Broken,
}

/// Where a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeviceBody {
    /// The CPU.
    Cpu,
    /// The first CUDA device.
    Cuda,
}

/// A number format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionBody {
    /// IEEE 754 single.
    Float32,
    /// IEEE 754 half.
    Float16,
    /// The upper half of a single.
    Bfloat16,
}

impl From<Precision> for PrecisionBody {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::Float32 => Self::Float32,
            Precision::Float16 => Self::Float16,
            Precision::Bfloat16 => Self::Bfloat16,
        }
    }
}

/// What the towers of a model compute in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ModelPrecision)]
pub struct PrecisionsBody {
    /// The image tower.
    pub image: PrecisionBody,
    /// The text tower.
    pub text: PrecisionBody,
}

/// How a backfill stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = BackfillState)]
pub enum BackfillStateBody {
    /// It embeds.
    Running,
    /// Another process that shares the store does it; this one takes over should that one end.
    Waiting,
    /// No image is missing.
    Finished,
    /// It was told to stop; POST …/backfill goes on.
    Stopped,
    /// It cannot go on; `reason` says why. It is tried again after a minute.
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
    /// How it stands.
    pub state: BackfillStateBody,
    /// Why it failed; null otherwise.
    #[schema(example = "the model wide 1.0.0 cannot be used: its folder is not on this server")]
    pub reason: Option<String>,
    /// Images embedded since it started.
    #[schema(example = 1200)]
    pub embedded: u64,
    /// Images that failed since it started.
    #[schema(example = 1)]
    pub failed: u64,
    /// Images that have neither an embedding nor a recorded failure: what is left to do.
    #[schema(example = 800)]
    pub missing: u64,
    /// Images per second over the last half minute; null unless it runs on this process.
    #[schema(example = 41.5)]
    pub per_second: Option<f64>,
    /// When it started.
    #[serde(with = "rfc3339")]
    #[schema(example = "2026-01-02T03:04:05Z")]
    pub started_at: OffsetDateTime,
    /// When it will be done at the present rate; null unless it runs on this process.
    #[serde(with = "rfc3339::option")]
    #[schema(example = "2026-01-02T03:05:00Z")]
    pub estimated_end: Option<OffsetDateTime>,
    /// When it ended; null while it runs.
    #[serde(with = "rfc3339::option")]
    #[schema(example = "2026-01-02T03:05:01Z")]
    pub ended_at: Option<OffsetDateTime>,
}

impl BackfillBody {
    fn new(status: BackfillStatus, coverage: Coverage) -> Self {
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

/// A model with its coverage.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Model)]
pub struct ModelBody {
    /// Identifies the model.
    #[schema(example = 1)]
    pub model_id: i64,
    /// Its name.
    #[schema(example = "mitsuke-demo")]
    pub model_name: String,
    /// Its version.
    #[schema(example = "1.0.0")]
    pub model_version: String,
    /// Components of its embeddings.
    #[schema(example = 256)]
    pub vector_dimension: usize,
    /// Whether searches use it.
    #[schema(example = true)]
    pub is_current: bool,
    /// Whether new images get an embedding of it too. The current model always is; others are from their backfill on.
    #[schema(example = true)]
    pub maintained: bool,
    /// Whether it can encode now.
    pub state: ModelStateBody,
    /// What is wrong with it; null when nothing is.
    #[schema(example = "its folder is not on this server")]
    pub problem: Option<String>,
    /// Name of its folder on this server; null without a usable one.
    #[schema(example = "demo")]
    pub folder: Option<String>,
    /// Images that have an embedding of it.
    #[schema(example = 48)]
    pub embedded: u64,
    /// Images that it could not embed; GET /models/{model_id}/failures lists them.
    #[schema(example = 0)]
    pub failed: u64,
    /// Images there are.
    #[schema(example = 48)]
    pub total: u64,
    /// Where it runs; null while it is not in memory.
    pub device: Option<DeviceBody>,
    /// What it computes in; null while it is not in memory.
    pub precision: Option<PrecisionsBody>,
    /// Bytes of its weights in memory, estimated from the sizes of its files; null while it is not in memory.
    #[schema(example = 50331648)]
    pub memory_bytes: Option<u64>,
    /// The running or last backfill on this process; null when there was none.
    pub backfill: Option<BackfillBody>,
}

impl ModelBody {
    /// A model as callers see it.
    #[must_use]
    pub fn new(status: ModelStatus, backfill: Option<BackfillStatus>) -> Self {
        let ModelStatus { model, coverage, state, folder, problem, loaded } = status;
        Self {
            model_id: model.model_id,
            model_name: model.model_name,
            model_version: model.model_version,
            vector_dimension: model.vector_dimension,
            is_current: model.is_current,
            maintained: model.maintained,
            state: match state {
                LoadState::Ready => ModelStateBody::Ready,
                LoadState::Loading => ModelStateBody::Loading,
                LoadState::NotLoaded => ModelStateBody::NotLoaded,
                LoadState::Missing => ModelStateBody::Missing,
                LoadState::Broken => ModelStateBody::Broken,
            },
            problem,
            folder,
            embedded: coverage.embedded,
            failed: coverage.failed,
            total: coverage.total,
            device: loaded.map(|loaded| match loaded.device {
                Device::Cpu => DeviceBody::Cpu,
                Device::Cuda => DeviceBody::Cuda,
            }),
            precision: loaded.map(|loaded| PrecisionsBody {
                image: loaded.precision.0.into(),
                text: loaded.precision.1.into(),
            }),
            memory_bytes: loaded.and_then(|loaded| loaded.bytes),
            backfill: backfill.map(|status| BackfillBody::new(status, coverage)),
        }
    }
}

/// A folder of MITSUKE_MODELS_DIR that cannot be used.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = BrokenFolder)]
pub struct BrokenFolderBody {
    /// Its name.
    #[schema(example = "half-copied")]
    pub folder: String,
    /// What is wrong with it.
    #[schema(example = "there is no model.json in it")]
    pub reason: String,
}

impl From<BrokenFolder> for BrokenFolderBody {
    fn from(broken: BrokenFolder) -> Self {
        Self { folder: broken.folder, reason: broken.reason }
    }
}

/// All models.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ModelList {
    /// The models, in the order of their ids.
    pub models: Vec<ModelBody>,
    /// The folders that cannot be used, in the order of their names.
    pub broken: Vec<BrokenFolderBody>,
}

/// Makes a model current.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchRequest {
    /// The model.
    #[schema(example = 1)]
    pub model_id: i64,
    /// Switches although some images lack an embedding of the model and so will not be found.
    #[serde(default)]
    #[schema(example = false)]
    pub allow_partial: bool,
}

/// How to backfill. No body means the defaults.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BackfillRequest {
    /// Tries the images again whose embedding failed.
    #[schema(example = false)]
    pub retry_failed: bool,
}

/// An image that a model could not embed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FailureBody {
    /// The image.
    #[schema(example = 7)]
    pub image_id: i64,
    /// Its name; null when it was deleted at this moment.
    #[schema(example = "panorama.png")]
    pub file_name: Option<String>,
    /// Why.
    #[schema(example = "the picture has 12000 × 10000 pixels and at most 50000000 are accepted; send a smaller version")]
    pub reason: String,
    /// When.
    #[serde(with = "rfc3339")]
    #[schema(example = "2026-01-02T03:04:05Z")]
    pub failed_at: OffsetDateTime,
}

impl FailureBody {
    /// A failure with the name of its image.
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
    /// Send it as `cursor` to get the next page; null on the last.
    #[schema(example = "7")]
    pub next_cursor: Option<String>,
}

/// What retiring a model removed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RetireResponse {
    /// Embeddings that were removed.
    #[schema(example = 2000)]
    pub removed: u64,
    /// The model as it is now.
    pub model: ModelBody,
}

/// Queries to ask both models.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareRequest {
    /// Texts, each a query.
    #[serde(default)]
    #[schema(example = json!(["夕焼けの海", "a cat on a sofa"]))]
    pub queries: Vec<String>,
    /// Stored images, each a query; an image is not among its own hits.
    #[serde(default)]
    #[schema(example = json!([1]))]
    pub image_ids: Vec<i64>,
    /// How many hits of each model are compared, 10 unless told.
    #[schema(example = 10, minimum = 1)]
    pub k: Option<u32>,
}

/// A model in a comparison.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ComparedModelBody {
    /// Which one.
    #[serde(flatten)]
    pub name: ModelName,
    /// Images that have an embedding of it.
    #[schema(example = 2000)]
    pub embedded: u64,
    /// Images there are.
    #[schema(example = 2000)]
    pub total: u64,
}

/// A hit of one model.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ComparedHitBody {
    /// The image.
    #[schema(example = 1)]
    pub image_id: i64,
    /// Its name.
    #[schema(example = "sunset-sea.jpg")]
    pub file_name: String,
    /// −1 × inner product of unit vectors; comparable within one model only.
    #[schema(example = -0.41)]
    pub distance: f32,
}

impl From<CompareHit> for ComparedHitBody {
    fn from(hit: CompareHit) -> Self {
        Self { image_id: hit.image.image_id, file_name: hit.image.file_name, distance: hit.distance }
    }
}

/// Both models' answers to one query.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ComparedQueryBody {
    /// The text of the query; null for an image.
    #[schema(example = "夕焼けの海")]
    pub query: Option<String>,
    /// The image of the query; null for a text.
    #[schema(example = 1)]
    pub image_id: Option<i64>,
    /// Share of the hits that both have, from 0 to 1; null when neither found any.
    #[schema(example = 0.6)]
    pub overlap: Option<f64>,
    /// The current model's hits, nearest first.
    pub current: Vec<ComparedHitBody>,
    /// The candidate's hits, nearest first.
    pub candidate: Vec<ComparedHitBody>,
}

impl From<ComparedQuery> for ComparedQueryBody {
    fn from(compared: ComparedQuery) -> Self {
        let (query, image_id) = match compared.query {
            Compared::Text(text) => (Some(text), None),
            Compared::Image(image_id) => (None, Some(image_id)),
        };
        Self {
            query,
            image_id,
            overlap: compared.overlap,
            current: compared.current.into_iter().map(Into::into).collect(),
            candidate: compared.candidate.into_iter().map(Into::into).collect(),
        }
    }
}

/// A candidate beside the current model.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CompareResponse {
    /// Hits of each model that were compared, at most.
    #[schema(example = 10)]
    pub k: usize,
    /// The current model.
    pub current: ComparedModelBody,
    /// The candidate.
    pub candidate: ComparedModelBody,
    /// True when one of both has not embedded all images: only images that both have embedded were compared.
    #[schema(example = false)]
    pub partial: bool,
    /// Mean of the overlaps; null when there is none.
    #[schema(example = 0.55)]
    pub mean_overlap: Option<f64>,
    /// The answers, texts first, in the order of the queries.
    pub queries: Vec<ComparedQueryBody>,
}

impl CompareResponse {
    /// A comparison as callers see it.
    #[must_use]
    pub fn new(comparison: Comparison, k: usize) -> Self {
        let named = |model: Model, coverage: Coverage| ComparedModelBody {
            name: ModelName {
                model_id: model.model_id,
                model_name: model.model_name,
                model_version: model.model_version,
            },
            embedded: coverage.embedded,
            total: coverage.total,
        };
        Self {
            k,
            current: named(comparison.current.0.model, comparison.current.1),
            candidate: named(comparison.candidate.0.model, comparison.candidate.1),
            partial: comparison.partial,
            mean_overlap: comparison.mean_overlap,
            queries: comparison.queries.into_iter().map(Into::into).collect(),
        }
    }
}
