//! The JSON shapes of models.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::BackfillBody;
use mitsuke_clip::{Device, Precision, VariantTime};
use mitsuke_engine::backfill::BackfillStatus;
use mitsuke_engine::models::{BrokenFolder, LoadState, ModelStatus};

/// The state of a model on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ModelState)]
pub enum ModelStateBody {
    /// The model is in memory, verified and warm.
    Ready,
    /// The model is being loaded.
    Loading,
    /// The model's folder is here, but its encoders are not in memory. A request that needs them waits until they are
    /// loaded.
    NotLoaded,
    /// The store knows the model, but its folder is not on this server.
    Missing,
    /// The model's folder is here and cannot be used; `problem` says why.
    Broken,
}

/// The device that a model runs on.
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

/// The number formats in which the towers of a model compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ModelPrecision)]
pub struct PrecisionsBody {
    /// The image tower.
    pub image: PrecisionBody,
    /// The text tower.
    pub text: PrecisionBody,
}

/// The time that a variant of a tower took for a batch when the variants were compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = VariantTime)]
pub struct VariantTimeBody {
    /// The number format of the variant.
    pub precision: PrecisionBody,
    /// Milliseconds for the usual batch of pictures, or for one text.
    #[schema(example = 212.5)]
    pub milliseconds: f64,
}

impl From<&VariantTime> for VariantTimeBody {
    fn from(measured: &VariantTime) -> Self {
        let microseconds = measured.time.as_micros();
        Self { precision: PrecisionBody(measured.precision), milliseconds: microseconds as f64 / 1_000.0 }
    }
}

/// The comparison of the variants of a model's towers. A list is empty where there was no choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = VariantTimes)]
pub struct VariantTimesBody {
    /// The image tower.
    pub image: Vec<VariantTimeBody>,
    /// The text tower.
    pub text: Vec<VariantTimeBody>,
}

/// A model with its coverage.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Model)]
pub struct ModelBody {
    /// Identifies the model.
    #[schema(example = 1)]
    pub model_id: i64,
    /// The name of the model.
    #[schema(example = "mitsuke-demo")]
    pub model_name: String,
    /// The version of the model.
    #[schema(example = "1.0.0")]
    pub model_version: String,
    /// Number of components of an embedding.
    #[schema(example = 256)]
    pub vector_dimension: usize,
    /// Whether searches use the model.
    #[schema(example = true)]
    pub is_current: bool,
    /// Whether new images get an embedding of the model. This is so for the current model, and for another one as soon as
    /// its backfill has been started.
    #[schema(example = true)]
    pub maintained: bool,
    /// Whether the model can encode now.
    pub state: ModelStateBody,
    /// The reason why the model cannot be used; null when it can.
    #[schema(example = "its folder is not on this server")]
    pub reason: Option<String>,
    /// The old name of `reason`. Everywhere else, a problem is a problem document.
    #[schema(example = "its folder is not on this server", deprecated)]
    pub problem: Option<String>,
    /// Name of the model's folder on this server; null without a usable folder.
    #[schema(example = "demo")]
    pub folder: Option<String>,
    /// Images that have an embedding of the model.
    #[schema(example = 48)]
    pub embedded: u64,
    /// Images that the model could not embed; GET /models/{model_id}/failures lists them.
    #[schema(example = 0)]
    pub failed: u64,
    /// Images in the store.
    #[schema(example = 48)]
    pub total: u64,
    /// The device that the model runs on; null while the model is not in memory.
    pub device: Option<DeviceBody>,
    /// The number formats in which the model computes; null while the model is not in memory.
    pub precision: Option<PrecisionsBody>,
    /// The times by which the fastest variants were chosen when the model was loaded; null while the model is not in
    /// memory.
    pub variant_times: Option<VariantTimesBody>,
    /// Batches that each tower works on at once; null while the model is not in memory.
    #[schema(example = 8)]
    pub workers: Option<usize>,
    /// Bytes of the model's weights in memory, estimated from the sizes of its files; null while it is not in memory.
    #[schema(example = 50331648)]
    pub memory_bytes: Option<u64>,
    /// The running or last backfill of the model on this process; null without one.
    pub backfill: Option<BackfillBody>,
}

impl ModelBody {
    /// Describes a model for callers.
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
            reason: problem.clone(),
            problem,
            folder,
            embedded: coverage.embedded,
            failed: coverage.failed,
            total: coverage.total,
            device: loaded.as_ref().map(|loaded| match loaded.device {
                Device::Cpu => DeviceBody::Cpu,
                Device::Cuda => DeviceBody::Cuda,
            }),
            precision: loaded.as_ref().map(|loaded| PrecisionsBody {
                image: PrecisionBody(loaded.precision.0),
                text: PrecisionBody(loaded.precision.1),
            }),
            variant_times: loaded.as_ref().map(|loaded| VariantTimesBody {
                image: loaded.variant_times.0.iter().map(VariantTimeBody::from).collect(),
                text: loaded.variant_times.1.iter().map(VariantTimeBody::from).collect(),
            }),
            workers: loaded.as_ref().map(|loaded| loaded.workers),
            memory_bytes: loaded.map(|loaded| loaded.bytes),
            backfill: backfill.map(|status| BackfillBody::new(status, coverage)),
        }
    }
}

/// A folder of MITSUKE_MODELS_DIR that cannot be used.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = BrokenFolder)]
pub struct BrokenFolderBody {
    /// The name of the folder.
    #[schema(example = "half-copied")]
    pub folder: String,
    /// The reason why the folder cannot be used.
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

/// The model to make current.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"model_id": 1}))]
pub struct SwitchRequest {
    /// The model.
    pub model_id: i64,
    /// Whether to switch although some images lack an embedding of the model and so will not be found.
    #[serde(default)]
    pub allow_partial: bool,
}
