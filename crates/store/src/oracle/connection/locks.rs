//! The rows of MITSUKE_LOCKS, which processes lock to take turns.

use std::time::Duration;

use oracle::Connection;

use super::error::{DriverError, OracleError};
use super::pool::Manager;
use super::session::{self, Session};
use super::value::{Binds, Value};
use crate::StoreError;

/// The lock of migrations.
pub(crate) const SCHEMA: &str = "SCHEMA";

/// The lock of registering and switching models.
pub(crate) const MODELS: &str = "MODELS";

/// The time that [`TAKE`] waits. A lock that is held longer shows that its holder hangs.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// Locks a row.
const TAKE: &str = "SELECT name FROM mitsuke_locks WHERE name = :name FOR UPDATE WAIT 60";

/// A lock that lasts across DDL. DDL commits, and a commit releases row locks, so a connection that does nothing else
/// holds this one. Dropping it releases the lock, and so does the database when the process dies.
pub(crate) struct HeldLock {
    connection: Connection,
}

impl HeldLock {
    /// Waits for the lock.
    pub(crate) fn take(manager: &Manager, name: &'static str) -> Result<Self, OracleError> {
        let connection = manager.connect_outside_pool()?;
        connection.set_call_timeout(Some(LOCK_TIMEOUT + manager.call_timeout())).map_err(DriverError::from)?;
        lock(&connection, name)?;
        Ok(Self { connection })
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

fn lock(connection: &Connection, name: &'static str) -> Result<(), OracleError> {
    let binds = Binds::none().with("name", Value::text(name));
    let found = session::query(connection, TAKE, &binds, 1, &mut |_| Ok(()))?;
    if found.is_empty() {
        return Err(StoreError::Misconfigured(format!("MITSUKE_LOCKS has no row {name}; run `mitsuke migrate`")).into());
    }
    Ok(())
}

/// Holds the lock until the session's transaction ends.
pub(crate) fn lock_in(session: &Session<'_>, name: &'static str) -> Result<(), OracleError> {
    session.lock(TAKE, &Binds::none().with("name", Value::text(name)))
}
