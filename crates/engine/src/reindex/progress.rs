//! Counts and rate of a reindex.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use mitsuke_store::{Changes, ImageId};
use time::OffsetDateTime;

use super::state::{ReindexCounts, ReindexFailure, ReindexState, ReindexStatus};
use crate::rate::Rate;

/// The number of changed and of failed images that are listed.
const MAX_LISTED: usize = 20;

/// The progress of a reindex, shared between its task and the callers that ask for its status.
pub(super) struct Progress {
    rate: Rate,
    status: Mutex<ReindexStatus>,
}

impl Progress {
    pub(super) fn new() -> Self {
        let status = ReindexStatus {
            state: ReindexState::Running,
            reason: None,
            total: 0,
            counts: ReindexCounts::default(),
            changed: Vec::new(),
            failures: Vec::new(),
            per_second: None,
            started_at: OffsetDateTime::now_utc(),
            ended_at: None,
        };
        Self { rate: Rate::default(), status: Mutex::new(status) }
    }

    fn lock(&self) -> MutexGuard<'_, ReindexStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_total(&self, total: u64) {
        self.lock().total = total;
    }

    /// Notes an image whose file was read.
    pub(super) fn note_changes(&self, image_id: ImageId, changes: Changes) {
        let mut status = self.lock();
        let counts = &mut status.counts;
        counts.read += 1;
        counts.captions += u64::from(changes.caption);
        counts.generation_prompts += u64::from(changes.generation_prompt);
        counts.tags += u64::from(changes.tags);
        counts.unchanged += u64::from(!changes.any());
        if changes.any() && status.changed.len() < MAX_LISTED {
            status.changed.push(image_id);
        }
    }

    /// Notes an image whose file could not be read.
    pub(super) fn note_failure(&self, image_id: ImageId, reason: String) {
        let mut status = self.lock();
        status.counts.read += 1;
        status.counts.failed += 1;
        if status.failures.len() < MAX_LISTED {
            status.failures.push(ReindexFailure { image_id, reason });
        }
    }

    /// Measures the rate.
    pub(super) fn sample(&self) {
        let read = self.lock().counts.read;
        self.rate.sample(Instant::now(), read);
    }

    /// Notes the end of the reindex, and returns its counts.
    pub(super) fn end(&self, state: ReindexState, reason: Option<String>) -> ReindexCounts {
        let mut status = self.lock();
        status.state = state;
        status.reason = reason;
        status.ended_at = Some(OffsetDateTime::now_utc());
        status.counts
    }

    /// Returns the status of this moment.
    pub(super) fn status(&self) -> ReindexStatus {
        let status = self.lock().clone();
        let per_second = self.rate.per_second().filter(|_| status.state == ReindexState::Running);
        ReindexStatus { per_second, ..status }
    }
}
