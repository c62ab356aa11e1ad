//! A bounded number of bytes, and the shares that are taken of it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use super::{Purpose, PurposeStats};

/// The number of bytes that a permit stands for.
const UNIT: usize = 4096;

/// The time over which the rate of giving back is measured, in seconds.
const WINDOW_S: u64 = 30;

/// The bounds of Retry-After in seconds.
const RETRY_S: (f64, f64) = (1.0, 60.0);

/// The refusal of a request for which there is no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the memory for requests is used up")]
pub struct Full {
    /// Seconds after which the request may be sent again.
    pub retry_after_s: u32,
}

/// The bytes that are taken of all pools of a budget, and the system that has to give them.
#[derive(Clone)]
pub(super) struct Taken {
    bytes: Arc<AtomicUsize>,
    gives: fn(usize) -> bool,
}

impl Taken {
    /// Makes the count of a system that tells with `gives` whether it has so many bytes.
    pub(super) fn new(gives: fn(usize) -> bool) -> Self {
        Self { bytes: Arc::default(), gives }
    }

    /// Tells whether the system gives more bytes.
    fn has(&self, more: usize) -> bool {
        (self.gives)(self.bytes.load(Ordering::Relaxed).saturating_add(more))
    }
}

/// A bounded number of bytes.
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    taken: Taken,
    room: Arc<Semaphore>,
    units: usize,
    wait: Duration,
    used: AtomicUsize,
    waiting: AtomicUsize,
    refused: AtomicU64,
    given_back: Mutex<Window>,
}

/// Units that were given back in each of the last seconds.
struct Window {
    start: Instant,
    seconds: VecDeque<(u64, usize)>,
}

impl Pool {
    pub(super) fn new(bytes: usize, wait: Duration, taken: Taken) -> Self {
        let units = (bytes / UNIT).clamp(1, u32::MAX as usize);
        Self(Arc::new(Shared {
            taken,
            room: Arc::new(Semaphore::new(units)),
            units,
            wait,
            used: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            given_back: Mutex::new(Window { start: Instant::now(), seconds: VecDeque::new() }),
        }))
    }

    pub(super) fn limit(&self) -> usize {
        self.0.units * UNIT
    }

    /// Returns an unused pool like this one with another limit.
    pub(super) fn with_limit(&self, bytes: usize) -> Self {
        Self::new(bytes, self.0.wait, self.0.taken.clone())
    }

    pub(super) fn nothing(&self) -> Share {
        Share { pool: Arc::clone(&self.0), permit: None }
    }

    pub(super) fn full(&self) -> Full {
        self.0.full()
    }

    pub(super) fn stats(&self, purpose: Purpose) -> PurposeStats {
        let load = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        PurposeStats {
            purpose,
            limit: self.limit(),
            used: load(&self.0.used) * UNIT,
            waiting: load(&self.0.waiting),
            refused: self.0.refused.load(Ordering::Relaxed),
        }
    }
}

impl Shared {
    fn full(&self) -> Full {
        let window = self.given_back.lock().unwrap_or_else(PoisonError::into_inner);
        let now = window.start.elapsed().as_secs();
        let recent = window.seconds.iter().filter(|(second, _)| second + WINDOW_S > now);
        let rate = recent.map(|(_, units)| *units as f64).sum::<f64>() / WINDOW_S.min(now + 1) as f64;
        let seconds = (self.used.load(Ordering::Relaxed) as f64 / rate).clamp(RETRY_S.0, RETRY_S.1);
        // A pool that gives nothing back has no rate.
        Full { retry_after_s: if seconds.is_nan() { RETRY_S.1 as u32 } else { seconds.ceil() as u32 } }
    }

    fn refuse(&self) -> Full {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.full()
    }

    fn note_given_back(&self, units: usize) {
        self.used.fetch_sub(units, Ordering::Relaxed);
        self.taken.bytes.fetch_sub(units * UNIT, Ordering::Relaxed);
        let mut window = self.given_back.lock().unwrap_or_else(PoisonError::into_inner);
        let now = window.start.elapsed().as_secs();
        match window.seconds.back_mut() {
            Some((second, sum)) if *second == now => *sum += units,
            _ => {
                window.seconds.push_back((now, units));
                while window.seconds.front().is_some_and(|(second, _)| second + WINDOW_S <= now) {
                    window.seconds.pop_front();
                }
            }
        }
    }
}

/// Counts a request as waiting until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes that a request has taken. Dropping the share gives them back.
pub struct Share {
    pool: Arc<Shared>,
    permit: Option<OwnedSemaphorePermit>,
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Share({})", self.bytes())
    }
}

impl Share {
    /// Returns the number of bytes of the share, which is a multiple of 4,096.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.units() * UNIT
    }

    fn units(&self) -> usize {
        self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// Returns the units by which the share has to grow for more bytes. It never becomes larger than the pool.
    fn more(&self, bytes: usize) -> u32 {
        let units = bytes.div_ceil(UNIT).min(self.pool.units - self.units());
        u32::try_from(units).unwrap_or(u32::MAX)
    }

    /// Takes more bytes, and waits for them when they are in use.
    ///
    /// # Errors
    /// [`Full`] when the bytes do not become free in time, or the system does not have them. The share stays as it is.
    pub async fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let units = self.more(bytes);
        if units == 0 {
            return Ok(());
        }
        if !self.pool.taken.has(units as usize * UNIT) {
            return Err(self.pool.refuse());
        }
        if self.try_take(units) {
            return Ok(());
        }
        let waiting = Waiting::new(&self.pool.waiting);
        let taking = Arc::clone(&self.pool.room).acquire_many_owned(units);
        let Ok(Ok(permit)) = tokio::time::timeout(self.pool.wait, taking).await else {
            return Err(self.pool.refuse());
        };
        drop(waiting);
        self.add(permit);
        Ok(())
    }

    /// Takes more bytes if they are free now, and returns whether they were.
    pub fn try_grow(&mut self, bytes: usize) -> bool {
        let units = self.more(bytes);
        let taken = units == 0 || (self.pool.taken.has(units as usize * UNIT) && self.try_take(units));
        if !taken {
            self.pool.refused.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    fn take_blocking(&mut self, bytes: usize) {
        let units = self.more(bytes);
        let waiting = Waiting::new(&self.pool.waiting);
        let permit = wait_for(Arc::clone(&self.pool.room).acquire_many_owned(units));
        drop(waiting);
        // The semaphore is never closed.
        if let Ok(permit) = permit {
            self.add(permit);
        }
    }

    /// Takes as many bytes as are missing to `bytes`, and blocks the thread as long as they are in use. Returns false when
    /// the system does not have them. This method is for work that always ends, such as decoding, on threads that may
    /// block.
    pub fn raise_blocking(&mut self, bytes: usize) -> bool {
        let missing = bytes.saturating_sub(self.bytes());
        if missing == 0 {
            return true;
        }
        if !self.try_take(self.more(missing)) {
            // Two that hold a part and wait for each other's would wait forever.
            self.shrink_to(0);
            self.take_blocking(bytes);
        }
        // The system is asked for all of a picture that is larger than the pool.
        let has = self.pool.taken.has(bytes.saturating_sub(self.bytes()));
        if !has {
            self.pool.refuse();
            self.shrink_to(0);
        }
        has
    }

    /// Gives back what goes beyond `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let surplus = self.units().saturating_sub(bytes.div_ceil(UNIT));
        if surplus == 0 {
            return;
        }
        if let Some(freed) = self.permit.as_mut().and_then(|permit| permit.split(surplus)) {
            self.pool.note_given_back(surplus);
            drop(freed);
        }
    }

    fn try_take(&mut self, units: u32) -> bool {
        match Arc::clone(&self.pool.room).try_acquire_many_owned(units) {
            Ok(permit) => {
                self.add(permit);
                true
            }
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => false,
        }
    }

    fn add(&mut self, permit: OwnedSemaphorePermit) {
        self.pool.used.fetch_add(permit.num_permits(), Ordering::Relaxed);
        self.pool.taken.bytes.fetch_add(permit.num_permits() * UNIT, Ordering::Relaxed);
        match &mut self.permit {
            Some(own) => own.merge(permit),
            None => self.permit = Some(permit),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let units = self.units();
        if units > 0 {
            self.pool.note_given_back(units);
        }
    }
}

/// Blocks the thread until a future that needs no runtime is ready.
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use proptest::prelude::*;

    use super::*;

    const KIB: usize = 1 << 10;

    fn waiting_pool(units: usize, wait: Duration) -> Pool {
        Pool::new(units * UNIT, wait, Taken::new(|_| true))
    }

    fn pool(units: usize) -> Pool {
        waiting_pool(units, Duration::from_millis(5))
    }

    fn stats(pool: &Pool) -> PurposeStats {
        pool.stats(Purpose::Receiving)
    }

    #[tokio::test]
    async fn who_waits_gets_what_is_given_back_and_who_waits_too_long_is_refused() {
        let pool = waiting_pool(10, Duration::from_secs(60));
        let (mut first, mut second) = (pool.nothing(), pool.nothing());
        first.grow(8 * UNIT).await.unwrap();
        let grown = tokio::join!(second.grow(4 * UNIT), async { first.shrink_to(6 * UNIT) }).0;
        assert_eq!((grown, second.bytes(), stats(&pool).used), (Ok(()), 4 * UNIT, 10 * UNIT));
        let impatient = waiting_pool(1, Duration::from_millis(1));
        let _all = impatient.nothing().try_grow(UNIT).then_some(());
        let mut held = impatient.nothing();
        assert!(held.try_grow(UNIT));
        let refused = impatient.nothing().grow(1).await.unwrap_err();
        assert!((1..=60).contains(&refused.retry_after_s));
        assert_eq!((stats(&impatient).refused, stats(&impatient).waiting), (1, 0));
    }

    #[test]
    fn a_share_is_never_larger_than_the_pool() {
        let pool = pool(4);
        let mut share = pool.nothing();
        assert!(share.try_grow(3 * UNIT) && share.try_grow(9 * UNIT) && share.try_grow(usize::MAX));
        assert_eq!((share.bytes(), stats(&pool).used), (4 * UNIT, 4 * UNIT));
    }

    #[test]
    fn a_blocked_thread_goes_on_when_bytes_are_given_back() {
        let pool = Arc::new(pool(2));
        let mut all = pool.nothing();
        assert!(all.try_grow(2 * UNIT));
        let (sender, taken) = mpsc::channel();
        let theirs = Arc::clone(&pool);
        let thread = thread::spawn(move || {
            let mut share = theirs.nothing();
            assert!(share.raise_blocking(UNIT));
            sender.send(share.bytes()).unwrap();
        });
        while stats(&pool).waiting == 0 {
            thread::yield_now();
        }
        assert!(taken.try_recv().is_err());
        drop(all);
        assert_eq!(taken.recv(), Ok(UNIT));
        thread.join().unwrap();
        assert_eq!(stats(&pool).used, 0);
    }

    #[test]
    fn retry_after_follows_the_rate_of_giving_back() {
        let pool = pool(1_000);
        assert_eq!(pool.full().retry_after_s, 60, "nothing has been given back");
        let mut share = pool.nothing();
        assert!(share.try_grow(1_000 * UNIT));
        share.shrink_to(500 * UNIT);
        assert_eq!(pool.full().retry_after_s, 1);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Take(usize),
        Grow(usize, usize),
        Shrink(usize, usize),
        Drop(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let bytes = 0..40 * KIB;
        prop_oneof![
            bytes.clone().prop_map(Step::Take),
            (0..8_usize, bytes.clone()).prop_map(|(at, bytes)| Step::Grow(at, bytes)),
            (0..8_usize, bytes).prop_map(|(at, bytes)| Step::Shrink(at, bytes)),
            (0..8_usize).prop_map(Step::Drop),
        ]
    }

    proptest! {
        #[test]
        fn what_is_used_is_the_sum_of_the_shares_within_the_limit_and_all_of_it_comes_back(
            steps in prop::collection::vec(step(), 0..60)
        ) {
            let pool = pool(16);
            let mut shares: Vec<Share> = Vec::new();
            for step in steps {
                match step {
                    Step::Take(bytes) => {
                        let mut share = pool.nothing();
                        if share.try_grow(bytes) {
                            shares.push(share);
                        }
                    }
                    Step::Grow(at, bytes) => {
                        let _ = shares.get_mut(at).map(|share| share.try_grow(bytes));
                    }
                    Step::Shrink(at, bytes) => {
                        if let Some(share) = shares.get_mut(at) {
                            share.shrink_to(bytes);
                        }
                    }
                    Step::Drop(at) => {
                        if at < shares.len() {
                            shares.remove(at);
                        }
                    }
                }
                let used = stats(&pool).used;
                prop_assert_eq!(used, shares.iter().map(Share::bytes).sum::<usize>());
                prop_assert!(used <= pool.limit());
            }
            shares.clear();
            prop_assert_eq!(stats(&pool).used, 0);
            prop_assert!(pool.nothing().try_grow(pool.limit()));
        }
    }
}
