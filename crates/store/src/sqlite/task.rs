//! The tasks of the background worker.

use std::sync::Arc;

use super::index_cache::{IndexBuild, VectorCache};

/// A task of the background worker.
pub(super) enum Task {
    /// Bring an index up to date with the rows, and publish it.
    Build(Arc<VectorCache>, Box<IndexBuild>),
    /// Train and save an index, as far as that is due.
    Maintain(Arc<VectorCache>),
    /// Read the facts of all images, and publish them.
    ReadFacts,
    /// Read the lists of common words.
    PrepareWords,
    /// Look at what deletions leave behind.
    Deleted,
    /// End the worker.
    Stop,
}
