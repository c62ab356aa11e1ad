//! Stores of images, their texts and their embeddings, and searches over them: SQLite or Oracle Database.
//!
//! There is one trait for each noun ([`ImageStore`], [`ThumbnailStore`], [`ReadingStore`], [`ModelStore`],
//! [`EmbeddingStore`], [`SearchStore`], [`FacetStore`], [`IntegrityStore`], [`OriginalsStore`]), and [`Store`] is all of them. Every call blocks, so callers keep
//! calls off the async workers. The contract suite in `crates/store-testing` says what every store must answer. This crate
//! knows neither HTTP nor Torch.
//!
//! Every call can fail with [`StoreError::Busy`], [`StoreError::Unreachable`], [`StoreError::Unavailable`],
//! [`StoreError::DiskFull`], [`StoreError::Damaged`] or [`StoreError::Internal`]. The `# Errors` sections name only the
//! errors that are special to a call.

mod backup;
mod bulk;
mod disk;
mod embeddings;
mod error;
mod facets;
mod files;
mod filter;
mod finding;
mod fusion;
mod generation;
mod ids;
mod images;
mod integrity;
mod loras;
mod models;
mod originals;
mod page;
mod pattern;
mod plain;
mod reading;
mod search;
mod search_types;
mod sha256;
mod sort;
mod source_path;
mod tags;
mod taken;
mod text;
mod thumbnails;
mod total;

pub mod oracle;
pub mod sqlite;

pub use backup::{
    BACKUP_FORMAT, BackupError, BackupOptions, BackupProgress, BackupStep, BackupStore, Manifest, RoomState,
};
pub use bulk::{ChangeOutcome, ImageChange, MAX_CHANGED};
pub use embeddings::{EmbeddingFailure, EmbeddingStore};
pub use error::StoreError;
pub use facets::{Facet, FacetCounts, FacetStore, FacetValue, Suggestion, SuggestionKind};
pub use filter::{Filter, MAX_NONE_OF};
pub use finding::Finding;
pub use fusion::fuse;
pub use ids::{ImageId, ModelId};
pub use images::{Content, Cursor, Image, ImagePatch, ImageStore, Inserted, MAX_HASHES, NewImage, TakenAt};
pub use integrity::{
    CHUNK_BYTES, CheckPart, CheckStep, ContentPart, DamageReason, DamagedImage, Fault, IntegrityStore, ScrubState,
    StoreCondition, Verified,
};
pub use models::{Coverage, Model, ModelStore, NewModel};
pub use originals::{
    FileState, Folder, FoundOriginal, Home, HomeCounts, HomeError, InPlace, LinkError, LinkFolders, LinkedFile,
    LinkedImage, MoveStep, OpenedLink, OriginalHome, OriginalKey, OriginalsOptions, OriginalsStore,
};
pub use page::{MAX_PAGE_DEPTH, Page};
pub use pattern::like_pattern;
pub use reading::{Changes, Reading, ReadingStore};
pub use search::SearchStore;
pub use search_types::{
    HybridSearch, KeywordHit, KeywordHits, KeywordSearch, RankedImage, VectorHit, VectorSearch, Weights,
};
pub use sha256::{Hasher, Sha256};
pub use sort::{
    ListedImage, RANDOM_MODULUS, Shape, Sort, SortCursor, SortKey, SortValue, random_key, random_parameters,
};
pub use source_path::{MAX_SOURCE_PATH_CHARS, clean_source_path, folder_of};
pub use tags::{MAX_TAG_CHARS, MAX_TAGS, Origin, clean_tag};
pub use text::{Narrowed, natural_key, prompt_words, terms};
pub use thumbnails::ThumbnailStore;
pub use total::{EXACT_TOTAL, Total};

pub use mitsuke_index::UnitVector;

/// The occasion of a call of [`Store::maintain`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// Some time has passed.
    Regular,
    /// Many rows have been written just now.
    AfterBulkWork,
}

/// A store of everything: images, thumbnails, models and embeddings, with the searches over them.
pub trait Store:
    ImageStore
    + ThumbnailStore
    + ReadingStore
    + ModelStore
    + EmbeddingStore
    + SearchStore
    + FacetStore
    + IntegrityStore
    + OriginalsStore
    + BackupStore
{
    /// Checks whether the store can answer now.
    ///
    /// # Errors
    /// The reason why the store cannot answer.
    fn check(&self) -> Result<(), StoreError>;

    /// Checks whether there is room for uploads.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] when uploads are refused for want of room.
    fn has_room(&self) -> Result<(), StoreError> {
        match self.room() {
            Some(room) if room.is_low() => {
                Err(StoreError::DiskFull(format!("{} bytes are free, and {} are wanted", room.free, room.wanted)))
            }
            _ => Ok(()),
        }
    }

    /// Does work that is due and that no request waits for. `tell` receives sentences about work that takes long. The
    /// service calls this method about once a minute, and calls of several processes never do the same work twice. The
    /// default does nothing, for stores without such work. Blocks, for hours if need be.
    ///
    /// # Errors
    /// The reason why work has failed.
    fn maintain(&self, _occasion: Occasion, _tell: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        Ok(())
    }

    /// Writes the caches to disk and closes the store. The service calls this method once, at shutdown.
    ///
    /// # Errors
    /// The reason why a cache could not be written. No stored image is lost by that.
    fn close(&self) -> Result<(), StoreError>;
}
