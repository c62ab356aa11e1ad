//! The wait before a request is repeated.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::{Duration, SystemTime};

/// The first wait without a Retry-After header, before jitter.
const INITIAL_DELAY: Duration = Duration::from_millis(500);
/// The longest wait without a Retry-After header.
const MAX_DELAY: Duration = Duration::from_secs(30);
/// The longest wait that a Retry-After header can ask for; longer waits are cut to this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(600);

/// Returns the wait after attempt number `attempt` (the first is 0). The wait doubles from attempt to attempt, up to
/// 30 s, and half of it is random, which keeps many clients from coming back together ("equal jitter", AWS
/// Architecture Blog, "Exponential Backoff And Jitter"). A Retry-After header is a lower bound, to which up to a
/// quarter is added. `jitter` is from 0 to 1; see [`jitter`].
#[must_use]
pub fn delay(attempt: u32, retry_after: Option<Duration>, jitter: f64) -> Duration {
    let jitter = jitter.clamp(0.0, 1.0);
    let full = INITIAL_DELAY.saturating_mul(2u32.saturating_pow(attempt)).min(MAX_DELAY);
    let backoff = full.mul_f64(0.5 + 0.5 * jitter);
    match retry_after {
        None => backoff,
        Some(asked) => backoff.max(asked.min(MAX_RETRY_AFTER).mul_f64(1.0 + 0.25 * jitter)),
    }
}

/// Returns a random number from 0 to 1, different in each process.
#[must_use]
pub fn jitter() -> f64 {
    // The standard library seeds each `RandomState` from the system's random source.
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or(0)) / f64::from(u32::MAX)
}

/// Reads the value of a Retry-After header: seconds, or a date (RFC 9110, section 10.2.3). Returns the seconds, or the
/// time from `now` to the date.
#[must_use]
pub fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute() {
        let waits: Vec<_> = (0..9).map(|attempt| delay(attempt, None, 1.0).as_secs_f64()).collect();
        assert_eq!(waits, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
        assert_eq!(delay(0, None, 0.0), INITIAL_DELAY / 2);
    }

    proptest! {
        #[test]
        fn a_wait_is_never_shorter_than_the_server_asks_and_always_bounded(
            attempt in 0u32..1_000, asked in proptest::option::of(0u64..10_000), jitter in -1.0f64..2.0,
        ) {
            let asked = asked.map(Duration::from_secs);
            let wait = delay(attempt, asked, jitter);
            prop_assert!(wait >= asked.unwrap_or_default().min(MAX_RETRY_AFTER));
            prop_assert!(wait >= INITIAL_DELAY / 2 && wait <= MAX_RETRY_AFTER * 5 / 4);
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        // Fri, 06 Nov 2026 08:49:07 GMT
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_954_947);
        let parse = |text| parse_retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(parse("5"), Some(5));
        assert_eq!(parse("Fri, 06 Nov 2026 08:49:37 GMT"), Some(30));
        assert_eq!(parse("Friday, 06-Nov-26 08:49:37 GMT"), Some(30), "an obsolete form that RFC 9110 has us accept");
        assert_eq!(parse("Fri, 06 Nov 2020 08:49:37 GMT"), Some(0));
        assert_eq!(parse("soon"), None);
        assert_eq!(parse("-1"), None);
    }

    #[test]
    fn jitter_is_spread_evenly() {
        let samples: Vec<f64> = (0..2_000).map(|_| jitter()).collect();
        let mean = samples.iter().sum::<f64>() / 2_000.0;
        assert!(samples.iter().all(|sample| (0.0..=1.0).contains(sample)));
        // Six standard deviations of the mean of 2,000 even samples are 0.04.
        assert!((mean - 0.5).abs() < 0.04, "{mean}");
    }
}
