//! Conversions between values of this program and those of SQLite.

use rusqlite::Row;
use rusqlite::types::Value;
use time::OffsetDateTime;

use crate::StoreError;

/// Makes a list one parameter for `json_each(?)`, so that the statement is the same for any length.
pub(super) fn json<T: serde::Serialize>(list: &[T]) -> Result<Value, StoreError> {
    serde_json::to_string(list).map(Value::Text).map_err(|error| StoreError::Internal(error.to_string()))
}

/// Makes a count a parameter. A count beyond the largest SQL integer becomes that integer.
pub(super) fn count(n: usize) -> Value {
    Value::Integer(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Reads a number that is never negative.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

/// Returns microseconds since 1970, rounded down, as upload dates are stored.
pub(super) fn micros(date: OffsetDateTime) -> i64 {
    clamp(date.unix_timestamp_nanos().div_euclid(1000))
}

/// Returns microseconds since 1970, rounded up. A bound between two microseconds thus passes the same dates as without
/// rounding.
pub(super) fn ceil_micros(date: OffsetDateTime) -> i64 {
    clamp((date.unix_timestamp_nanos() + 999).div_euclid(1000))
}

/// Returns the date of a stored number of microseconds.
pub(super) fn date(micros: i64) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000)
        .map_err(|error| StoreError::Damaged(format!("upload date {micros}: {error}")))
}

fn clamp(micros: i128) -> i64 {
    // All dates of the `time` crate fit. The bound avoids a panic should that ever change.
    i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_keep_their_microseconds() {
        for nanos in [0, 1_700_000_000_123_456_000, -1_000] {
            let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap();
            assert_eq!(date(micros(at)).unwrap(), at);
        }
        let between = OffsetDateTime::from_unix_timestamp_nanos(-1).unwrap();
        assert_eq!((micros(between), ceil_micros(between)), (-1, 0));
    }
}
