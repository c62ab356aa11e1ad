//! Queries and their answers.

use std::time::Duration;

use bytes::Bytes;

use mitsuke_clip::EncodeError;
use mitsuke_index::NotAUnitVector;
use mitsuke_store::{Image, ImageId, Model, Page, StoreError, Weights};

use super::compose::PartWeights;
use super::cutoff::Cutoff;
use crate::blocking::Unfinished;
use crate::intake::IntakeError;
use crate::models::ModelsError;

/// The way in which a text query is compared with images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// A comparison by the content of the pictures.
    #[default]
    Vector,
    /// A comparison by generation prompt, caption and file name.
    Keyword,
    /// A comparison by both, fused by rank.
    Hybrid,
}

/// A query by text.
#[derive(Debug, Clone, PartialEq)]
pub struct TextQuery {
    /// The text to search for; a blank text gives the newest images.
    pub query: String,
    /// The number of characters that the caller has cut off the end of the texts.
    pub cut: usize,
    /// A text; images that fit it are ranked lower.
    pub negative_query: Option<String>,
    /// The way in which the query is compared with images.
    pub mode: Mode,
    /// The weights of the legs of a hybrid search.
    pub legs: Weights,
    /// The weights of the parts of the query vector.
    pub parts: PartWeights,
    /// The part of the ranking to return.
    pub page: Page,
    /// The cutoffs of the ranking.
    pub cutoff: Cutoff,
}

/// A picture of a query by image.
#[derive(Debug, Clone)]
pub enum ImageSource {
    /// A stored image. Its embedding is used as it is stored, and the image is left out of the hits.
    Stored(ImageId),
    /// A picture that is not stored.
    Bytes(Bytes),
}

/// A query by images.
#[derive(Debug, Clone)]
pub struct ImageQuery {
    /// The pictures; at least one.
    pub images: Vec<ImageSource>,
    /// A text that is combined with the pictures.
    pub text: Option<String>,
    /// The number of characters that the caller has cut off the end of the texts.
    pub cut: usize,
    /// A text; images that fit it are ranked lower.
    pub negative_query: Option<String>,
    /// The weights of the parts of the query vector.
    pub parts: PartWeights,
    /// The part of the ranking to return.
    pub page: Page,
    /// The cutoffs of the ranking.
    pub cutoff: Cutoff,
}

/// A found image with its place in the ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The image.
    pub image: Image,
    /// The place in the whole ranking, from 1.
    pub rank: usize,
    /// The distance: −1 × inner product of unit vectors.
    pub distance: Option<f32>,
    /// The place among the vector hits, from 1.
    pub vector_rank: Option<u32>,
    /// The place among the keyword hits, from 1.
    pub keyword_rank: Option<u32>,
    /// The number that the ranking is ordered by, larger first: similarity, full-text score, or fused score.
    pub score: Option<f64>,
    /// The probability that the image is what the query asks for, from 0 to 1; `None` where the model is not calibrated or
    /// the query has no vector.
    pub relevance: Option<f32>,
    /// Whether the image is likely to be what the query asks for.
    pub likely: bool,
}

/// The durations of the steps of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Took {
    /// The wait for the encoders and their run.
    pub encode: Duration,
    /// The queries to the store.
    pub search: Duration,
    /// The whole search.
    pub total: Duration,
}

/// The parts of a query that were not compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// The number of characters that were cut off the end of the texts.
    pub characters: usize,
    /// Whether the query text has more tokens than the model reads; the vector leg compared its beginning.
    pub beyond_context: bool,
    /// The words of the query that the keyword leg did not search for.
    pub terms: Vec<String>,
}

/// A page of hits.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The model that encoded the query and whose embeddings were searched.
    pub model: Model,
    /// The way in which the query was compared with images.
    pub mode: Mode,
    /// The terms of the keyword leg; `None` without a keyword leg.
    pub terms: Option<Vec<String>>,
    /// The number of these terms that an image had to hold at least; `None` without a keyword leg.
    pub least_terms: Option<usize>,
    /// The parts of the query that were not compared.
    pub left_out: LeftOut,
    /// The similarity below which hits were left out; the larger one of both cutoffs.
    pub least_similarity: Option<f32>,
    /// The hits, best first.
    pub hits: Vec<Hit>,
    /// The offset of the next page; `None` on the last page.
    pub next_offset: Option<usize>,
    /// The durations of the steps.
    pub took: Took,
}

/// The reason why a search fails.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The encoder did not answer.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The query picture cannot be decoded or encoded.
    #[error(transparent)]
    Picture(#[from] IntakeError),
    /// There is no current model.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The image to search by does not exist.
    #[error("no image has the id {0}")]
    UnknownImage(ImageId),
    /// The image to search by has no embedding of the current model yet.
    #[error("image {0} has no embedding of the current model")]
    NotEmbedded(ImageId),
    /// A keyword query holds no word.
    #[error("the query holds no word to look for")]
    NoTerms,
    /// The parts of the query cancel out.
    #[error("the parts of the query cancel out: {0}")]
    NoDirection(#[from] NotAUnitVector),
    /// A blocking step did not finish.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}
