//! The rate at which items finish while there are some.

use std::time::{Duration, Instant};

/// The time after which a second counts half.
const HALF_LIFE: Duration = Duration::from_secs(20);

/// The busy seconds from which on there is a rate.
const MEASURED_S: f64 = 2.0;

/// Items finished per busy second, as an exponentially weighted mean.
pub(super) struct BusyRate {
    updated: Instant,
    /// Items finished, the recent ones in full.
    finished: f64,
    /// Busy seconds, weighted alike.
    busy_s: f64,
}

impl BusyRate {
    /// Makes a rate of which nothing is measured.
    pub(super) fn new(now: Instant) -> Self {
        Self { updated: now, finished: 0.0, busy_s: 0.0 }
    }

    /// Brings the rate up to `now`; the time since the last call counts when it was busy.
    pub(super) fn advance(&mut self, now: Instant, busy: bool) {
        let passed = now.saturating_duration_since(self.updated).as_secs_f64();
        self.updated = self.updated.max(now);
        if busy && passed > 0.0 {
            let half_life = HALF_LIFE.as_secs_f64();
            let kept = (-passed / half_life).exp2();
            self.finished *= kept;
            self.busy_s = self.busy_s * kept + (1.0 - kept) * half_life / std::f64::consts::LN_2;
        }
    }

    /// Counts finished items.
    pub(super) fn count(&mut self, items: usize) {
        self.finished += items as f64;
    }

    /// Returns items per busy second, once enough of them are measured. The item that is being worked on counts, so that
    /// the rate is never 0.
    pub(super) fn per_second(&self) -> Option<f64> {
        (self.busy_s >= MEASURED_S).then(|| self.finished.max(1.0) / self.busy_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_follows_what_finishes_and_stands_still_while_idle() {
        let start = Instant::now();
        let mut rate = BusyRate::new(start);
        assert_eq!(rate.per_second(), None);
        let mut now = start;
        for _ in 0..600 {
            now += Duration::from_millis(500);
            rate.advance(now, true);
            rate.count(2);
        }
        let before = rate.per_second().unwrap();
        assert!((before - 4.0).abs() < 0.2, "{before}");
        rate.advance(now + Duration::from_secs(3_600), false);
        assert_eq!(rate.per_second(), Some(before));
        rate.advance(now + Duration::from_secs(3_660), true);
        assert!(rate.per_second().unwrap() < before / 4.0);
        rate.advance(now + Duration::from_secs(9_999), true);
        assert!(rate.per_second().unwrap() > 0.0);
    }
}
