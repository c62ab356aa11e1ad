//! Fusing the two legs of a hybrid search.

use std::collections::HashMap;

use super::{HybridHit, HybridSearch, ImageId, KeywordHit, KeywordSearch, StoreError, VectorHit, VectorSearch};
use crate::{Weights, fuse};
use mitsuke_index::UnitVector;

impl<'a> HybridSearch<'a> {
    /// The question to the vector leg; `None` when it takes no part.
    #[must_use]
    pub fn vector_leg(&self) -> Option<VectorSearch<'a>> {
        (self.vector_weight > 0.0).then_some(VectorSearch {
            model_id: self.model_id,
            query: self.query,
            filter: self.filter,
            exclude: self.exclude,
            exact: self.exact,
            offset: 0,
            limit: self.depth,
        })
    }

    /// The question to the keyword leg; `None` when it takes no part.
    #[must_use]
    pub fn keyword_leg(&self) -> Option<KeywordSearch<'a>> {
        (self.keyword_weight > 0.0 && !self.terms.is_empty()).then_some(KeywordSearch {
            terms: self.terms,
            filter: self.filter,
            exclude: self.exclude,
            offset: 0,
            limit: self.depth,
        })
    }
}

/// The page of a hybrid search, from the answers of its legs. `embedding` reads the embedding of an image that only
/// the keyword leg found: for all of these when the search has a least similarity, else for those on the page.
///
/// # Errors
/// What `embedding` fails with.
pub fn fuse_legs(
    search: &HybridSearch<'_>,
    vector: &[VectorHit],
    keyword: &[KeywordHit],
    mut embedding: impl FnMut(ImageId) -> Result<Option<UnitVector>, StoreError>,
) -> Result<Vec<HybridHit>, StoreError> {
    // 0 − x and not −x: there is no "−0.0" in an answer.
    fuse_hits(search, vector, keyword, |image_id| {
        Ok(embedding(image_id)?.map(|vector| 0.0 - search.query.similarity(&vector)))
    })
}

/// As [`fuse_legs`], for a store that knows the distances of such images without reading their embeddings.
///
/// # Errors
/// What `distance_of` fails with.
pub fn fuse_hits(
    search: &HybridSearch<'_>,
    vector: &[VectorHit],
    keyword: &[KeywordHit],
    mut distance_of: impl FnMut(ImageId) -> Result<Option<f32>, StoreError>,
) -> Result<Vec<HybridHit>, StoreError> {
    let mut distances: HashMap<ImageId, Option<f32>> =
        vector.iter().map(|hit| (hit.image_id, Some(hit.distance))).collect();
    let mut distance = |image_id| -> Result<Option<f32>, StoreError> {
        if let Some(known) = distances.get(&image_id) {
            return Ok(*known);
        }
        let distance = distance_of(image_id)?;
        distances.insert(image_id, distance);
        Ok(distance)
    };
    let weights = Weights { vector: search.vector_weight, keyword: search.keyword_weight };
    let vector: Vec<_> = vector.iter().map(|hit| hit.image_id).collect();
    let keyword: Vec<_> = keyword.iter().map(|hit| hit.image_id).collect();
    let mut fused = fuse(&vector, &keyword, weights);
    if let Some(floor) = search.min_similarity {
        let mut similar = Vec::with_capacity(fused.len());
        for hit in fused {
            if distance(hit.image_id)?.is_some_and(|distance| -distance >= floor) {
                similar.push(hit);
            }
        }
        fused = similar;
    }
    fused
        .into_iter()
        .skip(search.offset)
        .take(search.limit)
        .map(|hit| {
            Ok(HybridHit {
                image_id: hit.image_id,
                distance: distance(hit.image_id)?,
                vector_rank: hit.vector_rank,
                keyword_rank: hit.keyword_rank,
                score: hit.score,
            })
        })
        .collect()
}
