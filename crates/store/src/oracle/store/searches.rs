//! The Oracle store as a store that finds images, counts values and suggests texts.

use crate::oracle::OracleStore;
use crate::oracle::search::vector::{self, Form};
use crate::oracle::search::{facets, hybrid, keyword, suggestions};
use crate::{
    Facet, FacetCounts, FacetStore, Filter, HybridSearch, KeywordHits, KeywordSearch, RankedImage, SearchStore,
    StoreError, Suggestion, SuggestionKind, VectorHit, VectorSearch,
};

impl OracleStore {
    fn form(&self, exact: bool) -> Form {
        if exact { Form::Exact } else { Form::for_accuracy(self.settings.target_accuracy) }
    }
}

impl SearchStore for OracleStore {
    fn search_vector(&self, search: &VectorSearch<'_>) -> Result<Vec<VectorHit>, StoreError> {
        self.read_table(search.model_id, |session, table| {
            table.check(search.query.dimension())?;
            vector::search(session, table, search, self.form(search.page.exact))
        })
    }

    fn search_keyword(&self, search: &KeywordSearch<'_>) -> Result<KeywordHits, StoreError> {
        self.read(|session| {
            let hits = keyword::search(session, search)?;
            Ok(KeywordHits { total: keyword::total(session, search, &hits)?, hits })
        })
    }

    fn count_matches(&self, terms: &[String], most: usize) -> Result<Vec<usize>, StoreError> {
        self.read(|session| terms.iter().map(|term| keyword::count_matches(session, term, most)).collect())
    }

    fn search_hybrid(&self, search: &HybridSearch<'_>) -> Result<Vec<RankedImage>, StoreError> {
        self.read_table(search.model_id, |session, table| {
            table.check(search.query.dimension())?;
            hybrid::search(session, table, search, self.form(search.page.exact))
        })
    }
}

impl FacetStore for OracleStore {
    fn facets(&self, filter: &Filter, facets: &[Facet], limit: usize) -> Result<Vec<FacetCounts>, StoreError> {
        self.read(|session| facets::facets(session, filter, facets, limit))
    }

    fn suggestions(&self, prefix: &str, kinds: &[SuggestionKind], limit: usize) -> Result<Vec<Suggestion>, StoreError> {
        self.read(|session| suggestions::suggestions(session, prefix, kinds, limit))
    }
}
