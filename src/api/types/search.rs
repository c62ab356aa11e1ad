//! Shapes of searches and their answers.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::filter::FilterRequest;
use super::image::ImageBody;
use crate::api::json::object;
use crate::search::{Answer, DuplicateGroup, DuplicateReport, Hit, Mode};
use crate::store::Model;

/// How much each part of a text search counts, from 0 to 100. A weight of a part that the query does not have changes
/// nothing.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextWeights {
    /// Mode hybrid: of the vector leg, 1 unless told. A leg of weight 0 takes no part.
    #[schema(example = 1.0, minimum = 0, maximum = 100)]
    pub vector: Option<f64>,
    /// Mode hybrid: of the keyword leg, 1 unless told. A leg of weight 0 takes no part.
    #[schema(example = 0.5, minimum = 0, maximum = 100)]
    pub keyword: Option<f64>,
    /// Of `query` in the query vector, 1 unless told.
    #[schema(example = 1.0, minimum = 0, maximum = 100)]
    pub text: Option<f64>,
    /// Of `negative_query` in the query vector, 0.5 unless told.
    #[schema(example = 0.5, minimum = 0, maximum = 100)]
    pub negative: Option<f64>,
}

/// How much each part of a search by image counts, from 0 to 100. A weight of a part that the query does not have
/// changes nothing.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageWeights {
    /// Of all pictures together, 1 unless told.
    #[schema(example = 1.0, minimum = 0, maximum = 100)]
    pub image: Option<f64>,
    /// Of `text`, 1 unless told.
    #[schema(example = 0.5, minimum = 0, maximum = 100)]
    pub text: Option<f64>,
    /// Of `negative_query`, 0.5 unless told.
    #[schema(example = 0.5, minimum = 0, maximum = 100)]
    pub negative: Option<f64>,
}

/// A search by text.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextSearchRequest {
    /// What to find, in Japanese or English. Blank gives the newest images. The keyword leg asks for every word;
    /// double quotes keep a phrase together.
    #[schema(example = "夕焼けの海")]
    pub query: String,
    /// How to compare.
    #[serde(default)]
    pub mode: Mode,
    /// What to stay away from (modes vector and hybrid): the query vector becomes text × text vector − negative ×
    /// negative vector, scaled to length 1, with the weights 1 and 0.5 unless told.
    #[schema(example = "人")]
    pub negative_query: Option<String>,
    /// How much each part counts.
    #[serde(default, deserialize_with = "object")]
    pub weights: Option<TextWeights>,
    /// Hits on a page, 16 unless told.
    #[schema(example = 16, minimum = 1)]
    pub limit: Option<u32>,
    /// Hits to skip.
    #[serde(default)]
    #[schema(example = 0)]
    pub offset: u32,
    /// Which images may be found.
    #[serde(default, deserialize_with = "object")]
    pub filter: Option<FilterRequest>,
    /// Leaves out hits less similar to the query vector than this (modes vector and hybrid; in hybrid also hits of the
    /// keyword leg).
    #[schema(example = 0.1, minimum = -1, maximum = 1)]
    pub min_similarity: Option<f32>,
    /// Leaves out hits whose similarity is more than this below that of the most similar image (modes vector and
    /// hybrid). It is measured from the best hit of the whole ranking, on every page.
    #[schema(example = 0.1, minimum = 0, maximum = 2)]
    pub max_gap: Option<f32>,
    /// Compares the query with every embedding, where the vector index may otherwise miss a few of the nearest
    /// images of a large collection. Slower.
    #[serde(default)]
    #[schema(example = false)]
    pub exact: bool,
}

/// A search by stored images.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageSearchRequest {
    /// The image to search by. Its embedding is used as it is stored. It is not among its own hits.
    #[schema(example = 1)]
    pub image_id: Option<i64>,
    /// More images to search by, 16 at most in all. They and `image_id` count alike.
    #[serde(default)]
    #[schema(example = json!([2, 3]), max_items = 16)]
    pub image_ids: Vec<i64>,
    /// A text to search by as well: the query vector becomes image × mean of the image vectors + text × text vector −
    /// negative × negative vector, scaled to length 1, with the weights 1, 1 and 0.5 unless told.
    #[schema(example = "夜")]
    pub text: Option<String>,
    /// What to stay away from.
    #[schema(example = "人")]
    pub negative_query: Option<String>,
    /// How much each part counts.
    #[serde(default, deserialize_with = "object")]
    pub weights: Option<ImageWeights>,
    /// Hits on a page, 16 unless told.
    #[schema(example = 16, minimum = 1)]
    pub limit: Option<u32>,
    /// Hits to skip.
    #[serde(default)]
    #[schema(example = 0)]
    pub offset: u32,
    /// Which images may be found.
    #[serde(default, deserialize_with = "object")]
    pub filter: Option<FilterRequest>,
    /// Leaves out hits less similar than this.
    #[schema(example = 0.1, minimum = -1, maximum = 1)]
    pub min_similarity: Option<f32>,
    /// Leaves out hits whose similarity is more than this below the best hit's.
    #[schema(example = 0.1, minimum = 0, maximum = 2)]
    pub max_gap: Option<f32>,
    /// Compares the query with every embedding, where the vector index may otherwise miss a few of the nearest
    /// images of a large collection. Slower.
    #[serde(default)]
    #[schema(example = false)]
    pub exact: bool,
}

/// A model, as an answer names the one that it is about.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ModelName {
    /// Identifies the model.
    #[schema(example = 1)]
    pub model_id: i64,
    /// Its name.
    #[schema(example = "mitsuke-demo")]
    pub model_name: String,
    /// Its version.
    #[schema(example = "1.0.0")]
    pub model_version: String,
}

impl From<Model> for ModelName {
    fn from(model: Model) -> Self {
        Self { model_id: model.model_id, model_name: model.model_name, model_version: model.model_version }
    }
}

/// A found image.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Hit)]
pub struct HitBody {
    /// The image.
    #[serde(flatten)]
    pub image: ImageBody,
    /// Place in the whole ranking, from 1.
    #[schema(example = 1)]
    pub rank: usize,
    /// −1 × inner product of unit vectors: smaller is nearer. Null without a vector leg, and for an image that has
    /// no embedding of the model.
    #[schema(example = -0.41)]
    pub distance: Option<f32>,
    /// Inner product of unit vectors, the negative of `distance`: larger is nearer. Null where `distance` is.
    #[schema(example = 0.41)]
    pub similarity: Option<f32>,
    /// Place among the vector hits, from 1. Null when the vector leg did not find it, or there is none.
    #[schema(example = 1)]
    pub vector_rank: Option<u32>,
    /// Place among the keyword hits, from 1. Null when the keyword leg did not find it, or there is none.
    #[schema(example = 3)]
    pub keyword_rank: Option<u32>,
    /// What the ranking is ordered by, larger first: similarity (mode vector), full-text score (keyword), or the sum
    /// of weight / (60 + rank) over both legs (hybrid). Comparable within one answer only; null for the newest images.
    #[schema(example = 0.41)]
    pub score: Option<f64>,
}

impl From<Hit> for HitBody {
    fn from(hit: Hit) -> Self {
        Self {
            image: hit.image.into(),
            rank: hit.rank,
            distance: hit.distance,
            similarity: hit.distance.map(|distance| 0.0 - distance),
            vector_rank: hit.vector_rank,
            keyword_rank: hit.keyword_rank,
            score: hit.score,
        }
    }
}

/// Milliseconds spent.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct TookMs {
    /// Waiting for and running the encoders.
    #[schema(example = 3.2)]
    pub encode: f64,
    /// Asking the store.
    #[schema(example = 0.8)]
    pub search: f64,
    /// All of it.
    #[schema(example = 4.1)]
    pub total: f64,
}

/// A page of hits.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SearchResponse {
    /// The model that encoded the query and whose embeddings were searched.
    pub model: ModelName,
    /// How the query was compared.
    pub mode: Mode,
    /// What the keyword leg asked for, each of it required: words, and phrases that stood in double quotes. Null
    /// without a keyword leg.
    #[schema(example = json!(["夕焼け", "cinematic lighting"]))]
    pub terms: Option<Vec<String>>,
    /// Hits less similar than this were left out: `min_similarity`, or the best hit's similarity less `max_gap`,
    /// whichever is larger. Null without a cutoff.
    #[schema(example = 0.21)]
    pub least_similarity: Option<f32>,
    /// The hits, best first.
    pub hits: Vec<HitBody>,
    /// Send it as `offset` to get the next page; null on the last.
    #[schema(example = 16)]
    pub next_offset: Option<usize>,
    /// Where the time went.
    pub took_ms: TookMs,
}

impl From<Answer> for SearchResponse {
    fn from(answer: Answer) -> Self {
        let ms = |duration: std::time::Duration| (duration.as_secs_f64() * 1e5).round() / 1e2;
        Self {
            model: answer.model.into(),
            mode: answer.mode,
            terms: answer.terms,
            least_similarity: answer.least_similarity,
            hits: answer.hits.into_iter().map(Into::into).collect(),
            next_offset: answer.next_offset,
            took_ms: TookMs {
                encode: ms(answer.took.encode),
                search: ms(answer.took.search),
                total: ms(answer.took.total),
            },
        }
    }
}

/// Which relatives of an image.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SimilarParams {
    /// Leaves out hits less similar than this; near-duplicates begin at about 0.95.
    #[param(example = 0.95, minimum = -1, maximum = 1)]
    pub min_similarity: Option<f32>,
    /// Leaves out hits whose similarity is more than this below the best hit's.
    #[param(example = 0.1, minimum = 0, maximum = 2)]
    pub max_gap: Option<f32>,
    /// Compares the image with every embedding, where the vector index may otherwise miss a few of the nearest
    /// images of a large collection. Slower.
    #[serde(default)]
    #[param(example = false)]
    pub exact: bool,
    /// Hits on a page, 16 unless told.
    #[param(example = 16, minimum = 1)]
    pub limit: Option<u32>,
    /// Hits to skip.
    #[serde(default)]
    #[param(example = 0)]
    pub offset: u32,
}

/// Which part of the report of near-duplicates.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DuplicateParams {
    /// Similarity from which two images are near-duplicates, 0.98 unless told.
    #[param(example = 0.98, minimum = 0.5, maximum = 1)]
    pub min_similarity: Option<f32>,
    /// Groups in the answer, 16 unless told.
    #[param(example = 16, minimum = 1)]
    pub limit: Option<u32>,
    /// `next_cursor` of the part before.
    #[param(example = "1")]
    pub cursor: Option<String>,
}

/// An image of a group of near-duplicates.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Duplicate)]
pub struct DuplicateBody {
    /// The image.
    #[serde(flatten)]
    pub image: ImageBody,
    /// Its similarity to the first of the group; 1 for that itself.
    #[schema(example = 0.991)]
    pub similarity: f32,
}

/// Images that show almost the same.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = DuplicateGroup)]
pub struct DuplicateGroupBody {
    /// The oldest first, then the others, nearest to it first. No two have the same bytes: those are stored once.
    pub images: Vec<DuplicateBody>,
    /// Whether the group is larger than what is shown of it.
    #[schema(example = false)]
    pub truncated: bool,
}

/// A part of the report of near-duplicates.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DuplicateResponse {
    /// The model whose embeddings were compared.
    pub model: ModelName,
    /// Similarity from which two images are near-duplicates here.
    #[schema(example = 0.98)]
    pub min_similarity: f32,
    /// The groups, in the order of their first images' ids.
    pub groups: Vec<DuplicateGroupBody>,
    /// Images examined for this part.
    #[schema(example = 48)]
    pub examined: usize,
    /// Send it as `cursor` to go on; null when the whole store has been examined.
    #[schema(example = "48")]
    pub next_cursor: Option<String>,
}

impl DuplicateResponse {
    /// A part of a report under a model.
    #[must_use]
    pub fn new(model: Model, min_similarity: f32, report: DuplicateReport) -> Self {
        let group = |group: DuplicateGroup| DuplicateGroupBody {
            images: group
                .images
                .into_iter()
                .map(|(image, similarity)| DuplicateBody { image: image.into(), similarity })
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
