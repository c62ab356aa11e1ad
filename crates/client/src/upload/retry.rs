//! How long to wait before something is tried again. Pure, but for the dice.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;

use time::OffsetDateTime;
use time::macros::format_description;

/// The first wait without a Retry-After, before jitter.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait without a Retry-After.
const LONGEST: Duration = Duration::from_secs(30);
/// No server may make us wait longer at a time.
const LONGEST_ASKED: Duration = Duration::from_secs(600);

/// The wait before try `attempt + 1` (the first try is 0): it doubles from try to try up to 30 s, and a random
/// half of it keeps many clients from coming back together ("equal jitter", AWS Architecture Blog,
/// "Exponential Backoff And Jitter"). Never shorter than what the server asks for; then up to a quarter is added.
/// `dice` is from 0 to 1.
#[must_use]
pub fn delay(attempt: u32, retry_after: Option<Duration>, dice: f64) -> Duration {
    let dice = dice.clamp(0.0, 1.0);
    let full = FIRST.saturating_mul(2u32.saturating_pow(attempt)).min(LONGEST);
    let backoff = full.mul_f64(0.5 + 0.5 * dice);
    match retry_after {
        None => backoff,
        Some(asked) => backoff.max(asked.min(LONGEST_ASKED).mul_f64(1.0 + 0.25 * dice)),
    }
}

/// A number from 0 to 1 that differs from call to call and from process to process.
#[must_use]
pub fn dice() -> f64 {
    // The standard library seeds each of these from the system's random source.
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or(0)) / f64::from(u32::MAX)
}

/// The value of a Retry-After header: seconds, or a date (RFC 9110, section 10.2.3).
#[must_use]
pub fn parse_retry_after(value: &str, now: OffsetDateTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let format =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    let date = time::PrimitiveDateTime::parse(value, format).ok()?.assume_utc();
    Some(Duration::try_from(date - now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute() {
        let waits: Vec<_> = (0..9).map(|attempt| delay(attempt, None, 1.0).as_secs_f64()).collect();
        assert_eq!(waits, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
        assert_eq!(delay(0, None, 0.0), FIRST / 2);
    }

    proptest! {
        #[test]
        fn a_wait_is_never_shorter_than_the_server_asks_and_always_bounded(
            attempt in 0u32..1_000, asked in proptest::option::of(0u64..10_000), dice in -1.0f64..2.0,
        ) {
            let asked = asked.map(Duration::from_secs);
            let wait = delay(attempt, asked, dice);
            prop_assert!(wait >= asked.unwrap_or_default().min(LONGEST_ASKED));
            prop_assert!(wait >= FIRST / 2 && wait <= LONGEST_ASKED * 5 / 4);
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        let now = time::macros::datetime!(2026-11-06 08:49:07 UTC);
        let parse = |text| parse_retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(parse("5"), Some(5));
        assert_eq!(parse("Fri, 06 Nov 2026 08:49:37 GMT"), Some(30));
        assert_eq!(parse("Fri, 06 Nov 2020 08:49:37 GMT"), Some(0));
        assert_eq!(parse("soon"), None);
        assert_eq!(parse("-1"), None);
    }

    #[test]
    fn the_dice_are_not_loaded() {
        let rolls: Vec<f64> = (0..2_000).map(|_| dice()).collect();
        let mean = rolls.iter().sum::<f64>() / 2_000.0;
        assert!(rolls.iter().all(|roll| (0.0..=1.0).contains(roll)));
        // Six standard deviations of the mean of 2,000 even rolls are 0.04.
        assert!((mean - 0.5).abs() < 0.04, "{mean}");
    }
}
