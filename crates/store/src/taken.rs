//! Times as stores keep them: microseconds since 1970. The time at which a picture was taken is the local clock, as if it
//! showed UTC, with the minutes of its offset.

use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

use crate::{StoreError, TakenAt};

/// Returns the time as stores keep it, without fractions of a microsecond and of a minute of the offset.
pub(crate) fn stored_taken(taken: TakenAt) -> TakenAt {
    let local = taken.local.replace_nanosecond(taken.local.nanosecond() / 1_000 * 1_000).unwrap_or(taken.local);
    TakenAt { local, offset: taken.offset.and_then(|offset| offset_of(offset.whole_minutes().into())) }
}

/// Returns the microseconds since 1970 of a local clock as if it showed UTC, rounded down.
pub(crate) fn local_micros(local: PrimitiveDateTime) -> i64 {
    micros(local.assume_utc())
}

/// Returns the microseconds since 1970 of a local clock as if it showed UTC, rounded up.
pub(crate) fn ceil_local_micros(local: PrimitiveDateTime) -> i64 {
    ceil_micros(local.assume_utc())
}

/// Reads a stored time: the microseconds of [`local_micros`] and the minutes of the offset.
pub(crate) fn taken_of(micros: i64, offset: Option<i64>) -> Result<TakenAt, StoreError> {
    let local = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .map_err(|error| StoreError::Damaged(format!("time {micros}: {error}")))?;
    let local = PrimitiveDateTime::new(local.date(), local.time());
    Ok(TakenAt { local, offset: offset.and_then(offset_of) })
}

/// Returns the microseconds since 1970 of a date, rounded down, as upload dates are stored.
pub(crate) fn micros(date: OffsetDateTime) -> i64 {
    micros_of(date.unix_timestamp_nanos().div_euclid(1_000))
}

/// Returns microseconds since 1970, rounded up. A bound between two microseconds thus passes the same dates as without
/// rounding.
pub(crate) fn ceil_micros(date: OffsetDateTime) -> i64 {
    micros_of((date.unix_timestamp_nanos() + 999).div_euclid(1_000))
}

fn offset_of(minutes: i64) -> Option<UtcOffset> {
    UtcOffset::from_whole_seconds(i32::try_from(minutes.checked_mul(60)?).ok()?).ok()
}

fn micros_of(micros: i128) -> i64 {
    // All times of the `time` crate fit. The bound avoids a panic should that ever change.
    i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use time::macros::{datetime, offset};

    use super::*;

    #[test]
    fn a_time_is_kept_to_the_microsecond_and_its_offset_to_the_minute() {
        let taken = TakenAt { local: datetime!(1969-12-31 23:59:59.123456789), offset: Some(offset!(-3:30:15)) };
        let stored = stored_taken(taken);
        let expected = TakenAt { local: datetime!(1969-12-31 23:59:59.123456), offset: Some(offset!(-3:30)) };
        assert_eq!(stored, expected);
        assert_eq!(taken_of(local_micros(stored.local), Some(-210)).unwrap(), expected);
        assert_eq!(local_micros(taken.local) + 1, ceil_local_micros(taken.local));
        assert_eq!(local_micros(stored.local), ceil_local_micros(stored.local));
        assert_eq!(taken_of(0, Some(i64::MAX)).unwrap().offset, None);
    }
}
