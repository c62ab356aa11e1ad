//! Searches: by vector, by keywords, and by both, fused by rank.

use mitsuke_index::UnitVector;

use crate::{EmbeddingStore, Filter, ImageId, ModelId, StoreError};

/// Finds images.
pub trait SearchStore: EmbeddingStore {
    /// Finds the nearest images by the inner product of one model's embeddings: nearest first, ties by descending image
    /// id, at most `limit` after skipping `offset`. A filter never makes the answer short while more images match.
    /// Images without an embedding of the model are left out.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`]; [`StoreError::ModelDimension`] when the query does not fit the model.
    fn search_vector(&self, search: &VectorSearch<'_>) -> Result<Vec<VectorHit>, StoreError>;

    /// Finds the images whose caption, generation prompt and file name hold every term, best first.
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`] when the store's full-text parser refuses the terms.
    fn search_keyword(&self, search: &KeywordSearch<'_>) -> Result<Vec<KeywordHit>, StoreError>;

    /// Runs both searches and fuses them by rank: the greatest score first, ties by descending image id. Each leg is read
    /// to the depth of the search, whatever the page.
    ///
    /// # Errors
    /// The errors of both legs.
    fn search_hybrid(&self, search: &HybridSearch<'_>) -> Result<Vec<RankedImage>, StoreError> {
        let (vector, keyword) = (search.vector_leg(), search.keyword_leg());
        let vector = vector.map_or(Ok(Vec::new()), |leg| self.search_vector(&leg))?;
        let keyword = keyword.map_or(Ok(Vec::new()), |leg| self.search_keyword(&leg))?;
        crate::fuse_legs(search, &vector, &keyword, |image_id| self.embedding(search.model_id, image_id))
    }
}

/// A nearest-neighbour search.
#[derive(Debug, Clone)]
pub struct VectorSearch<'a> {
    /// Whose embeddings are compared.
    pub model_id: ModelId,
    /// The query.
    pub query: &'a UnitVector,
    /// Which images may be found.
    pub filter: &'a Filter,
    /// A few images that are left out (the query's own, when searching for more like them).
    pub exclude: &'a [ImageId],
    /// Compares the query with every embedding, where an index may otherwise miss a few of the nearest. Slower, the
    /// more images there are.
    pub exact: bool,
    /// Hits to skip.
    pub offset: usize,
    /// Hits to return.
    pub limit: usize,
}

/// A nearest-neighbour hit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VectorHit {
    /// Found image.
    pub image_id: ImageId,
    /// −1 × inner product: smaller is nearer.
    pub distance: f32,
}

/// A full-text search.
#[derive(Debug, Clone)]
pub struct KeywordSearch<'a> {
    /// Terms and phrases, each required. Never empty.
    pub terms: &'a [String],
    /// Which images may be found.
    pub filter: &'a Filter,
    /// A few images that are left out.
    pub exclude: &'a [ImageId],
    /// Hits to skip.
    pub offset: usize,
    /// Hits to return.
    pub limit: usize,
}

/// A full-text hit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeywordHit {
    /// Found image.
    pub image_id: ImageId,
    /// Larger is better; comparable within one answer only.
    pub score: f64,
}

/// A search of both legs, fused by rank (see [`crate::fuse`]).
#[derive(Debug, Clone)]
pub struct HybridSearch<'a> {
    /// Whose embeddings are compared.
    pub model_id: ModelId,
    /// The query of the vector leg.
    pub query: &'a UnitVector,
    /// Terms and phrases of the keyword leg, each required. Empty: the keyword leg finds nothing.
    pub terms: &'a [String],
    /// Which images may be found.
    pub filter: &'a Filter,
    /// A few images that are left out.
    pub exclude: &'a [ImageId],
    /// Compares the query of the vector leg with every embedding.
    pub exact: bool,
    /// Hits of each leg that are fused. The order of a fused ranking depends on it, so the pages of one query use
    /// one depth.
    pub depth: usize,
    /// Weight of the vector leg. A leg of weight 0 takes no part.
    pub vector_weight: f64,
    /// Weight of the keyword leg. A leg of weight 0 takes no part.
    pub keyword_weight: f64,
    /// Leaves out hits less similar than this, those of the keyword leg too, and there also images without an
    /// embedding. The hits that remain keep the ranks they have in their leg.
    pub min_similarity: Option<f32>,
    /// Fused hits to skip.
    pub offset: usize,
    /// Fused hits to return.
    pub limit: usize,
}

/// An image of a ranking, before its facts are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankedImage {
    /// The image.
    pub image_id: ImageId,
    /// −1 × inner product: smaller is nearer. `None` when the ranking has no vector leg, or the image has no embedding
    /// of the model.
    pub distance: Option<f32>,
    /// Place among the hits of the vector leg, from 1.
    pub vector_rank: Option<u32>,
    /// Place among the hits of the keyword leg, from 1.
    pub keyword_rank: Option<u32>,
    /// The number that the ranking is ordered by, larger first: similarity, full-text score, or Σ weight / (60 + rank).
    /// `None` for a list of the newest images.
    pub score: Option<f64>,
}

impl RankedImage {
    /// An image that no leg has ranked yet.
    #[must_use]
    pub fn unranked(image_id: ImageId) -> Self {
        Self { image_id, distance: None, vector_rank: None, keyword_rank: None, score: None }
    }
}
