//! Searches, their hits, and rankings.

use mitsuke_index::UnitVector;

use crate::{ImageId, ModelId, Page, Total};

/// A nearest-neighbour search.
#[derive(Debug, Clone)]
pub struct VectorSearch<'a> {
    /// The model whose embeddings are compared.
    pub model_id: ModelId,
    /// The query, a vector of the dimension of the model.
    pub query: &'a UnitVector,
    /// A few images to leave out (the images of the query, in a search for similar ones).
    pub exclude: &'a [ImageId],
    /// The page of the hits to return.
    pub page: &'a Page,
}

/// A nearest-neighbour hit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VectorHit {
    /// The image.
    pub image_id: ImageId,
    /// The distance: −1 × inner product, from −1 to 1. Smaller is nearer.
    pub distance: f32,
}

/// A full-text search.
#[derive(Debug, Clone)]
pub struct KeywordSearch<'a> {
    /// The terms and phrases; a phrase in double quotes is searched for in its exact form.
    pub terms: &'a [String],
    /// The number of terms that an image must hold at least; all of them when there are no more.
    pub least: usize,
    /// A few images to leave out.
    pub exclude: &'a [ImageId],
    /// The page of the hits to return.
    pub page: &'a Page,
}

/// A full-text hit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeywordHit {
    /// The image.
    pub image_id: ImageId,
    /// The full-text score: larger is better. Scores of different answers cannot be compared.
    pub score: f64,
}

/// A page of full-text hits.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeywordHits {
    /// The hits of the page.
    pub hits: Vec<KeywordHit>,
    /// The number of images that hold the terms and pass the filter of the page.
    pub total: Total,
}

/// A search by vector and by keywords, whose legs are fused by rank (see [`crate::fuse`]).
#[derive(Debug, Clone)]
pub struct HybridSearch<'a> {
    /// The model whose embeddings are compared.
    pub model_id: ModelId,
    /// The query of the vector leg, a vector of the dimension of the model.
    pub query: &'a UnitVector,
    /// The terms and phrases of the keyword leg, as in [`KeywordSearch`]. Without terms the leg finds nothing.
    pub terms: &'a [String],
    /// The number of terms that an image must hold at least; all of them when there are no more.
    pub least: usize,
    /// A few images to leave out.
    pub exclude: &'a [ImageId],
    /// The number of hits of each leg that are fused. The order of a fused ranking depends on the depth, so all pages
    /// of one query use the same depth.
    pub depth: usize,
    /// The weights of the legs.
    pub weights: Weights,
    /// The smallest similarity of a hit. Less similar hits of either leg are left out, and so are hits of the keyword
    /// leg without an embedding. The other hits keep the ranks of their legs.
    pub min_similarity: Option<f32>,
    /// The page of the fused hits to return. Its filter and its exactness hold for both legs.
    pub page: &'a Page,
}

/// The weights of the legs, 0 or more. A leg of weight 0 takes no part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// The weight of the vector leg.
    pub vector: f64,
    /// The weight of the keyword leg.
    pub keyword: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { vector: 1.0, keyword: 1.0 }
    }
}

/// An image of a ranking, before its facts are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankedImage {
    /// The image.
    pub image_id: ImageId,
    /// The distance: −1 × inner product, from −1 to 1. `None` when the ranking has no vector leg, or the image has no
    /// embedding of the model.
    pub distance: Option<f32>,
    /// The rank among the hits of the vector leg, from 1.
    pub vector_rank: Option<u32>,
    /// The rank among the hits of the keyword leg, from 1.
    pub keyword_rank: Option<u32>,
    /// The number that orders the ranking, larger first: similarity, full-text score, or the sum of [`crate::fuse`].
    /// `None` in a list of the newest images.
    pub score: Option<f64>,
}

impl RankedImage {
    /// Makes an image without ranks.
    #[must_use]
    pub fn unranked(image_id: ImageId) -> Self {
        Self { image_id, distance: None, vector_rank: None, keyword_rank: None, score: None }
    }
}
