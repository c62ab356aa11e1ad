//! Connections to the database: one connection that writes, and a pool of connections that read.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction};

use crate::StoreError;

/// The number of statements that each connection keeps prepared; more than the store has.
const STATEMENTS: usize = 128;

/// Opens the connection that writes, and creates the database if there is none.
///
/// # Errors
/// [`StoreError::Unavailable`] when the file system allows no write-ahead log.
pub(super) fn open_writer(path: &Path, busy_timeout: Duration) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(busy_timeout)?;
    // A database without tables takes this setting before its first page is written, and one with tables keeps its own.
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(StoreError::Unavailable(format!(
            "the file system does not allow a write-ahead log (journal mode {mode})"
        )));
    }
    // FULL syncs the log at every commit, so an image that was answered as stored survives a power cut. The default
    // checkpoint of 1000 pages holds a handful of pictures; 16 MiB spreads its syncs over more of them.
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = ON;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA cache_size = -32768;",
    )?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Opens a connection that reads.
pub(super) fn open_reader(path: &Path, busy_timeout: Duration) -> Result<Connection, StoreError> {
    // The connection is opened for writing, because a read-only one cannot use a write-ahead log without a shared
    // memory file. query_only then forbids writing.
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(busy_timeout)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -8192;")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// A bounded pool of reading connections, which opens a connection when it needs one.
pub(super) struct Readers {
    path: PathBuf,
    busy_timeout: Duration,
    max: usize,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    in_use: usize,
}

impl Readers {
    /// Makes a pool of at most `max` connections, whose calls wait at most `busy_timeout` for one.
    pub(super) fn new(path: PathBuf, max: usize, busy_timeout: Duration) -> Self {
        Self { path, busy_timeout, max: max.max(1), state: Mutex::default(), returned: Condvar::new() }
    }

    /// Runs `work` on one snapshot of the database, so that all its statements see the same rows.
    ///
    /// # Errors
    /// The errors of `work`; [`StoreError::Busy`] when no connection becomes free in time.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (idle, _permit) = self.take()?;
        let mut connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.path, self.busy_timeout)?,
        };
        let transaction = connection.transaction()?;
        let answer = work(&transaction);
        transaction.finish()?;
        self.lock().idle.push(connection);
        answer
    }

    /// Closes the connections that are not in use.
    pub(super) fn close_idle(&self) {
        self.lock().idle.clear();
    }

    fn take(&self) -> Result<(Option<Connection>, Permit<'_>), StoreError> {
        let wait = self.returned.wait_timeout_while(self.lock(), self.busy_timeout, |state| state.in_use >= self.max);
        let (mut state, waited) = wait.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(StoreError::Busy("all connections are in use".into()));
        }
        state.in_use += 1;
        Ok((state.idle.pop(), Permit(self)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The permission to use one connection, returned to the pool however the work ends.
struct Permit<'a>(&'a Readers);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.lock().in_use -= 1;
        self.0.returned.notify_one();
    }
}
