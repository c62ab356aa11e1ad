//! Admission by expected wait: a request is refused at once when those before it would keep it waiting too long, so that
//! one that is admitted is answered in a stated time.
//!
//! The expected wait is Little's law: the items that are admitted and unfinished, divided by the rate at which items of
//! the class finish. The rate is measured while there is something to do, and recent seconds count most.

mod rate;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rate::BusyRate;

/// The bounds of Retry-After in seconds.
const RETRY_S: (f64, f64) = (1.0, 300.0);

/// A class of requests that wait for the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Searches by text; an item is a search.
    TextSearch,
    /// Searches by picture; an item is a picture.
    PictureSearch,
    /// Uploads; an item is a file.
    Upload,
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 3] = [Self::TextSearch, Self::PictureSearch, Self::Upload];

    /// Returns the name of the class in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TextSearch => "text_search",
            Self::PictureSearch => "picture_search",
            Self::Upload => "upload",
        }
    }
}

/// The refusal of a request that would wait too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request would wait too long")]
pub struct Overload {
    /// Seconds after which the wait is expected to be short enough.
    pub retry_after_s: u32,
}

/// The state of a class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassStats {
    /// The class.
    pub class: Class,
    /// The time that a request would wait now.
    pub expected_wait: Duration,
    /// Items that are admitted and unfinished.
    pub unfinished: usize,
    /// Requests that have been refused since the start.
    pub refused: u64,
}

/// Decides which requests are admitted.
pub struct Admission {
    classes: Arc<[Line; 3]>,
    longest: Duration,
    /// The items of a class that are always admitted.
    free: usize,
}

struct Line {
    state: Mutex<State>,
    refused: AtomicU64,
}

struct State {
    unfinished: usize,
    rate: BusyRate,
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the seconds in which the unfinished items finish.
    fn wait_s(&mut self, now: Instant) -> f64 {
        self.rate.advance(now, self.unfinished > 0);
        // Nothing is refused for a wait that is not measured.
        self.rate.per_second().map_or(0.0, |rate| self.unfinished as f64 / rate)
    }
}

impl Admission {
    /// Admits requests that wait at most `longest` on a machine of `cores` cores. As many items of each class as there are
    /// cores are always admitted.
    #[must_use]
    pub fn new(longest: Duration, cores: usize) -> Self {
        let line = |_| Line {
            state: Mutex::new(State { unfinished: 0, rate: BusyRate::new(Instant::now()) }),
            refused: AtomicU64::new(0),
        };
        Self { classes: Arc::new(Class::ALL.map(line)), longest, free: cores.max(1) }
    }

    /// Admits a request of `items` items, all of which have arrived.
    ///
    /// # Errors
    /// [`Overload`] when the items before them take too long.
    pub fn admit(&self, class: Class, items: usize) -> Result<Ticket, Overload> {
        self.admit_at(class, items, Instant::now())
    }

    /// Admits a request whose body has not arrived, so that it is not received in vain. Its items count from
    /// [`Ticket::received`] on, because a slow sender keeps nobody waiting.
    ///
    /// # Errors
    /// [`Overload`] when the items before it take too long.
    pub fn admit_head(&self, class: Class) -> Result<Ticket, Overload> {
        self.admit(class, 0)
    }

    fn admit_at(&self, class: Class, items: usize, now: Instant) -> Result<Ticket, Overload> {
        let classes = Arc::clone(&self.classes);
        let ticket = Ticket { classes, class, items: AtomicUsize::new(0), longest: self.longest, free: self.free };
        ticket.receive_at(items, now)?;
        Ok(ticket)
    }

    /// Returns the state of each class.
    #[must_use]
    pub fn stats(&self) -> [ClassStats; 3] {
        Class::ALL.map(|class| {
            let line = &self.classes[class as usize];
            let mut state = line.lock();
            let wait = state.wait_s(Instant::now());
            ClassStats {
                class,
                expected_wait: Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX),
                unfinished: state.unfinished,
                refused: line.refused.load(Ordering::Relaxed),
            }
        })
    }
}

/// The admission of one request. Dropping the ticket leaves its items undone.
pub struct Ticket {
    classes: Arc<[Line; 3]>,
    class: Class,
    /// Items that are not finished.
    items: AtomicUsize,
    longest: Duration,
    free: usize,
}

impl Ticket {
    /// Counts items that have arrived.
    ///
    /// # Errors
    /// [`Overload`] when so many others have arrived before them that they would wait too long.
    pub fn received(&self, items: usize) -> Result<(), Overload> {
        self.receive_at(items, Instant::now())
    }

    fn receive_at(&self, items: usize, now: Instant) -> Result<(), Overload> {
        let line = &self.classes[self.class as usize];
        let mut state = line.lock();
        let beyond = state.wait_s(now) - self.longest.as_secs_f64();
        if state.unfinished >= self.free && beyond > 0.0 {
            line.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Overload { retry_after_s: beyond.ceil().clamp(RETRY_S.0, RETRY_S.1) as u32 });
        }
        state.unfinished += items;
        self.items.fetch_add(items, Ordering::Relaxed);
        Ok(())
    }

    /// Counts an item as finished.
    pub fn finish_one(&self) {
        self.finish_at(1, Instant::now());
    }

    /// Counts all items as finished.
    pub fn finish(self) {
        self.finish_at(usize::MAX, Instant::now());
    }

    fn finish_at(&self, most: usize, now: Instant) {
        self.leave(most, now, BusyRate::count);
    }

    /// Takes at most `most` items out of those that are unfinished.
    fn leave(&self, most: usize, now: Instant, note: impl FnOnce(&mut BusyRate, usize)) {
        let mut state = self.classes[self.class as usize].lock();
        let items = self.items.load(Ordering::Relaxed).min(most);
        if items > 0 {
            self.items.fetch_sub(items, Ordering::Relaxed);
            state.rate.advance(now, true);
            state.unfinished -= items;
            note(&mut state.rate, items);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.leave(usize::MAX, Instant::now(), |_, _| ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission() -> Admission {
        Admission::new(Duration::from_secs(10), 2)
    }

    fn unfinished(admission: &Admission, class: Class) -> usize {
        admission.stats()[class as usize].unfinished
    }

    /// Measures a rate of `per_second` items a second, and returns the time after that.
    fn measured(admission: &Admission, per_second: u32) -> Instant {
        let mut now = Instant::now();
        for _ in 0..per_second * 60 {
            let ticket = admission.admit_at(Class::Upload, 1, now).unwrap();
            now += Duration::from_secs(1) / per_second;
            ticket.finish_at(1, now);
        }
        now
    }

    #[test]
    fn a_request_is_refused_when_those_before_it_take_too_long() {
        let admission = admission();
        // Two items a second, so ten seconds are twenty items.
        let now = measured(&admission, 2);
        let mut tickets: Vec<_> = (0..30).map_while(|_| admission.admit_at(Class::Upload, 1, now).ok()).collect();
        assert!((20..=23).contains(&tickets.len()), "{}", tickets.len());
        let refused = admission.admit_at(Class::Upload, 1, now).err();
        assert_eq!(refused, Some(Overload { retry_after_s: 1 }));
        assert!(admission.admit_at(Class::TextSearch, 1, now).is_ok(), "the classes wait apart");
        assert_eq!(admission.stats()[Class::Upload as usize].refused, 2);
        tickets.truncate(15);
        assert!(admission.admit_at(Class::Upload, 1, now).is_ok());
        drop(tickets);
        assert_eq!(unfinished(&admission, Class::Upload), 0);
    }

    #[test]
    fn nothing_is_refused_before_a_rate_is_measured() {
        let admission = admission();
        let now = Instant::now();
        let tickets: Vec<_> = (0..500).map_while(|_| admission.admit_at(Class::TextSearch, 1, now).ok()).collect();
        assert_eq!(tickets.len(), 500);
    }

    #[test]
    fn the_first_are_always_admitted_however_slow_the_others_are() {
        let admission = admission();
        let start = Instant::now();
        let slow = admission.admit_at(Class::Upload, 1, start).unwrap();
        let now = start + Duration::from_secs(600);
        let second = admission.admit_at(Class::Upload, 1, now).unwrap();
        let refused = admission.admit_at(Class::Upload, 1, now).err().unwrap();
        assert!((10..=300).contains(&refused.retry_after_s), "{refused:?}");
        drop((slow, second));
        assert!(admission.admit_at(Class::Upload, 1, now + Duration::from_secs(9_999)).is_ok());
    }

    #[test]
    fn items_count_from_their_arrival_on_and_are_checked_then() {
        let admission = admission();
        let now = measured(&admission, 2);
        let slow = admission.admit_at(Class::Upload, 0, now).unwrap();
        assert_eq!(unfinished(&admission, Class::Upload), 0);
        let others = admission.admit_at(Class::Upload, 30, now).unwrap();
        assert!(slow.receive_at(1, now).is_err());
        drop(others);
        assert_eq!(slow.receive_at(64, now), Ok(()));
        assert_eq!(unfinished(&admission, Class::Upload), 64);
        slow.finish_one();
        assert_eq!(unfinished(&admission, Class::Upload), 63);
        slow.finish();
        assert_eq!(unfinished(&admission, Class::Upload), 0);
    }
}
