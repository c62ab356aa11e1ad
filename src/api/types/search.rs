//! The JSON shapes of searches and their answers.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::filter::FilterRequest;
use super::image::ImageBody;
use crate::api::json::object;
use mitsuke_engine::duplicates::{DuplicateGroup, DuplicateReport};
use mitsuke_engine::search::{Answer, Hit, LeftOut, Mode};
use mitsuke_store::Model;

/// How a text query is compared with images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Mode)]
pub enum ModeBody {
    /// By the content of the pictures.
    #[default]
    Vector,
    /// By generation prompt, caption and file name.
    Keyword,
    /// By both, fused by rank.
    Hybrid,
}

impl From<Mode> for ModeBody {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Vector => Self::Vector,
            Mode::Keyword => Self::Keyword,
            Mode::Hybrid => Self::Hybrid,
        }
    }
}

impl From<ModeBody> for Mode {
    fn from(mode: ModeBody) -> Self {
        match mode {
            ModeBody::Vector => Self::Vector,
            ModeBody::Keyword => Self::Keyword,
            ModeBody::Hybrid => Self::Hybrid,
        }
    }
}

/// The weights of the parts of a text search, from 0 to 100. The weight of a part that the query does not have changes
/// nothing.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextWeights {
    /// The weight of the vector leg in mode hybrid. The default is 1. A leg of weight 0 takes no part.
    #[schema(example = 1.0, minimum = 0, maximum = 100)]
    pub vector: Option<f64>,
    /// The weight of the keyword leg in mode hybrid. The default is 1. A leg of weight 0 takes no part.
    #[schema(example = 0.5, minimum = 0, maximum = 100)]
    pub keyword: Option<f64>,
    /// The weight of `query` in the query vector. The default is 1.
    #[schema(example = 1.0, minimum = 0, maximum = 100)]
    pub text: Option<f64>,
    /// The weight of `negative_query` in the query vector. The default is 0.5.
    #[schema(example = 0.5, minimum = 0, maximum = 100)]
    pub negative: Option<f64>,
}

/// The weights of the parts of a search by image, from 0 to 100. The weight of a part that the query does not have
/// changes nothing.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageWeights {
    /// The weight of all pictures together. The default is 1.
    #[schema(example = 1.0, minimum = 0, maximum = 100)]
    pub image: Option<f64>,
    /// The weight of `text`. The default is 1.
    #[schema(example = 0.5, minimum = 0, maximum = 100)]
    pub text: Option<f64>,
    /// The weight of `negative_query`. The default is 0.5.
    #[schema(example = 0.5, minimum = 0, maximum = 100)]
    pub negative: Option<f64>,
}

/// A search by text.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextSearchRequest {
    /// The text to find, in Japanese or English. A blank text gives the newest images. The keyword leg requires every
    /// word; double quotes keep a phrase together.
    #[schema(example = "夕焼けの海")]
    pub query: String,
    /// The way to compare.
    #[serde(default)]
    pub mode: ModeBody,
    /// A text to stay away from (modes vector and hybrid). The query vector becomes text × text vector − negative ×
    /// negative vector, scaled to length 1. The default weights are 1 and 0.5.
    #[schema(example = "人")]
    pub negative_query: Option<String>,
    /// The weights of the parts.
    #[serde(default, deserialize_with = "object")]
    pub weights: Option<TextWeights>,
    /// Number of hits on the page. The default is 16.
    #[schema(example = 16, minimum = 1)]
    pub limit: Option<u32>,
    /// Number of hits to skip. The pages of a search end with hit 10,000.
    #[serde(default)]
    #[schema(example = 0, maximum = 9999)]
    pub offset: u32,
    /// The images that may be found.
    #[serde(default, deserialize_with = "object")]
    pub filter: Option<FilterRequest>,
    /// The least similarity of a hit to the query vector (modes vector and hybrid; in hybrid it applies to hits of the
    /// keyword leg too).
    #[schema(example = 0.1, minimum = -1, maximum = 1)]
    pub min_similarity: Option<f32>,
    /// The greatest gap between the similarity of a hit and that of the most similar image (modes vector and hybrid).
    /// It is measured from the best hit of the whole ranking, on every page.
    #[schema(example = 0.1, minimum = 0, maximum = 2)]
    pub max_gap: Option<f32>,
    /// Whether to compare the query with every embedding. This is slower; the vector index may miss a few of the nearest
    /// images of a large collection.
    #[serde(default)]
    #[schema(example = false)]
    pub exact: bool,
}

/// A search by stored images.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageSearchRequest {
    /// The image to search by. Its stored embedding is used. The image is not among its own hits.
    #[schema(example = 1)]
    pub image_id: Option<i64>,
    /// More images to search by, 16 at most in all. They have the same weight as `image_id`.
    #[serde(default)]
    #[schema(example = json!([2, 3]), max_items = 16)]
    pub image_ids: Vec<i64>,
    /// A text to search by as well. The query vector becomes image × mean of the image vectors + text × text vector −
    /// negative × negative vector, scaled to length 1. The default weights are 1, 1 and 0.5.
    #[schema(example = "夜")]
    pub text: Option<String>,
    /// A text to stay away from.
    #[schema(example = "人")]
    pub negative_query: Option<String>,
    /// The weights of the parts.
    #[serde(default, deserialize_with = "object")]
    pub weights: Option<ImageWeights>,
    /// Number of hits on the page. The default is 16.
    #[schema(example = 16, minimum = 1)]
    pub limit: Option<u32>,
    /// Number of hits to skip. The pages of a search end with hit 10,000.
    #[serde(default)]
    #[schema(example = 0, maximum = 9999)]
    pub offset: u32,
    /// The images that may be found.
    #[serde(default, deserialize_with = "object")]
    pub filter: Option<FilterRequest>,
    /// The least similarity of a hit.
    #[schema(example = 0.1, minimum = -1, maximum = 1)]
    pub min_similarity: Option<f32>,
    /// The greatest gap between the similarity of a hit and that of the best hit.
    #[schema(example = 0.1, minimum = 0, maximum = 2)]
    pub max_gap: Option<f32>,
    /// Whether to compare the query with every embedding. This is slower; the vector index may miss a few of the nearest
    /// images of a large collection.
    #[serde(default)]
    #[schema(example = false)]
    pub exact: bool,
}

/// The name of the model that an answer is about.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ModelName {
    /// Identifies the model.
    #[schema(example = 1)]
    pub model_id: i64,
    /// The name of the model.
    #[schema(example = "mitsuke-demo")]
    pub model_name: String,
    /// The version of the model.
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
    /// Rank in the whole ranking, from 1.
    #[schema(example = 1)]
    pub rank: usize,
    /// −1 × inner product of unit vectors: smaller is nearer. Null without a vector leg, and for an image that has
    /// no embedding of the model.
    #[schema(example = -0.41)]
    pub distance: Option<f32>,
    /// Inner product of unit vectors, the negative of `distance`: larger is nearer. Null when `distance` is null.
    #[schema(example = 0.41)]
    pub similarity: Option<f32>,
    /// Rank among the hits of the vector leg, from 1. Null without a vector leg, or when that leg did not find the image.
    #[schema(example = 1)]
    pub vector_rank: Option<u32>,
    /// Rank among the hits of the keyword leg, from 1. Null without a keyword leg, or when that leg did not find the
    /// image.
    #[schema(example = 3)]
    pub keyword_rank: Option<u32>,
    /// The number that orders the ranking, larger first: similarity (mode vector), full-text score (keyword), or the sum
    /// of weight / (60 + rank) over both legs (hybrid). It can be compared within one answer only; null for the newest
    /// images.
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

/// Times in milliseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct TookMs {
    /// Time spent in the queue of the encoders and in the encoders.
    #[schema(example = 3.2)]
    pub encode: f64,
    /// Time spent in the store.
    #[schema(example = 0.8)]
    pub search: f64,
    /// Time of the whole search.
    #[schema(example = 4.1)]
    pub total: f64,
}

/// The largest number of words that an answer names as left out.
const MAX_LEFT_OUT: usize = 100;

/// The parts of a long query that were not compared.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = LeftOut)]
pub struct LeftOutBody {
    /// Number of characters that were cut off the end of the texts, which end at `MITSUKE_MAX_QUERY_CHARS`.
    #[schema(example = 0)]
    pub characters: usize,
    /// Whether the query text has more tokens than the model reads; the vector leg compared its beginning.
    #[schema(example = true)]
    pub beyond_context: bool,
    /// The words that the keyword leg did not search for, in the order of the query; the first 100 of them.
    #[schema(example = json!(["a", "picture"]))]
    pub terms: Vec<String>,
    /// Number of these words.
    #[schema(example = 2)]
    pub term_count: usize,
}

impl LeftOutBody {
    fn new(left_out: LeftOut) -> Option<Self> {
        let LeftOut { characters, beyond_context, mut terms } = left_out;
        let term_count = terms.len();
        terms.truncate(MAX_LEFT_OUT);
        let any = characters > 0 || beyond_context || term_count > 0;
        any.then_some(Self { characters, beyond_context, terms, term_count })
    }
}

/// A page of hits.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SearchResponse {
    /// The model that encoded the query and whose embeddings were searched.
    pub model: ModelName,
    /// The way in which the query was compared.
    pub mode: ModeBody,
    /// The words that the keyword leg searched for, and the phrases, which keep their double quotes. Null without a
    /// keyword leg.
    #[schema(example = json!(["夕焼け", "\"cinematic lighting\""]))]
    pub terms: Option<Vec<String>>,
    /// The number of `terms` that an image had to hold at least: all of them, or half of them when the query was long.
    /// Null without a keyword leg.
    #[schema(example = 2)]
    pub least_terms: Option<usize>,
    /// The parts of a long query that were not compared. Null when all of it was.
    pub left_out: Option<LeftOutBody>,
    /// The least similarity of a hit: `min_similarity`, or the similarity of the best hit minus `max_gap`, whichever is
    /// larger. Null without a cutoff.
    #[schema(example = 0.21)]
    pub least_similarity: Option<f32>,
    /// The hits, best first.
    pub hits: Vec<HitBody>,
    /// The `offset` of the next page; null on the last page, which holds hit 10,000 at the latest.
    #[schema(example = 16)]
    pub next_offset: Option<usize>,
    /// The times that the search took.
    pub took_ms: TookMs,
}

impl From<Answer> for SearchResponse {
    fn from(answer: Answer) -> Self {
        let ms = |duration: std::time::Duration| (duration.as_secs_f64() * 1e5).round() / 1e2;
        Self {
            model: answer.model.into(),
            mode: answer.mode.into(),
            terms: answer.terms,
            least_terms: answer.least_terms,
            left_out: LeftOutBody::new(answer.left_out),
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

/// The page of an image's relatives that is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SimilarParams {
    /// The least similarity of a hit; near-duplicates begin at about 0.95.
    #[param(example = 0.95, minimum = -1, maximum = 1)]
    pub min_similarity: Option<f32>,
    /// The greatest gap between the similarity of a hit and that of the best hit.
    #[param(example = 0.1, minimum = 0, maximum = 2)]
    pub max_gap: Option<f32>,
    /// Whether to compare the image with every embedding. This is slower; the vector index may miss a few of the nearest
    /// images of a large collection.
    #[serde(default)]
    #[param(example = false)]
    pub exact: bool,
    /// Number of hits on the page. The default is 16.
    #[param(example = 16, minimum = 1)]
    pub limit: Option<u32>,
    /// Number of hits to skip. The pages of a search end with hit 10,000.
    #[serde(default)]
    #[param(example = 0, maximum = 9999)]
    pub offset: u32,
}

/// The part of the report of near-duplicates that is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DuplicateParams {
    /// The similarity from which two images are near-duplicates. The default is 0.98.
    #[param(example = 0.98, minimum = 0.5, maximum = 1)]
    pub min_similarity: Option<f32>,
    /// Number of groups in the answer. The default is 16.
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
    /// Describes a part of a report made with a model.
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
