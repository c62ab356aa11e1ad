//! What a store is asked for, and what it finds.

use time::OffsetDateTime;

use super::{ImageId, ModelId};
use mitsuke_index::UnitVector;

/// Which images may be found. An empty filter lets all pass; fields combine with AND, list items with OR.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Media types, for example `image/png`.
    pub file_types: Vec<String>,
    /// Uploaded at or after.
    pub uploaded_from: Option<OffsetDateTime>,
    /// Uploaded before.
    pub uploaded_before: Option<OffsetDateTime>,
    /// Smallest width in pixels.
    pub min_width: Option<u32>,
    /// Largest width in pixels.
    pub max_width: Option<u32>,
    /// Smallest height in pixels.
    pub min_height: Option<u32>,
    /// Largest height in pixels.
    pub max_height: Option<u32>,
    /// Smallest size of the original in bytes.
    pub min_bytes: Option<u64>,
    /// Largest size of the original in bytes.
    pub max_bytes: Option<u64>,
    /// With (true) or without (false) a generation prompt.
    pub has_generation_prompt: Option<bool>,
    /// With (true) or without (false) a caption.
    pub has_caption: Option<bool>,
    /// Part of the file name, ASCII letters compared without case.
    pub file_name_contains: Option<String>,
    /// What the whole file name looks like: `*` is any run of characters, `?` any one character, everything else
    /// itself, ASCII letters compared without case. See [`super::like_pattern`].
    pub file_name_pattern: Option<String>,
    /// `model` of the readable generation prompt, ASCII letters compared without case.
    pub generation_model: Option<String>,
    /// `sampler` of the readable generation prompt, ASCII letters compared without case.
    pub sampler: Option<String>,
    /// `seed` of the readable generation prompt.
    pub seed: Option<u64>,
}

impl Filter {
    /// Whether every image passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A nearest-neighbour question.
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

/// A full-text question.
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

/// A question to both legs, their answers fused by rank (see [`crate::fuse`]).
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

/// A hit of at least one leg.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HybridHit {
    /// Found image.
    pub image_id: ImageId,
    /// −1 × inner product: smaller is nearer. `None` only when the image has no embedding of the model.
    pub distance: Option<f32>,
    /// Place among the hits of the vector leg, from 1.
    pub vector_rank: Option<u32>,
    /// Place among the hits of the keyword leg, from 1.
    pub keyword_rank: Option<u32>,
    /// Σ weight / (60 + rank): larger is better.
    pub score: f64,
}
