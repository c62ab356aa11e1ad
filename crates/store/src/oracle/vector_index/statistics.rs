//! The optimizer's statistics of tables, from which it decides whether an index pays.
//!
//! The database gathers statistics by itself in its maintenance window. After a bulk load it would decide until then as
//! if the table were empty.

use oracle::Connection;

use crate::oracle::connection::codes::Class;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::execute;
use crate::oracle::connection::value::Binds;

/// The number of rows below which no statistics are gathered, because every plan is quick.
const MIN_ROWS: u64 = 1_000;

/// The factor by which a table grows between two gatherings. The work of all gatherings together then stays within
/// twice that of the last.
const GROWTH: u64 = 2;

/// Returns the number of rows at which the statistics of a table are gathered, which were last gathered over
/// `num_rows`.
pub(crate) fn due_at(num_rows: Option<u64>) -> u64 {
    num_rows.unwrap_or_default().saturating_mul(GROWTH).max(MIN_ROWS)
}

/// Returns the block that gathers the statistics of a table of this schema.
pub(crate) fn gather_sql(table: &str) -> String {
    format!("BEGIN DBMS_STATS.GATHER_TABLE_STATS(ownname => USER, tabname => '{}'); END;", table.to_uppercase())
}

/// Gathers the statistics of a table. A refusal is only logged: the database's own job comes later.
pub(crate) fn gather(connection: &Connection, table: &str) -> Result<(), OracleError> {
    match execute(connection, &gather_sql(table), &Binds::none()) {
        Ok(_) => log::info!("the statistics of {table} are up to date"),
        Err(OracleError::Driver(failure)) if failure.class() != Class::Lost => {
            log::warn!("the statistics of {table} are not gathered: {failure}");
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_due_when_a_table_has_doubled() {
        assert_eq!([None, Some(0), Some(400), Some(30_000)].map(due_at), [1_000, 1_000, 1_000, 60_000]);
    }
}
