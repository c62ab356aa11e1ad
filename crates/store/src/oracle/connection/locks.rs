//! The rows of MITSUKE_LOCKS, which processes lock to take turns.

use std::time::Duration;

use oracle::Connection;

use super::codes::Code;
use super::error::{DriverError, OracleError};
use super::pool::Manager;
use super::session::{self, Session};
use super::value::{Binds, Value};
use crate::StoreError;

/// The lock of migrations.
pub(crate) const SCHEMA: &str = "SCHEMA";

/// The lock of registering and switching models.
pub(crate) const MODELS: &str = "MODELS";

/// The lock of building indexes and gathering statistics.
pub(crate) const INDEXES: &str = "INDEXES";

/// The lock of adding up the counts of words.
pub(crate) const WORDS: &str = "WORDS";

/// The longest wait for a lock. A lock that is held longer shows that its holder hangs.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// Returns the statement that locks a row, on a connection with this limit for a call. The database stops waiting
/// before the limit is over, because its error leaves the session usable, and a call that is given up does not.
fn take_sql(call_timeout: Duration) -> String {
    let wait = match LOCK_TIMEOUT.min(call_timeout * 2 / 3).as_secs() {
        0 => "NOWAIT".to_owned(),
        seconds => format!("WAIT {seconds}"),
    };
    format!("SELECT name FROM mitsuke_locks WHERE name = :name FOR UPDATE {wait}")
}

/// A lock that lasts across DDL. DDL commits, and a commit releases row locks, so a connection that does nothing else
/// holds the lock. Dropping the value releases the lock, and so does the database when the process dies.
pub(crate) struct HeldLock {
    connection: Connection,
}

impl HeldLock {
    /// Waits for the lock.
    pub(crate) fn take(manager: &Manager, name: &'static str) -> Result<Self, OracleError> {
        let connection = manager.connect_outside_pool()?;
        let limit = 2 * LOCK_TIMEOUT;
        connection.set_call_timeout(Some(limit)).map_err(DriverError::from)?;
        lock(&connection, name, limit)?;
        Ok(Self { connection })
    }

    /// Takes the lock if it is free.
    pub(crate) fn try_take(manager: &Manager, name: &'static str) -> Result<Option<Self>, OracleError> {
        let connection = manager.connect_outside_pool()?;
        match lock(&connection, name, Duration::ZERO) {
            Err(OracleError::Driver(failure)) if failure.is_one_of(&[Code::Ora(54)]) => Ok(None),
            taken => taken.map(|()| Some(Self { connection })),
        }
    }
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        // When the rollback fails, closing the connection releases the lock.
        if let Err(error) = self.connection.rollback() {
            log::debug!("a lock was given back by closing its connection: {}", DriverError::from(error));
        }
    }
}

fn lock(connection: &Connection, name: &'static str, call_timeout: Duration) -> Result<(), OracleError> {
    let binds = Binds::none().with("name", Value::text(name));
    let found = session::query(connection, &take_sql(call_timeout), &binds, 1, &mut |_| Ok(()))?;
    if found.is_empty() {
        return Err(StoreError::Misconfigured(format!("MITSUKE_LOCKS has no row {name}; run `mitsuke migrate`")).into());
    }
    Ok(())
}

/// Holds the lock until the session's transaction ends.
pub(crate) fn lock_in(session: &Session<'_>, name: &'static str) -> Result<(), OracleError> {
    session.lock(&take_sql(session.call_timeout()), &Binds::none().with("name", Value::text(name)))?;
    Ok(())
}

/// Holds the lock until the session's transaction ends, if it is free; returns whether it was.
pub(crate) fn try_lock_in(session: &Session<'_>, name: &'static str) -> Result<bool, OracleError> {
    match session.lock(&take_sql(Duration::ZERO), &Binds::none().with("name", Value::text(name))) {
        Err(OracleError::Driver(failure)) if failure.is_one_of(&[Code::Ora(54)]) => Ok(false),
        taken => taken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_stops_waiting_before_the_call_is_given_up() {
        for (call_timeout, expected) in
            [(100, "NOWAIT"), (1_500, "WAIT 1"), (30_000, "WAIT 20"), (600_000, "WAIT 60"), (120_000, "WAIT 60")]
        {
            let sql = take_sql(Duration::from_millis(call_timeout));
            assert!(sql.ends_with(&format!("FOR UPDATE {expected}")), "{call_timeout} ms: {sql}");
        }
    }
}
