//! Conversions between values of this program and those of SQLite.

use rusqlite::Row;
use rusqlite::types::Value;
use time::OffsetDateTime;

use crate::StoreError;
pub(super) use crate::taken::{ceil_micros, micros};

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

/// Returns the date of a stored number of microseconds.
pub(super) fn date(micros: i64) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000)
        .map_err(|error| StoreError::Damaged(format!("upload date {micros}: {error}")))
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
