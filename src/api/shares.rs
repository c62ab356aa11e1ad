//! The part of the server that one caller may have, so that one who takes long does not lock out the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::api::{Caller, CallerId};
use crate::error::ApiError;

/// The kind of places that callers share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Places {
    /// Uploads that are read at once.
    Uploads,
    /// Searches by picture that are read at once.
    PictureSearches,
}

/// The places and bytes that each caller has now.
pub struct CallerShares {
    percent: usize,
    callers: Mutex<HashMap<(CallerId, Places), Had>>,
}

/// The places or bytes of one kind that one caller has.
#[derive(Debug, Default)]
struct Had {
    places: usize,
    bytes: usize,
}

impl CallerShares {
    /// Makes shares of a percentage of everything.
    #[must_use]
    pub fn new(percent: usize) -> Self {
        Self { percent, callers: Mutex::default() }
    }

    /// Gives a caller one of `places` places. A caller without a key on this machine may have all of them, because everybody
    /// who uses the machine, or a proxy on it, has its address.
    ///
    /// # Errors
    /// [`ErrorCode::QueueFull`](crate::error::ErrorCode::QueueFull) when the caller has its share already.
    pub fn enter(self: &Arc<Self>, caller: &Caller, kind: Places, places: usize) -> Result<CallerPlace, ApiError> {
        if caller.key.is_none() && caller.address.is_loopback() {
            return Ok(CallerPlace(None));
        }
        let key = (caller.id(), kind);
        let mut callers = self.lock();
        let had = callers.entry(key.clone()).or_default();
        if had.places >= self.part_of(places).max(1) {
            return Err(ApiError::too_many("requests of this kind from one caller"));
        }
        had.places += 1;
        Ok(CallerPlace(Some(Held { shares: Arc::clone(self), key, bytes: 0 })))
    }

    fn part_of(&self, whole: usize) -> usize {
        usize::try_from(whole as u128 * self.percent as u128 / 100).unwrap_or(whole)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(CallerId, Places), Had>> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one request of a caller. Dropping it gives place and bytes back.
pub struct CallerPlace(Option<Held>);

struct Held {
    shares: Arc<CallerShares>,
    key: (CallerId, Places),
    bytes: usize,
}

impl CallerPlace {
    /// Counts the bytes that the request holds, of `whole` bytes that all callers have.
    ///
    /// # Errors
    /// [`ErrorCode::QueueFull`](crate::error::ErrorCode::QueueFull) when they exceed the caller's share and the request is
    /// not its only one.
    pub fn hold(&mut self, bytes: usize, whole: usize) -> Result<(), ApiError> {
        let Some(held) = &mut self.0 else { return Ok(()) };
        let mut callers = held.shares.lock();
        let Some(had) = callers.get_mut(&held.key) else { return Ok(()) };
        let others = had.bytes - held.bytes;
        if bytes > held.bytes && others > 0 && others + bytes > held.shares.part_of(whole) {
            return Err(ApiError::too_many("bytes from one caller"));
        }
        had.bytes = others + bytes;
        held.bytes = bytes;
        Ok(())
    }
}

impl Drop for CallerPlace {
    fn drop(&mut self) {
        let Some(held) = self.0.take() else { return };
        let mut callers = held.shares.lock();
        if let Some(had) = callers.get_mut(&held.key) {
            had.places -= 1;
            had.bytes -= held.bytes;
            if had.places == 0 {
                callers.remove(&held.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::KeyName;
    use crate::error::ErrorCode;

    fn caller(address: &str) -> Caller {
        Caller::without_key(Some(format!("{address}:1").parse().unwrap()))
    }

    fn enter(shares: &Arc<CallerShares>, caller: &Caller, places: usize) -> Result<CallerPlace, ErrorCode> {
        shares.enter(caller, Places::Uploads, places).map_err(|error| error.code())
    }

    #[test]
    fn a_caller_has_half_of_the_places_and_at_least_one() {
        let shares = Arc::new(CallerShares::new(50));
        let (one, two) = (caller("10.0.0.1"), caller("10.0.0.2"));
        let held = [enter(&shares, &one, 4).unwrap(), enter(&shares, &one, 4).unwrap()];
        assert_eq!(enter(&shares, &one, 4).err(), Some(ErrorCode::QueueFull));
        assert!(enter(&shares, &two, 4).is_ok());
        assert!(shares.enter(&one, Places::PictureSearches, 4).is_ok(), "the kinds are apart");
        drop(held);
        assert!(enter(&shares, &one, 1).is_ok());
        assert!(shares.lock().is_empty(), "callers who have left are forgotten");
    }

    #[test]
    fn callers_on_this_machine_are_told_apart_by_their_keys_only() {
        let shares = Arc::new(CallerShares::new(50));
        let local = caller("127.0.0.1");
        let held: Vec<_> = (0..4).map(|_| enter(&shares, &local, 4).unwrap()).collect();
        drop(held);
        let with_key = Caller { key: Some(KeyName("a".into())), ..local };
        let _held = (enter(&shares, &with_key, 4).unwrap(), enter(&shares, &with_key, 4).unwrap());
        assert!(enter(&shares, &with_key, 4).is_err());
    }

    #[test]
    fn the_bytes_of_a_caller_are_bounded_unless_it_has_one_request_only() {
        let shares = Arc::new(CallerShares::new(50));
        let one = caller("10.0.0.1");
        let (mut first, mut second) = (enter(&shares, &one, 9).unwrap(), enter(&shares, &one, 9).unwrap());
        assert_eq!(first.hold(90, 100), Ok(()));
        assert_eq!(second.hold(1, 100).map_err(|error| error.code()), Err(ErrorCode::QueueFull));
        assert_eq!(first.hold(10, 100), Ok(()));
        assert_eq!(second.hold(40, 100), Ok(()));
        assert!(second.hold(41, 100).is_err());
        drop(first);
        assert_eq!(second.hold(41, 100), Ok(()));
    }
}
