//! The embedded store as a store that finds images and counts their facts.

use mitsuke_index::IdSet;
use rusqlite::Connection;

use super::SqliteStore;
use crate::fusion::fuse_legs;
use crate::sqlite::vector_search::View;
use crate::sqlite::words::Words;
use crate::sqlite::{embeddings, facet_counts, models, suggestions};
use crate::{
    Facet, FacetCounts, FacetStore, Filter, HybridSearch, KeywordHits, KeywordSearch, ModelId, RankedImage,
    SearchStore, StoreError, Suggestion, SuggestionKind, VectorHit, VectorSearch,
};

impl SqliteStore {
    /// Runs a vector search among `allowed` images on a snapshot of the database. The caller has checked the dimension of
    /// the query.
    fn nearest<T>(
        &self,
        db: &Connection,
        model_id: ModelId,
        allowed: Option<&IdSet>,
        search: impl FnOnce(&View<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let index = self.shared.cache(model_id)?.index();
        let embedded = usize::try_from(models::coverage(db, model_id)?.embedded).unwrap_or(usize::MAX);
        search(&View { connection: db, embedded, index: index.as_deref(), allowed })
    }
}

impl SearchStore for SqliteStore {
    fn search_vector(&self, search: &VectorSearch<'_>) -> Result<Vec<VectorHit>, StoreError> {
        self.check_dimension(search.model_id, search.query)?;
        self.shared.read(|db| {
            let allowed = self.shared.memory.allowed(db, &search.page.filter)?;
            self.nearest(db, search.model_id, allowed.as_deref(), |view| view.search(search))
        })
    }

    fn search_keyword(&self, search: &KeywordSearch<'_>) -> Result<KeywordHits, StoreError> {
        self.shared.read(|db| {
            let allowed = self.shared.memory.allowed(db, &search.page.filter)?;
            self.shared.memory.words.search(search, allowed.as_deref())
        })
    }

    fn count_matches(&self, terms: &[String], most: usize) -> Result<Vec<usize>, StoreError> {
        self.shared.read(|db| terms.iter().map(|term| Words::count(db, term, most)).collect())
    }

    // This override finds the images that pass the filter once for both legs, and reads the embeddings from one snapshot.
    fn search_hybrid(&self, search: &HybridSearch<'_>) -> Result<Vec<RankedImage>, StoreError> {
        self.check_dimension(search.model_id, search.query)?;
        self.shared.read(|db| {
            let page = search.leg_page();
            let allowed = self.shared.memory.allowed(db, &page.filter)?;
            let exact = search.min_similarity.is_some();
            let vector = match search.vector_leg(&page) {
                Some(leg) => self.nearest(db, search.model_id, allowed.as_deref(), |view| view.leg(&leg, exact))?,
                None => Vec::new(),
            };
            let keyword = match search.keyword_leg(&page) {
                Some(leg) => self.shared.memory.words.search(&leg, allowed.as_deref())?.hits,
                None => Vec::new(),
            };
            fuse_legs(search, &vector, &keyword, |image_id| embeddings::embedding(db, search.model_id, image_id))
        })
    }
}

impl FacetStore for SqliteStore {
    fn facets(&self, filter: &Filter, facets: &[Facet], limit: usize) -> Result<Vec<FacetCounts>, StoreError> {
        self.shared.read(|db| facet_counts::facets(&self.shared.memory, db, filter, facets, limit))
    }

    fn suggestions(&self, prefix: &str, kinds: &[SuggestionKind], limit: usize) -> Result<Vec<Suggestion>, StoreError> {
        self.shared.read(|db| suggestions::suggestions(&self.shared.memory, db, prefix, kinds, limit))
    }
}
