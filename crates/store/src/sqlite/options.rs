//! The options of the embedded store.

use std::time::Duration;

use mitsuke_index::IndexParams;

use crate::OriginalsOptions;

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
    /// applies itself, and the largest number of images whose facts it reads itself. More are left to the background;
    /// until that is done, searches are exact and slower, and filters read the rows.
    pub catch_up_at_open: u64,
    /// The free bytes on the disk below which uploads are refused; `None` for a fiftieth of the file system, at least
    /// 16 MiB and at most 1 GiB.
    pub min_free_bytes: Option<u64>,
    /// The size of the file that is given up so that something can be deleted on a full disk, 0 for none. It never takes
    /// more than half of `min_free_bytes` (of its automatic value, if that is larger) and a quarter of the free bytes.
    pub reserve_bytes: u64,
    /// Whether the database is copied before its schema is upgraded.
    pub upgrade_copy: bool,
    /// The pages that the database may have; `None` for as many as the disk takes.
    pub max_pages: Option<u32>,
    /// The homes of originals.
    pub originals: OriginalsOptions,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            index: IndexParams::default(),
            max_readers: std::thread::available_parallelism().map_or(4, |n| (2 * n.get()).clamp(4, 32)),
            busy_timeout: Duration::from_secs(5),
            snapshot_every: 5_000,
            catch_up_at_open: 10_000,
            min_free_bytes: None,
            reserve_bytes: 0,
            upgrade_copy: true,
            max_pages: None,
            originals: OriginalsOptions::default(),
        }
    }
}
