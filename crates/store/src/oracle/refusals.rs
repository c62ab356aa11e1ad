//! When an account that was refused may be tried again.
//!
//! Oracle locks an account after FAILED_LOGIN_ATTEMPTS wrong passwords in a row (10 in the default profile), however
//! far apart they are. So a wrong password is tried a few times only, in case it is being changed just now, and then
//! no more: a person has to mend it.

use std::time::{Duration, Instant};

use super::error::Failure;

/// How long the account is left alone after the first refusal, the second and so on. After one more there is no
/// other attempt. The pool connects with a few threads at once, which may all be refused together; with them it is
/// still fewer than ten.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(60), Duration::from_secs(120), Duration::from_secs(240), Duration::from_secs(480)];

/// What the account has been told.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Wrong passwords since one was right.
    wrong: usize,
    last: Option<(Failure, Instant)>,
}

impl Refusals {
    /// Why the account must not be tried now.
    pub(super) fn standing(&self, now: Instant) -> Option<Failure> {
        let (failure, at) = self.last.as_ref()?;
        match self.pause(failure) {
            Some(pause) if now.saturating_duration_since(*at) >= pause => None,
            _ => Some(failure.clone()),
        }
    }

    /// Until when it is left alone; `None` for good.
    fn pause(&self, failure: &Failure) -> Option<Duration> {
        if failure.is_a_wrong_password() { PAUSES.get(self.wrong.max(1) - 1).copied() } else { Some(PAUSES[0]) }
    }

    /// Notes what an attempt came to, and says in it what follows.
    pub(super) fn note<T>(&mut self, attempt: Result<T, Failure>, now: Instant) -> Result<T, Failure> {
        let failure = match attempt {
            Ok(connected) => {
                *self = Self::default();
                return Ok(connected);
            }
            Err(failure) if !failure.is_about_the_account() => return Err(failure),
            Err(failure) => failure,
        };
        self.wrong += usize::from(failure.is_a_wrong_password());
        let failure = match self.pause(&failure) {
            Some(_) => failure,
            None => failure.for_good(),
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

    fn refused(refusals: &mut Refusals, code: &str, now: Instant) -> Failure {
        refusals.note::<()>(Err(Failure::of_text(code)), now).unwrap_err()
    }

    #[test]
    fn a_wrong_password_is_tried_five_times_ever_further_apart() {
        let mut refusals = Refusals::default();
        let mut now = Instant::now();
        for minutes in [1, 2, 4, 8] {
            let failure = refused(&mut refusals, "ORA-01017: invalid", now);
            assert!(!failure.described().contains("restart"));
            let pause = Duration::from_secs(60 * minutes);
            assert!(refusals.standing(now + pause - Duration::from_secs(1)).is_some(), "{minutes} minutes");
            now += pause;
            assert!(refusals.standing(now).is_none(), "{minutes} minutes");
        }
        let failure = refused(&mut refusals, "ORA-01017: invalid", now);
        assert!(failure.described().contains("until a restart"), "{}", failure.described());
        assert!(refusals.standing(now + Duration::from_secs(1_000_000)).is_some());
    }

    #[test]
    fn a_password_that_is_right_at_last_begins_anew() {
        let mut refusals = Refusals::default();
        let now = Instant::now();
        for _ in 0..4 {
            refused(&mut refusals, "ORA-01017: invalid", now);
        }
        refusals.note(Ok(()), now).unwrap();
        assert!(refusals.standing(now).is_none());
        refused(&mut refusals, "ORA-01017: invalid", now);
        assert!(refusals.standing(now + PAUSES[0]).is_none());
    }

    #[test]
    fn a_locked_account_is_looked_at_every_minute_and_an_outage_at_once() {
        let mut refusals = Refusals::default();
        let now = Instant::now();
        for _ in 0..9 {
            refused(&mut refusals, "ORA-28000: locked", now);
        }
        assert!(refusals.standing(now).is_some());
        assert!(refusals.standing(now + PAUSES[0]).is_none());
        refused(&mut refusals, "ORA-12541: no listener", now + PAUSES[0]);
        assert!(refusals.standing(now + PAUSES[0]).is_none());
    }
}
