//! The JSON shapes of the report of near-duplicates.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::image::ImageBody;
use super::search::ModelName;
use crate::config::Limits;
use mitsuke_engine::duplicates::{DuplicateGroup, DuplicateReport};
use mitsuke_store::Model;

/// The part of the report of near-duplicates that is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DuplicateParams {
    /// The similarity from which two images are near-duplicates. The default is 0.98.
    #[param(minimum = 0.5, maximum = 1)]
    pub min_similarity: Option<f32>,
    /// Number of groups in the answer. The default is 16.
    #[param(minimum = 1)]
    pub limit: Option<u32>,
    /// `next_cursor` of the part before.
    pub cursor: Option<String>,
}

/// An image of a group of near-duplicates.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Duplicate)]
pub struct DuplicateBody {
    /// The image.
    #[serde(flatten)]
    pub image: ImageBody,
    /// Similarity to the first image of the group; 1 for that image itself.
    #[schema(example = 0.991)]
    pub similarity: f32,
}

/// A group of images that show almost the same.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = DuplicateGroup)]
pub struct DuplicateGroupBody {
    /// The oldest image, then the others, nearest to it first. No two have the same bytes, which are stored once.
    pub images: Vec<DuplicateBody>,
    /// Whether the group has more images than are shown.
    #[schema(example = false)]
    pub truncated: bool,
}

/// A part of the report of near-duplicates.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DuplicateResponse {
    /// The model whose embeddings were compared.
    pub model: ModelName,
    /// The similarity from which two images are near-duplicates in this report.
    #[schema(example = 0.98)]
    pub min_similarity: f32,
    /// The groups, in the order of their first images' ids.
    pub groups: Vec<DuplicateGroupBody>,
    /// Images examined for this part.
    #[schema(example = 48)]
    pub examined: usize,
    /// The `cursor` of the next part; null when the whole store has been examined.
    #[schema(example = "48")]
    pub next_cursor: Option<String>,
}

impl DuplicateResponse {
    /// Describes a part of a report made with a model, with short texts of its images.
    #[must_use]
    pub fn new(model: Model, min_similarity: f32, report: DuplicateReport, limits: &Limits) -> Self {
        let chars = limits.listed_chars(report.groups.iter().map(|group| group.images.len()).sum());
        let group = |group: DuplicateGroup| DuplicateGroupBody {
            images: group
                .images
                .into_iter()
                .map(|(image, similarity)| DuplicateBody { image: ImageBody::from(image).shortened(chars), similarity })
                .collect(),
            truncated: group.truncated,
        };
        Self {
            model: model.into(),
            min_similarity,
            groups: report.groups.into_iter().map(group).collect(),
            examined: report.examined,
            next_cursor: report.next_after.map(|image_id| image_id.to_string()),
        }
    }
}
