//! Shapes of models.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::models::ModelState;
use crate::store::{Coverage, Model};

/// Whether a model can encode now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelStateBody {
    /// Loaded and warm.
    Ready,
    /// Its folder is here, its encoders are not in memory.
    NotLoaded,
    /// The store knows it, but its folder is not here.
    Missing,
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
    /// Whether it can encode now.
    pub state: ModelStateBody,
    /// Images that have an embedding of it.
    #[schema(example = 48)]
    pub embedded: u64,
    /// Images there are.
    #[schema(example = 48)]
    pub total: u64,
    /// The running or last backfill; null when there was none.
    #[schema(value_type = Option<Object>)]
    pub backfill: Option<serde_json::Value>,
}

impl ModelBody {
    /// A model's row with its coverage and the state of its encoders.
    #[must_use]
    pub fn new(model: Model, coverage: Coverage, state: ModelState) -> Self {
        Self {
            model_id: model.model_id,
            model_name: model.model_name,
            model_version: model.model_version,
            vector_dimension: model.vector_dimension,
            is_current: model.is_current,
            state: match state {
                ModelState::Ready => ModelStateBody::Ready,
                ModelState::NotLoaded => ModelStateBody::NotLoaded,
                ModelState::Missing => ModelStateBody::Missing,
            },
            embedded: coverage.embedded,
            total: coverage.total,
            backfill: None,
        }
    }
}

/// All models.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ModelList {
    /// The models, in the order of their ids.
    pub models: Vec<ModelBody>,
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
