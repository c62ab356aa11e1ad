//! Shapes of a comparison of two models.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ModelName;
use crate::models::{CompareHit, Compared, ComparedQuery, Comparison};
use crate::store::{Coverage, Model};

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
#[schema(as = ComparedModel)]
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
#[schema(as = ComparedHit)]
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
#[schema(as = ComparedQuery)]
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
