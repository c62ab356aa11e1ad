//! The JSON shapes of a comparison of two models.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ModelName;
use mitsuke_engine::compare::{CompareHit, CompareQuery, ComparedQuery, Comparison};
use mitsuke_store::{Coverage, Model};

/// The queries to ask both models.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"queries": ["夕焼けの海", "a cat on a sofa"]}))]
pub struct CompareRequest {
    /// Texts. Each one is a query.
    #[serde(default)]
    pub queries: Vec<String>,
    /// Stored images. Each one is a query; it is not among its own hits.
    #[serde(default)]
    pub image_ids: Vec<i64>,
    /// Number of hits of each model that are compared. The default is 10.
    #[schema(minimum = 1)]
    pub k: Option<u32>,
}

/// A model in a comparison.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = ComparedModel)]
pub struct ComparedModelBody {
    /// The model.
    #[serde(flatten)]
    pub name: ModelName,
    /// Images that have an embedding of the model.
    #[schema(example = 2000)]
    pub embedded: u64,
    /// Images in the store.
    #[schema(example = 2000)]
    pub total: u64,
}

/// A hit of one model.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = ComparedHit)]
pub struct ComparedHitBody {
    /// The image.
    #[schema(example = 1)]
    pub image_id: i64,
    /// The name of the image.
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

/// The answers of both models to one query.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = ComparedQuery)]
pub struct ComparedQueryBody {
    /// The text of the query; null for an image.
    #[schema(example = "夕焼けの海")]
    pub query: Option<String>,
    /// The image of the query; null for a text.
    #[schema(example = 1)]
    pub image_id: Option<i64>,
    /// Share of the hits that both models found, from 0 to 1; null when neither found any.
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
            CompareQuery::Text(text) => (Some(text), None),
            CompareQuery::Image(image_id) => (None, Some(image_id)),
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

/// A candidate compared with the current model.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CompareResponse {
    /// Greatest number of hits of each model that were compared.
    #[schema(example = 10)]
    pub k: usize,
    /// The current model.
    pub current: ComparedModelBody,
    /// The candidate.
    pub candidate: ComparedModelBody,
    /// True when one of the models has not embedded all images. Only images that both have embedded were compared then.
    #[schema(example = false)]
    pub partial: bool,
    /// Mean of the overlaps; null when no query has one.
    #[schema(example = 0.55)]
    pub mean_overlap: Option<f64>,
    /// The answers in the order of the queries, texts first.
    pub queries: Vec<ComparedQueryBody>,
}

impl CompareResponse {
    /// Describes a comparison for callers.
    #[must_use]
    pub fn new(comparison: Comparison, k: usize) -> Self {
        let named = |model: Model, coverage: Coverage| ComparedModelBody {
            name: model.into(),
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
