//! The options of the embedded store.

use std::time::Duration;

use mitsuke_index::IndexParams;

/// The options of the embedded store. The defaults suit every use; tests change them.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The settings of the vector indexes.
    pub index: IndexParams,
    /// The largest number of connections that read at the same time.
    pub max_readers: usize,
    /// The time that a call waits for a lock or a free connection.
    pub busy_timeout: Duration,
    /// The number of changes of a vector index after which its snapshot is written anew (more for a large index).
    pub snapshot_every: u64,
    /// The largest number of changes newer than the snapshot that [`SqliteStore::open`](super::SqliteStore::open)
    /// applies itself. More changes are left to the background, and searches are exact and slower until that is done.
    pub catch_up_at_open: u64,
    /// The largest number of images passing a filter for which a search compares all of them. For so few, that is
    /// cheaper than a search of the index.
    pub max_compared: usize,
    /// The largest number of matches that a full-text search ranks. When there are more, the search ranks the newest.
    pub max_ranked: usize,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            index: IndexParams::default(),
            max_readers: std::thread::available_parallelism().map_or(4, |n| (2 * n.get()).clamp(4, 32)),
            busy_timeout: Duration::from_secs(5),
            snapshot_every: 5_000,
            catch_up_at_open: 10_000,
            max_compared: 500,
            max_ranked: 5_000,
        }
    }
}
