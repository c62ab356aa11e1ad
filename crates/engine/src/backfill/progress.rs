//! Counts and rate of a backfill.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::rate::Rate;

/// The counts of a backfill, shared between its task and the callers that ask for its status.
#[derive(Debug, Default)]
pub(super) struct Progress {
    embedded: AtomicU64,
    failed: AtomicU64,
    /// Whether a pass over the recorded failures is requested.
    retry_requested: AtomicBool,
    rate: Rate,
}

impl Progress {
    pub(super) fn embedded(&self) -> u64 {
        self.embedded.load(Ordering::Relaxed)
    }

    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    pub(super) fn count_embedded(&self) {
        self.embedded.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn request_retry(&self) {
        self.retry_requested.store(true, Ordering::Relaxed);
    }

    /// Returns whether a pass over the recorded failures is requested, and clears the request.
    pub(super) fn take_retry(&self) -> bool {
        self.retry_requested.swap(false, Ordering::Relaxed)
    }

    /// Records the count of pictures done at `now`. The run calls this method about once a second.
    pub(super) fn sample(&self, now: Instant) {
        self.rate.sample(now, self.embedded() + self.failed());
    }

    /// Returns the pictures per second over the last half minute, once there is something to measure.
    pub(super) fn per_second(&self) -> Option<f64> {
        self.rate.per_second()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_half_minute() {
        let progress = Progress::default();
        let start = Instant::now();
        assert_eq!(progress.per_second(), None);
        for second in 0..=100 {
            progress.sample(start + Duration::from_secs(second));
            for _ in 0..if second < 60 { 1 } else { 4 } {
                progress.count_embedded();
            }
        }
        assert_eq!(progress.per_second(), Some(4.0));
    }

    #[test]
    fn a_retry_is_requested_once() {
        let progress = Progress::default();
        progress.request_retry();
        assert_eq!([progress.take_retry(), progress.take_retry()], [true, false]);
    }
}
