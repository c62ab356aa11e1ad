//! The rounds of the scrub.

use std::sync::Arc;
use std::time::Duration;

use mitsuke_store::{CheckPart, Filter, ImageId, ScrubState, Store, StoreError, Verified};
use time::OffsetDateTime;

use super::{Busy, Shared};

/// The time from the end of a round to the beginning of the next one.
const BETWEEN_ROUNDS: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest time between two looks at the clock, which may have been set.
const LOOK: Duration = Duration::from_secs(10 * 60);

/// The time that the scrub waits for requests before it looks again.
const PATIENCE: Duration = Duration::from_millis(200);

/// The time that the scrub waits after an error of the store.
const AFTER_ERROR: Duration = Duration::from_secs(60);

/// The number of originals after which the place of the round is kept.
const BATCH: usize = 100;

/// The number of rows that a step of the other parts looks at, and the pause after it.
const ROWS: usize = 500;
const PAUSE: Duration = Duration::from_millis(50);

/// The thread of the scrub.
pub(super) struct Run {
    pub(super) store: Arc<dyn Store>,
    pub(super) shared: Arc<Shared>,
    pub(super) bytes_per_second: u64,
    pub(super) busy: Busy,
}

/// The end of a round before its time.
enum Ended {
    Stopped,
    Failed(StoreError),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl Run {
    /// Runs rounds until the scrub is stopped.
    pub(super) fn run(&self) {
        loop {
            let waited = match self.store.scrub_state() {
                Ok(kept) => {
                    let state = kept.unwrap_or_else(|| self.unkept());
                    self.shared.lock().status.finished_at = state.finished_at;
                    if self.is_due(kept.as_ref()) {
                        match self.round(state.after) {
                            Ok(()) => true,
                            Err(Ended::Stopped) => return,
                            Err(Ended::Failed(error)) => {
                                log::warn!("the comparison of stored pictures with their hashes waits: {error}");
                                self.shared.wait(AFTER_ERROR)
                            }
                        }
                    } else {
                        self.shared.wait_for_request(LOOK)
                    }
                }
                Err(error) => {
                    log::debug!("the place of the scrub cannot be read: {error}");
                    self.shared.wait(AFTER_ERROR)
                }
            };
            if !waited {
                return;
            }
        }
    }

    /// Returns the state of a store that keeps none: each of its rounds begins with the first image.
    fn unkept(&self) -> ScrubState {
        ScrubState { after: 0, finished_at: self.shared.lock().status.finished_at }
    }

    /// Returns whether a round is to begin. A store that keeps no state has a round only when it is requested.
    fn is_due(&self, kept: Option<&ScrubState>) -> bool {
        if self.shared.lock().requested {
            return true;
        }
        let Some(state) = kept else { return false };
        let since = state.finished_at.map(|at| OffsetDateTime::now_utc() - at);
        self.bytes_per_second > 0 && since.is_none_or(|since| since >= BETWEEN_ROUNDS || since.is_negative())
    }

    /// Compares all originals after `after`, then the other parts of the store.
    fn round(&self, mut after: ImageId) -> Result<(), Ended> {
        {
            let mut state = self.shared.lock();
            state.status.running = true;
            // A request during a round is answered by the next one only if this one has begun in the middle.
            state.requested = state.requested && after > 0;
        }
        let ended = self.originals(&mut after).and_then(|()| self.other_parts());
        self.shared.lock().status.running = false;
        if matches!(ended, Err(Ended::Stopped)) {
            _ = self.store.put_scrub_state(after, None);
        }
        ended?;
        let now = OffsetDateTime::now_utc();
        self.store.put_scrub_state(0, Some(now))?;
        self.shared.lock().status.finished_at = Some(now);
        Ok(())
    }

    fn originals(&self, after: &mut ImageId) -> Result<(), Ended> {
        loop {
            let batch = self.store.image_ids(&Filter::default(), Some(*after).filter(|after| *after > 0), BATCH)?;
            for image_id in &batch {
                let bytes = self.store.image(*image_id)?.map_or(0, |image| image.bytes);
                self.make_way(bytes)?;
                let verified = self.store.verify_image(*image_id)?;
                let mut state = self.shared.lock();
                state.status.images += 1;
                state.status.bytes += bytes;
                state.status.faults += u64::from(verified == Verified::Damaged);
                drop(state);
                *after = *image_id;
            }
            if batch.len() < BATCH {
                return Ok(());
            }
            self.store.put_scrub_state(*after, None)?;
        }
    }

    fn other_parts(&self) -> Result<(), Ended> {
        for part in CheckPart::ALL.into_iter().filter(|part| *part != CheckPart::Pictures) {
            let mut after = None;
            loop {
                self.make_way(0)?;
                let step = self.store.check_part(part, after, ROWS, false)?;
                for fault in &step.faults {
                    log::error!(
                        "the store is damaged ({}): {}. `mitsuke check --repair` repairs it",
                        part.name(),
                        fault.found
                    );
                }
                self.shared.lock().status.faults += step.faults.len() as u64;
                if !self.shared.wait(PAUSE) {
                    return Err(Ended::Stopped);
                }
                let Some(next) = step.next else { break };
                after = Some(next);
            }
        }
        Ok(())
    }

    /// Waits until no request waits, and as long as reading `bytes` takes at the rate of the scrub.
    fn make_way(&self, bytes: u64) -> Result<(), Ended> {
        let rate = self.bytes_per_second;
        let time = if rate == 0 { Duration::ZERO } else { Duration::from_secs_f64(bytes as f64 / rate as f64) };
        if !self.shared.wait(time) {
            return Err(Ended::Stopped);
        }
        while (self.busy)() {
            if !self.shared.wait(PATIENCE) {
                return Err(Ended::Stopped);
            }
        }
        Ok(())
    }
}
