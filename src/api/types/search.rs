//! The JSON shapes of the answers of searches.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::image::ImageBody;
use super::list::TotalBody;
use super::query::ModeBody;
use crate::api::cursor;
use crate::config::Limits;
use mitsuke_engine::search::line::{Item, Line, Part};
use mitsuke_engine::search::{Answer, Hit, LeftOut};
use mitsuke_store::Model;

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
    /// The fit of the image to the query, from 0 to 1, calibrated for the model, so that it can be compared between
    /// queries. Null without a vector leg, and when the folder of the model has no calibration.
    #[schema(example = 0.83)]
    pub relevance: Option<f32>,
    /// Whether the image is likely what the query asks for.
    #[schema(example = true)]
    pub likely: bool,
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
            relevance: hit.relevance,
            likely: hit.likely,
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

/// The reading of a query line.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = QueryLine)]
pub struct QueryLineBody {
    /// The words and phrases as one text.
    #[schema(example = "夕焼け")]
    pub text: String,
    /// The words and phrases that the keyword leg may search for; phrases keep their double quotes.
    #[schema(example = json!(["夕焼け"]))]
    pub terms: Vec<String>,
    /// The words and phrases that no hit holds.
    #[schema(example = json!(["人"]))]
    pub without: Vec<String>,
    /// The items of the line, in their order.
    pub items: Vec<QueryItemBody>,
}

/// An item of a query line.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = QueryItem)]
pub struct QueryItemBody {
    /// The name of the field; null for a word or a phrase.
    #[schema(example = "tag")]
    pub field: Option<String>,
    /// The word, the phrase without its quotes, or the value of the field.
    #[schema(example = "海")]
    pub value: String,
    /// Whether images that the item describes are left out.
    #[schema(example = false)]
    pub without: bool,
    /// The item as a line writes it. These texts, joined with spaces, are read as the same line.
    #[schema(example = "tag:海")]
    pub written: String,
}

impl From<&Line> for QueryLineBody {
    fn from(line: &Line) -> Self {
        Self {
            text: line.text(),
            terms: line.terms(),
            without: line.without_terms(),
            items: line.items.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Item> for QueryItemBody {
    fn from(item: &Item) -> Self {
        let (field, value) = match &item.part {
            Part::Word(text) | Part::Phrase(text) => (None, text.clone()),
            Part::Field(field) => (Some(field.name().to_owned()), field.value()),
        };
        Self { field, value, without: item.without, written: item.to_string() }
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
    /// The reading of the query line; null for other searches.
    pub query: Option<QueryLineBody>,
    /// The number of hits on all pages, of a keyword search and of the newest images; null where every image has a rank.
    pub total: Option<TotalBody>,
    /// The hits, best first.
    pub hits: Vec<HitBody>,
    /// The `cursor` of the next page; null on the last page, which holds hit 10,000 at the latest.
    #[schema(example = "MXwxNg")]
    pub next_cursor: Option<String>,
    /// The `offset` of the next page, as `next_cursor` has it.
    #[schema(example = 16, deprecated)]
    pub next_offset: Option<usize>,
    /// The times that the search took.
    pub took_ms: TookMs,
}

impl SearchResponse {
    /// Returns the answer with short texts of its images.
    pub fn of(answer: Answer, limits: &Limits) -> Self {
        let chars = limits.listed_chars(answer.hits.len());
        let mut response = Self::from(answer);
        let shortened = |hit: HitBody| HitBody { image: hit.image.shortened(chars), ..hit };
        response.hits = response.hits.into_iter().map(shortened).collect();
        response
    }
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
            query: None,
            total: answer.total.map(Into::into),
            hits: answer.hits.into_iter().map(Into::into).collect(),
            next_cursor: answer.next_offset.map(cursor::of_search),
            next_offset: answer.next_offset,
            took_ms: TookMs {
                encode: ms(answer.took.encode),
                search: ms(answer.took.search),
                total: ms(answer.took.total),
            },
        }
    }
}
