//! Shapes of models.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::BackfillBody;
use crate::clip::{Device, Precision};
use crate::models::{BackfillStatus, BrokenFolder, LoadState, ModelStatus};

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
#[schema(as = Device)]
pub enum DeviceBody {
    /// The CPU.
    Cpu,
    /// The first CUDA device.
    Cuda,
}

/// A number format, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PrecisionBody(pub Precision);

impl PartialSchema for PrecisionBody {
    fn schema() -> RefOr<Schema> {
        let names = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Precision::NAMES));
        names.description(Some("A number format.")).into()
    }
}

impl ToSchema for PrecisionBody {
    fn name() -> Cow<'static, str> {
        "Precision".into()
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
                image: PrecisionBody(loaded.precision.0),
                text: PrecisionBody(loaded.precision.1),
            }),
            memory_bytes: loaded.map(|loaded| loaded.bytes),
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
