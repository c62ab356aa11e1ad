//! Searches: by vector, by keywords, and by both, fused by rank.

use crate::fusion::{LegHit, fuse_legs};
use crate::text::{MAX_COUNT, Narrowed, narrowed};
use crate::{
    EmbeddingStore, HybridSearch, KeywordHits, KeywordSearch, RankedImage, StoreError, VectorHit, VectorSearch,
};

/// Finds images.
pub trait SearchStore: EmbeddingStore {
    /// Finds the nearest images by the inner product of one model's embeddings: nearest first, ties by descending image
    /// id, one page of them. A filter never makes the answer short while more images match.
    /// Images without an embedding of the model are left out.
    ///
    /// # Errors
    /// [`StoreError::UnknownModel`]; [`StoreError::ModelDimension`] when the query does not fit the model.
    fn search_vector(&self, search: &VectorSearch<'_>) -> Result<Vec<VectorHit>, StoreError>;

    /// Narrows the terms of a query, so that a query of any length can be searched for: of many terms, the rarest words
    /// decide.
    ///
    /// # Errors
    /// The errors of the store.
    fn narrowed(&self, terms: &[String]) -> Result<Narrowed, StoreError> {
        narrowed(terms, |words| self.count_matches(words, MAX_COUNT))
    }

    /// Counts the images that hold each of some terms, up to `most` of them.
    ///
    /// # Errors
    /// The errors of the store.
    fn count_matches(&self, terms: &[String], most: usize) -> Result<Vec<usize>, StoreError>;

    /// Finds the images whose caption, tags, generation prompt and file name hold the terms: by descending score, then by
    /// descending id. Every store finds the same images; scores are each store's own. A filter changes no score, and the
    /// pages of one search are cut from one list.
    ///
    /// # Errors
    /// [`StoreError::BadKeywords`] when there are too many terms, or the full-text search of the store refuses them.
    fn search_keyword(&self, search: &KeywordSearch<'_>) -> Result<KeywordHits, StoreError>;

    /// Runs both searches and fuses them by rank: the greatest score first, ties by descending image id. Each leg is
    /// read to the depth of the search, whatever the page.
    ///
    /// # Errors
    /// The errors of both legs.
    fn search_hybrid(&self, search: &HybridSearch<'_>) -> Result<Vec<RankedImage>, StoreError> {
        let page = search.leg_page();
        let (vector, keyword) = (search.vector_leg(&page), search.keyword_leg(&page));
        let vector = vector.map_or(Ok(Vec::new()), |leg| self.search_vector(&leg))?;
        let vector: Vec<_> = vector.into_iter().map(LegHit::from).collect();
        let keyword = keyword.map_or(Ok(KeywordHits::default()), |leg| self.search_keyword(&leg))?.hits;
        fuse_legs(search, &vector, &keyword, |image_id| self.embedding(search.model_id, image_id))
    }
}
