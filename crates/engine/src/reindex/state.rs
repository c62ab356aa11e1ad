//! States of a reindex.

use mitsuke_store::ImageId;
use time::OffsetDateTime;

/// The state of a reindex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReindexState {
    /// Files are being read by this process.
    Running,
    /// No file is left to read.
    Finished,
    /// A caller stopped the reindex, or the process is ending.
    Stopped,
    /// The reindex cannot go on.
    Failed,
}

/// The numbers of images that a reindex has read, by their outcome. An image counts for each of its texts that changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReindexCounts {
    /// Images whose caption changed.
    pub captions: u64,
    /// Images whose generation prompt or its readable parts changed.
    pub generation_prompts: u64,
    /// Images whose tags changed.
    pub tags: u64,
    /// Images of which nothing changed.
    pub unchanged: u64,
    /// Images whose file could not be read. They keep their texts.
    pub failed: u64,
    /// All images that were read, those that failed too.
    pub read: u64,
}

/// An image whose file could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReindexFailure {
    /// The image.
    pub image_id: ImageId,
    /// The reason, in words for the operator.
    pub reason: String,
}

/// The running or last reindex of this process.
#[derive(Debug, Clone, PartialEq)]
pub struct ReindexStatus {
    /// The state.
    pub state: ReindexState,
    /// The reason why the reindex cannot go on.
    pub reason: Option<String>,
    /// The number of images to read, counted at the start.
    pub total: u64,
    /// The numbers of images by their outcome.
    pub counts: ReindexCounts,
    /// The first images that changed.
    pub changed: Vec<ImageId>,
    /// The first images whose file could not be read.
    pub failures: Vec<ReindexFailure>,
    /// The images per second over the last half minute, while the reindex runs.
    pub per_second: Option<f64>,
    /// The time at which the reindex started.
    pub started_at: OffsetDateTime,
    /// The time at which the reindex ended.
    pub ended_at: Option<OffsetDateTime>,
}
