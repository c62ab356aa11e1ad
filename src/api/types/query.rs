//! The JSON shapes of searches.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::filter::FilterRequest;
use crate::api::json::object;
use mitsuke_engine::search::Mode;

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
    #[schema(minimum = 0, maximum = 100)]
    pub vector: Option<f64>,
    /// The weight of the keyword leg in mode hybrid. The default is 1. A leg of weight 0 takes no part.
    #[schema(minimum = 0, maximum = 100)]
    pub keyword: Option<f64>,
    /// The weight of `query` in the query vector. The default is 1.
    #[schema(minimum = 0, maximum = 100)]
    pub text: Option<f64>,
    /// The weight of `negative_query` in the query vector. The default is 0.5.
    #[schema(minimum = 0, maximum = 100)]
    pub negative: Option<f64>,
}

/// The weights of the parts of a search by image, from 0 to 100. The weight of a part that the query does not have
/// changes nothing.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageWeights {
    /// The weight of all pictures together. The default is 1.
    #[schema(minimum = 0, maximum = 100)]
    pub image: Option<f64>,
    /// The weight of `text`. The default is 1.
    #[schema(minimum = 0, maximum = 100)]
    pub text: Option<f64>,
    /// The weight of `negative_query`. The default is 0.5.
    #[schema(minimum = 0, maximum = 100)]
    pub negative: Option<f64>,
}

/// A search by text.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"query": "夕焼けの海", "mode": "hybrid"}))]
pub struct TextSearchRequest {
    /// The text to find, in Japanese or English. A blank text gives the newest images. The keyword leg requires every
    /// word; double quotes keep a phrase together. Fields of the query line (`GET /search`) are plain text here.
    pub query: String,
    /// The way to compare.
    #[serde(default)]
    pub mode: ModeBody,
    /// A text to exclude (modes vector and hybrid). The query vector becomes text × text vector − negative ×
    /// negative vector, scaled to length 1. The default weights are 1 and 0.5.
    pub negative_query: Option<String>,
    /// The weights of the parts.
    #[serde(default, deserialize_with = "object")]
    pub weights: Option<TextWeights>,
    /// Number of hits on the page. The default is 16.
    #[schema(minimum = 1)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before, of the same search. The pages of a search end with hit 10,000.
    pub cursor: Option<String>,
    /// Number of hits to skip, in place of `cursor`.
    #[serde(default)]
    #[schema(maximum = 9999, deprecated)]
    pub offset: u32,
    /// The images that may be found.
    #[serde(default, deserialize_with = "object")]
    pub filter: Option<FilterRequest>,
    /// The least similarity of a hit to the query vector, such as 0.1 (modes vector and hybrid; in hybrid it applies to
    /// hits of the keyword leg too).
    #[schema(minimum = -1, maximum = 1)]
    pub min_similarity: Option<f32>,
    /// The greatest gap between the similarity of a hit and that of the most similar image, such as 0.1 (modes vector and
    /// hybrid). It is measured from the best hit of the whole ranking, on every page.
    #[schema(minimum = 0, maximum = 2)]
    pub max_gap: Option<f32>,
    /// Whether to compare the query with every embedding. This is slower; the vector index may miss a few of the nearest
    /// images of a large collection.
    #[serde(default)]
    pub exact: bool,
}

/// A search by a query line.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SearchParams {
    /// The query line: words, phrases in double quotes, and fields, such as `夕焼け -人 tag:海 taken:2024`. A minus leaves
    /// out what follows. The fields are `tag:`, `checkpoint:`, `lora:`, `sampler:`, `camera:`, `in:` (a folder), `taken:`,
    /// `type:` and `has:` (`caption`, `prompt` or `taken`). A line without words gives the newest images that its fields
    /// let pass.
    #[serde(default)]
    #[param(example = "夕焼けの海")]
    pub q: String,
    /// The way to compare. The default is `hybrid`.
    #[param(inline)]
    pub mode: Option<ModeBody>,
    /// A text to exclude, in addition to the words with a minus in `q` (modes vector and hybrid).
    pub negative_query: Option<String>,
    /// The weight of the vector leg in mode hybrid. The default is 1.
    #[param(minimum = 0, maximum = 100)]
    pub vector_weight: Option<f64>,
    /// The weight of the keyword leg in mode hybrid. The default is 1.
    #[param(minimum = 0, maximum = 100)]
    pub keyword_weight: Option<f64>,
    /// The weight of the words of `q` in the query vector. The default is 1.
    #[param(minimum = 0, maximum = 100)]
    pub text_weight: Option<f64>,
    /// The weight of what to exclude in the query vector. The default is 0.5.
    #[param(minimum = 0, maximum = 100)]
    pub negative_weight: Option<f64>,
    /// Number of hits on the page. The default is 16.
    #[param(minimum = 1)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before, of the same search. The pages of a search end with hit 10,000.
    pub cursor: Option<String>,
    /// The least similarity of a hit, as in `POST /search/text`.
    #[param(minimum = -1, maximum = 1)]
    pub min_similarity: Option<f32>,
    /// The greatest gap between the similarity of a hit and that of the most similar image, as in `POST /search/text`.
    #[param(minimum = 0, maximum = 2)]
    pub max_gap: Option<f32>,
    /// Whether to compare the query with every embedding. This is slower.
    #[serde(default)]
    pub exact: bool,
}

/// A search by stored images.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"image_ids": [1]}))]
pub struct ImageSearchRequest {
    /// The images to search by, 16 at most. Their stored embeddings are used. They are not among the hits.
    #[serde(default)]
    #[schema(max_items = 16)]
    pub image_ids: Vec<i64>,
    /// One more of `image_ids`.
    #[schema(deprecated)]
    pub image_id: Option<i64>,
    /// A text to search by as well. The query vector becomes image × mean of the image vectors + text × text vector −
    /// negative × negative vector, scaled to length 1. The default weights are 1, 1 and 0.5.
    pub text: Option<String>,
    /// A text to exclude.
    pub negative_query: Option<String>,
    /// The weights of the parts.
    #[serde(default, deserialize_with = "object")]
    pub weights: Option<ImageWeights>,
    /// Number of hits on the page. The default is 16.
    #[schema(minimum = 1)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before, of the same search. The pages of a search end with hit 10,000.
    pub cursor: Option<String>,
    /// Number of hits to skip, in place of `cursor`.
    #[serde(default)]
    #[schema(maximum = 9999, deprecated)]
    pub offset: u32,
    /// The images that may be found.
    #[serde(default, deserialize_with = "object")]
    pub filter: Option<FilterRequest>,
    /// The least similarity of a hit, such as 0.1.
    #[schema(minimum = -1, maximum = 1)]
    pub min_similarity: Option<f32>,
    /// The greatest gap between the similarity of a hit and that of the best hit, such as 0.1.
    #[schema(minimum = 0, maximum = 2)]
    pub max_gap: Option<f32>,
    /// Whether to compare the query with every embedding. This is slower; the vector index may miss a few of the nearest
    /// images of a large collection.
    #[serde(default)]
    pub exact: bool,
}

/// The page of an image's relatives that is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SimilarParams {
    /// The least similarity of a hit; near-duplicates begin at about 0.95.
    #[param(minimum = -1, maximum = 1)]
    pub min_similarity: Option<f32>,
    /// The greatest gap between the similarity of a hit and that of the best hit, such as 0.1.
    #[param(minimum = 0, maximum = 2)]
    pub max_gap: Option<f32>,
    /// Whether to compare the image with every embedding. This is slower; the vector index may miss a few of the nearest
    /// images of a large collection.
    #[serde(default)]
    pub exact: bool,
    /// Number of hits on the page. The default is 16.
    #[param(minimum = 1)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before, of the same search. The pages of a search end with hit 10,000.
    pub cursor: Option<String>,
    /// Number of hits to skip, in place of `cursor`.
    #[serde(default)]
    #[param(maximum = 9999)]
    pub offset: u32,
}
