//! The embedded store as a store that finds images and counts their facts.

use rusqlite::Connection;

use super::SqliteStore;
use crate::fusion::fuse_legs;
use crate::sqlite::{embeddings, facet_counts, keyword_search, models, suggestions, vector_search};
use crate::{
    Facet, FacetCounts, FacetStore, Filter, HybridSearch, KeywordHits, KeywordSearch, RankedImage, SearchStore,
    StoreError, Suggestion, SuggestionKind, VectorHit, VectorSearch,
};

impl SqliteStore {
    /// Runs a vector search on a snapshot of the database. The caller has checked the query's dimension.
    fn nearest(&self, db: &Connection, search: &VectorSearch<'_>) -> Result<Vec<VectorHit>, StoreError> {
        let index = self.shared.cache(search.model_id)?.index();
        let embedded = usize::try_from(models::coverage(db, search.model_id)?.embedded).unwrap_or(usize::MAX);
        let max_compared = self.shared.options.max_compared;
        vector_search::View { connection: db, embedded, index: index.as_deref(), max_compared }.search(search)
    }
}

impl SearchStore for SqliteStore {
    fn search_vector(&self, search: &VectorSearch<'_>) -> Result<Vec<VectorHit>, StoreError> {
        self.check_dimension(search.model_id, search.query)?;
        self.shared.read(|db| self.nearest(db, search))
    }

    fn search_keyword(&self, search: &KeywordSearch<'_>) -> Result<KeywordHits, StoreError> {
        self.shared.read(|db| {
            let hits = keyword_search::search(db, search, self.shared.options.max_ranked)?;
            Ok(KeywordHits { hits, total: keyword_search::total(db, search)? })
        })
    }

    fn count_matches(&self, terms: &[String], most: usize) -> Result<Vec<usize>, StoreError> {
        self.shared.read(|db| terms.iter().map(|term| keyword_search::count_matches(db, term, most)).collect())
    }

    // This override reads both legs and the embeddings from one snapshot.
    fn search_hybrid(&self, search: &HybridSearch<'_>) -> Result<Vec<RankedImage>, StoreError> {
        self.check_dimension(search.model_id, search.query)?;
        self.shared.read(|db| {
            let page = search.leg_page();
            let vector = search.vector_leg(&page).map_or(Ok(Vec::new()), |leg| self.nearest(db, &leg))?;
            let max_ranked = self.shared.options.max_ranked;
            let keyword =
                search.keyword_leg(&page).map_or(Ok(Vec::new()), |leg| keyword_search::search(db, &leg, max_ranked))?;
            fuse_legs(search, &vector, &keyword, |image_id| embeddings::embedding(db, search.model_id, image_id))
        })
    }
}

impl FacetStore for SqliteStore {
    fn facets(&self, filter: &Filter, facets: &[Facet], limit: usize) -> Result<Vec<FacetCounts>, StoreError> {
        self.shared.read(|db| facet_counts::facets(db, filter, facets, limit))
    }

    fn suggestions(&self, prefix: &str, kinds: &[SuggestionKind], limit: usize) -> Result<Vec<Suggestion>, StoreError> {
        self.shared.read(|db| suggestions::suggestions(db, prefix, kinds, limit))
    }
}
