//! The vectors of texts that were searched for lately.

use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;

use super::error::EncodeError;
use super::tokenizer::TokenIds;
use mitsuke_index::UnitVector;

/// The vectors of a text tower by the ids that it gets. An encoder has a cache of its own, so that vectors of other
/// weights cannot be in it.
pub(super) struct QueryCache {
    vectors: Cache<TokenIds, UnitVector>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// The counts of a cache of query vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheStats {
    /// The number of texts whose vector was there, or was being made for another caller.
    pub hits: u64,
    /// The number of texts that were encoded.
    pub misses: u64,
}

impl CacheStats {
    /// Returns the sum of these counts and those of an earlier cache.
    #[must_use]
    pub fn after(self, earlier: Self) -> Self {
        Self { hits: self.hits + earlier.hits, misses: self.misses + earlier.misses }
    }
}

impl QueryCache {
    /// Makes a cache of at most `capacity` vectors.
    pub(super) fn new(capacity: usize) -> Self {
        Self { vectors: Cache::new(capacity), hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// Returns the vector of a text, which `encode` makes if it is not there. Callers that ask for one text at the same
    /// time share the first caller's work; when it fails or the caller leaves, the next one encodes the text.
    pub(super) async fn get_or_encode(
        &self,
        ids: &TokenIds,
        encode: impl Future<Output = Result<UnitVector, EncodeError>>,
    ) -> Result<UnitVector, EncodeError> {
        let mut encoded = false;
        let encode = async {
            encoded = true;
            self.misses.fetch_add(1, Ordering::Relaxed);
            encode.await
        };
        let vector = self.vectors.get_or_insert_async(ids, encode).await;
        if !encoded {
            self.hits.fetch_add(1, Ordering::Relaxed);
        }
        vector
    }

    pub(super) fn stats(&self) -> CacheStats {
        CacheStats { hits: self.hits.load(Ordering::Relaxed), misses: self.misses.load(Ordering::Relaxed) }
    }
}
