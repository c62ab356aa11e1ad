//! Rows of MITSUKE_LOCKS that processes lock so that they take turns.

use std::time::Duration;

use oracle::Connection;

use super::error::{Failure, Stop};
use super::pool::Manager;
use super::session::{self, Session};
use super::value::{Binds, Value};
use crate::StoreError;

/// Held while the schema is brought up to date.
pub(super) const SCHEMA: &str = "SCHEMA";

/// Held while a model is registered or switched.
pub(super) const MODELS: &str = "MODELS";

/// How long [`TAKE`] waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// After this long something is wrong with whoever holds it.
const TAKE: &str = "SELECT name FROM mitsuke_locks WHERE name = :name FOR UPDATE WAIT 60";

/// A lock that lasts across DDL. DDL commits, and a commit gives row locks back; so the lock is held by a
/// connection that does nothing else. It is given back when this is dropped, and by the database when the process dies.
pub(super) struct Held {
    connection: Connection,
}

impl Held {
    /// Waits for the lock.
    pub(super) fn take(manager: &Manager, name: &'static str) -> Result<Self, Stop> {
        let connection = manager.connect_apart()?;
        connection.set_call_timeout(Some(PATIENCE + manager.call_timeout())).map_err(Failure::from)?;
        lock(&connection, name)?;
        Ok(Self { connection })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Should it fail, closing the connection gives the lock back.
        if let Err(error) = self.connection.rollback() {
            log::debug!("a lock was given back by closing its connection: {}", Failure::from(error));
        }
    }
}

fn lock(connection: &Connection, name: &'static str) -> Result<(), Stop> {
    let binds = Binds::none().with("name", Value::text(name));
    let found = session::query(connection, TAKE, &binds, 1, &mut |_| Ok(()))?;
    if found.is_empty() {
        return Err(StoreError::Misconfigured(format!("MITSUKE_LOCKS has no row {name}; run `mitsuke migrate`")).into());
    }
    Ok(())
}

/// Holds the lock until the session's transaction ends.
pub(super) fn hold_in(session: &Session<'_>, name: &'static str) -> Result<(), Stop> {
    session.lock(TAKE, &Binds::none().with("name", Value::text(name)))
}
