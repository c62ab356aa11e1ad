//! What is asked, and what is answered.

use std::time::Duration;

use bytes::Bytes;

use crate::blocking::Unfinished;
use crate::intake::RegisterError;
use crate::models::ModelsError;
use crate::search::{Mode, PartWeights, Weights};
use mitsuke_clip::EncodeError;
use mitsuke_index::NotAUnitVector;
use mitsuke_store::{Filter, Image, ImageId, Model, StoreError};

/// Which part of the ranking is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Hits to skip.
    pub offset: usize,
    /// Most hits to return.
    pub limit: usize,
    /// Which images may be found.
    pub filter: Filter,
    /// Hits less similar to the query than this are left out.
    pub min_similarity: Option<f32>,
    /// Hits whose similarity is more than this below that of the most similar image (which passes the filter) are
    /// left out.
    pub max_gap: Option<f32>,
    /// Compares the query with every embedding, where an index may otherwise miss a few of the nearest.
    pub exact: bool,
}

/// A query by text.
#[derive(Debug, Clone, PartialEq)]
pub struct TextQuery {
    /// What to find; blank gives the newest images.
    pub query: String,
    /// What to stay away from.
    pub negative_query: Option<String>,
    /// How to compare.
    pub mode: Mode,
    /// How much the legs of a hybrid search count.
    pub legs: Weights,
    /// How much the parts of the query vector count.
    pub parts: PartWeights,
    /// Which part of the ranking.
    pub page: Page,
}

/// A picture of a query by image.
#[derive(Debug, Clone)]
pub enum ImageSource {
    /// A stored image, whose embedding is taken as it is; it is left out of its own hits.
    Stored(ImageId),
    /// A picture that is not stored.
    Bytes(Bytes),
}

/// A query by images.
#[derive(Debug, Clone)]
pub struct ImageQuery {
    /// The pictures; at least one.
    pub images: Vec<ImageSource>,
    /// A text added to them.
    pub text: Option<String>,
    /// What to stay away from.
    pub negative_query: Option<String>,
    /// How much the parts of the query vector count.
    pub parts: PartWeights,
    /// Which part of the ranking.
    pub page: Page,
}

/// A found image and how it got there.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The image.
    pub image: Image,
    /// Place in the whole ranking, from 1.
    pub rank: usize,
    /// −1 × inner product of unit vectors.
    pub distance: Option<f32>,
    /// Place among the vector hits, from 1.
    pub vector_rank: Option<u32>,
    /// Place among the keyword hits, from 1.
    pub keyword_rank: Option<u32>,
    /// What the ranking is ordered by, larger first: similarity, full-text score, or fused score.
    pub score: Option<f64>,
}

/// Where the time went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Took {
    /// Waiting for and running the encoders.
    pub encode: Duration,
    /// Asking the store.
    pub search: Duration,
    /// All of it.
    pub total: Duration,
}

/// A page of hits.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The model that encoded the query and whose embeddings were searched.
    pub model: Model,
    /// How the query was compared.
    pub mode: Mode,
    /// The terms that the keyword leg asked for; `None` without one.
    pub terms: Option<Vec<String>>,
    /// The similarity below which hits were left out, from either cutoff.
    pub least_similarity: Option<f32>,
    /// The hits, best first.
    pub hits: Vec<Hit>,
    /// Where the next page begins; `None` on the last.
    pub next_offset: Option<usize>,
    /// Where the time went.
    pub took: Took,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The encoder did not answer.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The query picture cannot be taken.
    #[error(transparent)]
    Picture(#[from] RegisterError),
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
    /// A keyword query without a word.
    #[error("the query holds no word to look for")]
    NoTerms,
    /// The parts of the query cancel out.
    #[error("the parts of the query cancel out: {0}")]
    NoDirection(#[from] NotAUnitVector),
    /// Another report of near-duplicates is being made.
    #[error("a report of near-duplicates is being made already")]
    ReportRunning,
    /// A blocking step broke off.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}
