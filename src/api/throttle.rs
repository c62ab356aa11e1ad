//! Limits of what one caller may ask: guesses of keys, and requests per second.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::access::KeyDigest;
use crate::api::CallerId;
use crate::config::AccessSettings;
use crate::error::{ApiError, ErrorCode};

/// Wrong keys of one address in a minute.
const GUESSES_A_MINUTE: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// Wrong keys of one address at once.
const GUESSES_AT_ONCE: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// Time for which a key that has opened is let in from an address that guesses.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// Time between two looks for callers that have not come back.
const SWEEP: Duration = Duration::from_secs(60);

/// A limit for each of many callers. It forgets those that have not come for so long that they have their whole burst
/// again.
struct Limiter<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K, StateInformationMiddleware>,
    swept: Mutex<Instant>,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    fn new(quota: Quota) -> Self {
        let limiter = RateLimiter::keyed(quota).with_middleware();
        Self { limiter, swept: Mutex::new(Instant::now()) }
    }

    /// Counts a request of a caller. Returns how many more are let in now, or the time until the next one is.
    fn count(&self, caller: &K) -> Result<u32, Duration> {
        self.sweep();
        let counted = self.limiter.check_key(caller);
        counted
            .map(|state| state.remaining_burst_capacity())
            .map_err(|refusal| refusal.wait_time_from(DefaultClock::default().now()))
    }

    fn sweep(&self) {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.elapsed() < SWEEP {
            return;
        }
        *swept = Instant::now();
        drop(swept);
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

/// Slows down callers who try keys that can be guessed. An address that has sent many wrong keys is refused its next
/// one, unless that key has opened before: many callers may share an address with one who guesses.
pub struct Guesses {
    limiter: Limiter<IpAddr>,
    state: Mutex<Guessing>,
}

#[derive(Default)]
struct Guessing {
    /// The time until which an address has no look.
    shut: HashMap<IpAddr, Instant>,
    /// The time at which a key opened last.
    opened: HashMap<KeyDigest, Instant>,
}

impl Guesses {
    /// Makes the limit, which no caller has met yet.
    #[must_use]
    pub fn new() -> Self {
        let quota = Quota::per_minute(GUESSES_A_MINUTE).allow_burst(GUESSES_AT_ONCE);
        Self { limiter: Limiter::new(quota), state: Mutex::default() }
    }

    /// Refuses a key of an address that has sent too many wrong ones.
    ///
    /// # Errors
    /// [`ErrorCode::TooManyAttempts`].
    pub fn check(&self, address: IpAddr, key: &KeyDigest) -> Result<(), ApiError> {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(until) = state.shut.get(&address).copied() else { return Ok(()) };
        if until <= now {
            state.shut.remove(&address);
            return Ok(());
        }
        let is_known = state.opened.get(key).is_some_and(|opened| now.duration_since(*opened) < REMEMBERED);
        if is_known { Ok(()) } else { Err(refused(ErrorCode::TooManyAttempts, "wrong keys", until - now)) }
    }

    /// Remembers that a key has opened.
    pub fn opened(&self, key: KeyDigest) {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.opened.insert(key, now).is_none() {
            // Only right keys are in the map, so that it is about as large as the number of keys.
            state.opened.retain(|_, opened| now.duration_since(*opened) < REMEMBERED);
        }
    }

    /// Counts a wrong key.
    ///
    /// # Errors
    /// [`ErrorCode::TooManyAttempts`], when others were looked at in the meantime.
    pub fn wrong(&self, address: IpAddr) -> Result<(), ApiError> {
        let wait = match self.limiter.count(&address) {
            Ok(1..) => return Ok(()),
            // The next one is looked at when the limit lets it in.
            Ok(0) => None,
            Err(wait) => Some(wait),
        };
        let now = Instant::now();
        let until = now + wait.unwrap_or(Duration::from_secs(60) / GUESSES_A_MINUTE.get());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.shut.retain(|_, until| *until > now);
        state.shut.insert(address, until);
        match wait {
            None => Ok(()),
            Some(wait) => Err(refused(ErrorCode::TooManyAttempts, "wrong keys", wait)),
        }
    }
}

impl Default for Guesses {
    fn default() -> Self {
        Self::new()
    }
}

/// Limits the requests per second of each caller.
pub struct Rates {
    limit: Option<(Limiter<CallerId>, NonZeroU32, NonZeroU32)>,
}

impl Rates {
    /// Takes the limit of the settings.
    #[must_use]
    pub fn new(settings: &AccessSettings) -> Self {
        let pair = NonZeroU32::new(settings.rate_limit).zip(NonZeroU32::new(settings.rate_burst));
        let limit = pair.map(|(rate, burst)| (Limiter::new(Quota::per_second(rate).allow_burst(burst)), rate, burst));
        Self { limit }
    }

    /// Counts a request of a caller. Returns what the headers of the answer say; nothing without a limit.
    ///
    /// # Errors
    /// [`ErrorCode::RateLimited`], with the same headers.
    pub fn count(&self, caller: &CallerId) -> (Result<(), ApiError>, Option<RateState>) {
        let Some((limiter, rate, burst)) = &self.limit else { return (Ok(()), None) };
        let (outcome, remaining) = match limiter.count(caller) {
            Ok(remaining) => (Ok(()), remaining),
            Err(wait) => (Err(refused(ErrorCode::RateLimited, "requests", wait)), 0),
        };
        let missing = burst.get().saturating_sub(remaining);
        (outcome, Some(RateState { limit: burst.get(), remaining, reset_s: missing.div_ceil(rate.get()) }))
    }
}

/// The requests that a caller may still send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateState {
    limit: u32,
    remaining: u32,
    reset_s: u32,
}

impl RateState {
    /// Writes the headers that tell a caller how many requests it may send at once at most, how many it may send now,
    /// and in how many seconds it may send all of them again.
    pub fn write(self, headers: &mut HeaderMap) {
        for (name, value) in [
            ("ratelimit-limit", self.limit),
            ("ratelimit-remaining", self.remaining),
            ("ratelimit-reset", self.reset_s),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
}

fn refused(code: ErrorCode, what: &str, wait: Duration) -> ApiError {
    let seconds = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1);
    let detail = format!("There were too many {what} from here. Try again in {seconds} s.");
    ApiError::new(code, detail).retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "192.0.2.1";

    fn guess(guesses: &Guesses, address: &str, key: &str) -> Result<(), ErrorCode> {
        let address = address.parse().unwrap();
        let tried = guesses.check(address, &KeyDigest::of(key)).and_then(|()| guesses.wrong(address));
        tried.map_err(|error| error.code())
    }

    #[test]
    fn an_address_has_twenty_wrong_keys_and_then_no_look() {
        let guesses = Guesses::new();
        for n in 0..20 {
            assert_eq!(guess(&guesses, HERE, &n.to_string()), Ok(()), "{n}");
        }
        for n in 0..100 {
            assert_eq!(guess(&guesses, HERE, &n.to_string()), Err(ErrorCode::TooManyAttempts), "{n}");
        }
        assert_eq!(guess(&guesses, "192.0.2.2", "x"), Ok(()), "other addresses are not affected");
    }

    #[test]
    fn a_key_that_has_opened_is_not_locked_out_by_others_at_its_address() {
        let guesses = Guesses::new();
        guesses.opened(KeyDigest::of("right"));
        for n in 0..21 {
            let _ = guess(&guesses, HERE, &n.to_string());
        }
        let address = HERE.parse().unwrap();
        assert!(guesses.check(address, &KeyDigest::of("right")).is_ok());
        assert!(guesses.check(address, &KeyDigest::of("right too")).is_err(), "and no other key is looked at");
    }

    #[test]
    fn rates_are_counted_per_caller_and_told() {
        let settings = |rate_limit, rate_burst| AccessSettings {
            keys_file: "keys.json".into(),
            hosts: None,
            path_prefix: Default::default(),
            trusted_proxies: Default::default(),
            rate_limit,
            rate_burst,
        };
        let rates = Rates::new(&settings(1, 3));
        let caller = CallerId::Address(HERE.parse().unwrap());
        let (first, state) = rates.count(&caller);
        assert!(first.is_ok());
        assert_eq!(state, Some(RateState { limit: 3, remaining: 2, reset_s: 1 }));
        assert!(rates.count(&caller).0.is_ok() && rates.count(&caller).0.is_ok());
        let (refusal, state) = rates.count(&caller);
        assert_eq!(refusal.unwrap_err().code(), ErrorCode::RateLimited);
        assert_eq!(state, Some(RateState { limit: 3, remaining: 0, reset_s: 3 }));
        assert!(rates.count(&CallerId::Address("192.0.2.2".parse().unwrap())).0.is_ok());
        let (free, state) = Rates::new(&settings(0, 0)).count(&caller);
        assert!(free.is_ok() && state.is_none());
    }
}
