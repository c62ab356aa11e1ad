//! The rate of bulk work.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The time over which the rate is measured.
const WINDOW: Duration = Duration::from_secs(30);

/// Measures how many pictures a second are done.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    /// The counts of pictures done, a second apart.
    samples: Mutex<VecDeque<(Instant, u64)>>,
}

impl Rate {
    /// Records the count of pictures done at `now`. The work calls this method about once a second.
    pub(crate) fn sample(&self, now: Instant, done: u64) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push_back((now, done));
        while samples.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            samples.pop_front();
        }
    }

    /// Returns the pictures per second over the last half minute, once there is something to measure.
    pub(crate) fn per_second(&self) -> Option<f64> {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let ((begin, before), (end, after)) = (samples.front()?, samples.back()?);
        let seconds = end.duration_since(*begin).as_secs_f64();
        let done = after.saturating_sub(*before) as f64;
        (seconds > 0.0 && done > 0.0).then(|| done / seconds)
    }
}
