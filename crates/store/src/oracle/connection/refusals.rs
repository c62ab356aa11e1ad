//! The pauses between attempts to log in to an account that refuses them.
//!
//! Oracle locks an account after FAILED_LOGIN_ATTEMPTS wrong passwords in a row (10 in the default profile), however
//! far apart they are. So a wrong password, which may just be about to be changed, is tried only a few times. After
//! that a person has to correct it.

use std::time::{Duration, Instant};

use super::error::DriverError;

/// The pauses after the first refusal, the second and so on. After one more refusal there is no other attempt. The pool
/// connects with a few threads at once, which may all be refused together; even so the attempts stay fewer than ten.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(60), Duration::from_secs(120), Duration::from_secs(240), Duration::from_secs(480)];

/// The refusals of an account.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    /// The number of wrong passwords since the last right one.
    wrong_passwords: usize,
    last: Option<(DriverError, Instant)>,
}

impl Refusals {
    /// Returns the reason why the account must not be tried now.
    pub(crate) fn refusal(&self, now: Instant) -> Option<DriverError> {
        let (failure, at) = self.last.as_ref()?;
        match self.pause(failure) {
            Some(pause) if now.saturating_duration_since(*at) >= pause => None,
            _ => Some(failure.clone()),
        }
    }

    /// Returns the pause after an error; `None` when the account is never tried again.
    fn pause(&self, failure: &DriverError) -> Option<Duration> {
        if failure.is_wrong_password() { PAUSES.get(self.wrong_passwords.max(1) - 1).copied() } else { Some(PAUSES[0]) }
    }

    /// Records the result of an attempt, and adds to an error that there will be no other attempt.
    pub(crate) fn record<T>(&mut self, attempt: Result<T, DriverError>, now: Instant) -> Result<T, DriverError> {
        let failure = match attempt {
            Ok(connected) => {
                *self = Self::default();
                return Ok(connected);
            }
            Err(failure) if !failure.concerns_the_account() => return Err(failure),
            Err(failure) => failure,
        };
        self.wrong_passwords += usize::from(failure.is_wrong_password());
        let failure = match self.pause(&failure) {
            Some(_) => failure,
            None => failure.permanent(),
        };
        match self.pause(&failure) {
            Some(pause) => {
                log::error!(
                    "the database refuses the account, which is tried again in {} s: {failure}",
                    pause.as_secs()
                );
            }
            None => log::error!("the database refuses the account: {failure}"),
        }
        self.last = Some((failure.clone(), now));
        Err(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(refusals: &mut Refusals, code: &str, now: Instant) -> DriverError {
        refusals.record::<()>(Err(DriverError::from_text(code)), now).unwrap_err()
    }

    #[test]
    fn a_wrong_password_is_tried_five_times_ever_further_apart() {
        let mut refusals = Refusals::default();
        let mut now = Instant::now();
        for minutes in [1, 2, 4, 8] {
            let failure = refused(&mut refusals, "ORA-01017: invalid", now);
            assert!(!failure.description().contains("restart"));
            let pause = Duration::from_secs(60 * minutes);
            assert!(refusals.refusal(now + pause - Duration::from_secs(1)).is_some(), "{minutes} minutes");
            now += pause;
            assert!(refusals.refusal(now).is_none(), "{minutes} minutes");
        }
        let failure = refused(&mut refusals, "ORA-01017: invalid", now);
        assert!(failure.description().contains("until a restart"), "{}", failure.description());
        assert!(refusals.refusal(now + Duration::from_secs(1_000_000)).is_some());
    }

    #[test]
    fn a_password_that_is_right_at_last_begins_anew() {
        let mut refusals = Refusals::default();
        let now = Instant::now();
        for _ in 0..4 {
            refused(&mut refusals, "ORA-01017: invalid", now);
        }
        refusals.record(Ok(()), now).unwrap();
        assert!(refusals.refusal(now).is_none());
        refused(&mut refusals, "ORA-01017: invalid", now);
        assert!(refusals.refusal(now + PAUSES[0]).is_none());
    }

    #[test]
    fn a_locked_account_is_looked_at_every_minute_and_an_outage_at_once() {
        let mut refusals = Refusals::default();
        let now = Instant::now();
        for _ in 0..9 {
            refused(&mut refusals, "ORA-28000: locked", now);
        }
        assert!(refusals.refusal(now).is_some());
        assert!(refusals.refusal(now + PAUSES[0]).is_none());
        refused(&mut refusals, "ORA-12541: no listener", now + PAUSES[0]);
        assert!(refusals.refusal(now + PAUSES[0]).is_none());
    }
}
