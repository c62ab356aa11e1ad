//! One budget for the memory that requests take: bodies that arrive, pictures that are decoded, and answers that are
//! sent.
//!
//! Each [`Purpose`] has a pool of its own. An upload holds bytes of [`Purpose::Receiving`] while it waits for
//! [`Purpose::Decoding`], so with a single pool the bodies could fill it and nothing could be decoded. Pools are taken in
//! the order of the purposes, so two requests never wait for each other.
//!
//! Memory that is free in a pool may still be missing on the machine, where something else has taken it or a limit of the
//! system is smaller. The system is therefore asked each time for what is taken and for what was taken before, because
//! that may not have been allocated yet.

mod memory;
mod pool;
mod system;

use std::time::Duration;

pub use memory::machine_memory;
pub use pool::{Full, Share};

use pool::{Pool, Taken};

/// The use of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Bodies that arrive, until their pictures are stored.
    Receiving,
    /// Pictures that are decoded.
    Decoding,
    /// Answers that are sent.
    Sending,
}

impl Purpose {
    /// All purposes, in the order in which a request takes them.
    pub const ALL: [Self; 3] = [Self::Receiving, Self::Decoding, Self::Sending];

    /// Returns the name of the purpose in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Decoding => "decoding",
            Self::Sending => "sending",
        }
    }

    /// Returns the percentage of the budget that the purpose has.
    const fn percent(self) -> usize {
        match self {
            Self::Receiving | Self::Decoding => 40,
            Self::Sending => 20,
        }
    }
}

/// The state of the pool of one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurposeStats {
    /// The purpose.
    pub purpose: Purpose,
    /// Bytes that the pool has.
    pub limit: usize,
    /// Bytes that are taken.
    pub used: usize,
    /// Requests that wait for bytes.
    pub waiting: usize,
    /// Requests that have been refused since the start.
    pub refused: u64,
}

/// The memory for requests.
pub struct Budget {
    pools: [Pool; 3],
}

impl Budget {
    /// Makes a budget of `total` bytes. A request waits at most `wait` for its bytes.
    #[must_use]
    pub fn new(total: usize, wait: Duration) -> Self {
        Self::of_system(total, wait, system::gives)
    }

    /// Makes a budget on a system that tells with `gives` whether it has so many bytes.
    fn of_system(total: usize, wait: Duration, gives: fn(usize) -> bool) -> Self {
        let taken = Taken::new(gives);
        Self { pools: Purpose::ALL.map(|purpose| Pool::new(total / 100 * purpose.percent(), wait, taken.clone())) }
    }

    /// Returns the budget with at most `limit` bytes for one purpose.
    #[must_use]
    pub fn at_most(mut self, purpose: Purpose, limit: usize) -> Self {
        let pool = &mut self.pools[purpose as usize];
        if limit < pool.limit() {
            *pool = pool.with_limit(limit);
        }
        self
    }

    /// Takes bytes, and waits for them when they are in use. A request for more than the pool has takes all of the pool.
    ///
    /// # Errors
    /// [`Full`] when the bytes do not become free in time.
    pub async fn take(&self, purpose: Purpose, bytes: usize) -> Result<Share, Full> {
        let mut share = self.nothing(purpose);
        share.grow(bytes).await?;
        Ok(share)
    }

    /// Takes bytes if they are free now. A refusal counts as one.
    #[must_use]
    pub fn try_take(&self, purpose: Purpose, bytes: usize) -> Option<Share> {
        let mut share = self.nothing(purpose);
        share.try_grow(bytes).then_some(share)
    }

    /// Returns a share of no bytes, which can grow.
    #[must_use]
    pub fn nothing(&self, purpose: Purpose) -> Share {
        self.pool(purpose).nothing()
    }

    /// Returns the number of bytes that a purpose has.
    #[must_use]
    pub fn limit(&self, purpose: Purpose) -> usize {
        self.pool(purpose).limit()
    }

    /// Returns the seconds after which a refused request may find room: the time in which the pool empties at the rate of
    /// the last 30 s, from 1 to 60.
    #[must_use]
    pub fn retry_after_s(&self, purpose: Purpose) -> u32 {
        self.pool(purpose).full().retry_after_s
    }

    /// Returns the state of each pool.
    #[must_use]
    pub fn stats(&self) -> [PurposeStats; 3] {
        Purpose::ALL.map(|purpose| self.pool(purpose).stats(purpose))
    }

    fn pool(&self, purpose: Purpose) -> &Pool {
        &self.pools[purpose as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pools_sum_to_the_whole_and_one_may_be_bounded() {
        let budget = Budget::new(1_000 << 20, Duration::ZERO);
        assert_eq!(Purpose::ALL.map(|purpose| budget.limit(purpose) >> 20), [400, 400, 200]);
        let bounded = Budget::new(1_000 << 20, Duration::ZERO).at_most(Purpose::Sending, 10 << 20);
        assert_eq!(bounded.limit(Purpose::Sending), 10 << 20);
        assert_eq!(bounded.limit(Purpose::Receiving), budget.limit(Purpose::Receiving));
    }

    #[tokio::test]
    async fn what_the_system_has_not_is_refused_however_much_is_free_in_the_pool() {
        let budget = Budget::of_system(1_000 << 20, Duration::ZERO, |bytes| bytes <= 100 << 20);
        let mut body = budget.take(Purpose::Receiving, 60 << 20).await.unwrap();
        assert!(body.grow(50 << 20).await.is_err() && !body.try_grow(50 << 20));
        assert_eq!(body.bytes(), 60 << 20, "a share that is refused more stays as it is");
        // The pools count together, and a picture larger than its pool is asked for as a whole.
        assert!(budget.try_take(Purpose::Sending, 50 << 20).is_none());
        assert!(!budget.nothing(Purpose::Decoding).raise_blocking(50 << 20));
        assert!(budget.nothing(Purpose::Decoding).raise_blocking(40 << 20));
        drop(body);
        assert!(budget.nothing(Purpose::Decoding).raise_blocking(90 << 20));
        assert!(!budget.nothing(Purpose::Decoding).raise_blocking(500 << 20));
        let refused = budget.stats().map(|stats| stats.refused);
        assert_eq!(refused, [2, 2, 1]);
    }

    #[test]
    fn a_full_pool_leaves_the_others_as_they_are() {
        let budget = Budget::new(100 << 20, Duration::ZERO);
        let all = budget.try_take(Purpose::Receiving, usize::MAX).unwrap();
        assert_eq!(all.bytes(), budget.limit(Purpose::Receiving));
        assert!(budget.try_take(Purpose::Receiving, 1).is_none());
        assert!(budget.try_take(Purpose::Decoding, 1).is_some());
        let [receiving, decoding, _] = budget.stats();
        assert_eq!((receiving.refused, receiving.used, decoding.used), (1, receiving.limit, 0));
    }
}
