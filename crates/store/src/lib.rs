//! Where images, their texts and their embeddings are kept, and how they are found: SQLite or Oracle Database.
//!
//! A store is one trait for each noun ([`ImageStore`], [`ModelStore`], [`EmbeddingStore`], [`SearchStore`]), and
//! [`Store`] is all of them. Every call blocks: callers keep it off the async workers. The contract test suite says
//! what every store must answer. Nothing here knows HTTP or Torch.

mod embeddings;
mod error;
mod filter;
mod finding;
mod fusion;
mod generation;
mod images;
mod models;
mod pattern;
mod search;
mod segment;
mod sha256;
mod terms;
mod texts;

pub mod oracle;
pub mod sqlite;

pub use embeddings::{EmbeddingFailure, EmbeddingStore};
pub use error::StoreError;
pub use filter::Filter;
pub use finding::Finding;
pub use fusion::{RRF_K, Weights, fuse, fuse_hits, fuse_legs};
pub use images::{Content, Cursor, Image, ImageId, ImagePatch, ImageStore, Inserted, MAX_HASHES, NewImage};
pub use models::{Coverage, Model, ModelId, ModelStore, NewModel};
pub use pattern::like_pattern;
pub use search::{HybridSearch, KeywordHit, KeywordSearch, RankedImage, SearchStore, VectorHit, VectorSearch};
pub use sha256::Sha256;
pub use terms::terms;

/// A whole store.
pub trait Store: ImageStore + ModelStore + EmbeddingStore + SearchStore {
    /// Checks whether the store can answer now.
    ///
    /// # Errors
    /// The reason why it cannot.
    fn check(&self) -> Result<(), StoreError>;

    /// Writes caches out and closes the store; called once at shutdown.
    ///
    /// # Errors
    /// When something could not be written. Nothing stored is lost by that.
    fn close(&self) -> Result<(), StoreError>;
}
