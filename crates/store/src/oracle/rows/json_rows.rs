//! The insertion of several rows by one statement, which reads them from a JSON array.

use std::borrow::Cow;

use crate::StoreError;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::value::{Binds, Value};

/// The length, in bytes, of a JSON array at which another statement takes the rest of the rows.
const JSON_BYTES: usize = 900;

/// A function that sends a statement: on a session, or on a connection of a migration.
pub(crate) type Send<'a> = &'a dyn Fn(&str, &Binds<'_>) -> Result<u64, OracleError>;

/// Runs a statement that inserts the items of the JSON array `:items`, with as many items at once as fit VARCHAR2. A
/// statement takes many of them, because each one is a round trip.
pub(crate) fn insert<T: serde::Serialize>(
    send: Send<'_>,
    sql: &str,
    binds: &Binds<'_>,
    rows: &[T],
) -> Result<(), OracleError> {
    let mut json = String::new();
    for (n, row) in rows.iter().enumerate() {
        json.push(if json.is_empty() { '[' } else { ',' });
        json.push_str(&serde_json::to_string(row).map_err(|error| StoreError::Internal(error.to_string()))?);
        if json.len() >= JSON_BYTES || n + 1 == rows.len() {
            json.push(']');
            let items = Value::Text(Some(Cow::Owned(std::mem::take(&mut json))));
            send(sql, &binds.clone().with("items", items))?;
        }
    }
    Ok(())
}
