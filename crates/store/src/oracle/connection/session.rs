//! The use of a connection, and its repetition on another one when the session turns out to be dead.

use std::cell::Cell;
use std::time::Duration;

use oracle::{Connection, ResultSet, Row};

use super::codes::{Class, Code};
use super::error::{DriverError, OracleError};
use super::pool::{Pool, SharedManager, spoils_connection};
use super::value::Binds;
use crate::StoreError;

/// The number of rows that one round trip fetches at most. The driver reserves memory for all of them beforehand.
const MAX_ROWS: usize = 10_000;

/// The number of rows with LOBs that one round trip fetches at most. The driver reserves 64 KB for each LOB.
pub(crate) const MAX_LOB_ROWS: usize = 100;

/// The target under which every statement is logged, at the level trace. The values that are bound to it are not.
const STATEMENTS: &str = "mitsuke_store::statements";

/// The errors of a database that refuses values for LOB columns bound as LONG.
const LONG_REFUSED: [Code; 5] =
    [Code::Ora(1460), Code::Ora(1461), Code::Ora(22295), Code::Ora(22816), Code::Ora(24816)];

/// A borrowed connection. Returning the connection rolls uncommitted changes back: the pool passes connections on as
/// they are, and the next borrower would commit the changes.
pub(crate) struct Session<'a> {
    pool: &'a Pool,
    link: r2d2::PooledConnection<SharedManager>,
    /// Whether a statement that may change something has been sent since the last commit.
    changed: Cell<bool>,
    /// Whether a commit has been sent.
    committing: Cell<bool>,
}

impl<'a> Session<'a> {
    fn open(pool: &'a Pool) -> Result<Self, StoreError> {
        Ok(Self { pool, link: pool.get()?, changed: Cell::new(false), committing: Cell::new(false) })
    }

    /// Returns the rows of a query, converted by `read`. The number of rows expected, `most`, sets the size of the
    /// fetches; for rows with LOBs it is [`MAX_LOB_ROWS`] at most.
    pub(crate) fn rows<T>(
        &self,
        sql: &str,
        binds: &Binds<'_>,
        most: usize,
        mut read: impl FnMut(&Row) -> Result<T, OracleError>,
    ) -> Result<Vec<T>, OracleError> {
        self.record(query(&self.link, sql, binds, most, &mut read))
    }

    /// Returns the row of a query that has one row at most; `None` when there is none.
    pub(crate) fn row<T>(
        &self,
        sql: &str,
        binds: &Binds<'_>,
        read: impl FnMut(&Row) -> Result<T, OracleError>,
    ) -> Result<Option<T>, OracleError> {
        Ok(self.rows(sql, binds, 1, read)?.pop())
    }

    /// Returns whether the texts of images are to be read as LOBs; see [`Pool::expect_long_texts`].
    pub(crate) fn expects_long_texts(&self) -> bool {
        self.pool.expects_long_texts()
    }

    /// Passes on whether the last texts were long.
    pub(crate) fn expect_long_texts(&self, long: bool) {
        self.pool.expect_long_texts(long);
    }

    /// Returns the connection itself, for work that sends statements of its own.
    pub(crate) fn connection(&self) -> &Connection {
        self.changed.set(true);
        &self.link
    }

    /// Sends a statement that changes rows, and returns how many it changed.
    pub(crate) fn execute(&self, sql: &str, binds: &Binds<'_>) -> Result<u64, OracleError> {
        self.changed.set(true);
        self.with_lobs(binds, |binds| execute(&self.link, sql, binds))
    }

    /// Sends an INSERT with RETURNING … INTO :`out`, and returns the number in `out`.
    pub(crate) fn insert_returning(&self, sql: &str, binds: &Binds<'_>, out: &str) -> Result<i64, OracleError> {
        self.changed.set(true);
        self.with_lobs(binds, |binds| insert_returning(&self.link, sql, binds, out))
    }

    /// Returns the limit for a call.
    pub(crate) fn call_timeout(&self) -> Duration {
        self.pool.manager().call_timeout()
    }

    /// Waits for a row lock (SELECT … FOR UPDATE), which the end of the transaction releases. Returns whether there is
    /// such a row.
    pub(crate) fn lock(&self, sql: &str, binds: &Binds<'_>) -> Result<bool, OracleError> {
        self.changed.set(true);
        Ok(!self.rows(sql, binds, 1, |_| Ok(()))?.is_empty())
    }

    /// Makes the changes durable.
    pub(crate) fn commit(&self) -> Result<(), OracleError> {
        self.committing.set(true);
        self.record(self.link.commit().map_err(OracleError::from))?;
        self.changed.set(false);
        Ok(())
    }

    /// Sends a statement together with its values for LOB columns. A database that refuses such values gets them as
    /// temporary LOBs, which takes three round trips more for each. The refused statement has changed nothing.
    fn with_lobs<T>(
        &self,
        binds: &Binds<'_>,
        send: impl Fn(&Binds<'_>) -> Result<T, OracleError>,
    ) -> Result<T, OracleError> {
        if binds.have_lobs() && self.pool.needs_temporary_lobs() {
            return self.record(send(&binds.with_temporary_lobs()));
        }
        match send(binds) {
            Err(OracleError::Driver(failure)) if binds.have_lobs() && failure.is_one_of(&LONG_REFUSED) => {
                let done = self.record(send(&binds.with_temporary_lobs()))?;
                log::warn!("values for LOB columns are sent as temporary LOBs from now on, which is slower: {failure}");
                self.pool.use_temporary_lobs();
                Ok(done)
            }
            answer => self.record(answer),
        }
    }

    fn record<T>(&self, result: Result<T, OracleError>) -> Result<T, OracleError> {
        if let Err(error) = &result {
            match error {
                OracleError::Driver(failure) if failure.class() == Class::Lost => self.pool.lost(&self.link),
                OracleError::Driver(failure) if spoils_connection(failure) => self.link.discard(),
                _ => {}
            }
        }
        result
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // Closing a connection rolls back too. A rollback on a discarded connection would only wait for another timeout
        // and keep the connection's place in the pool meanwhile.
        if self.changed.get() && !self.link.is_discarded() && self.link.rollback().is_err() {
            self.link.discard();
        }
    }
}

/// Runs `work`, which changes nothing, on a session, and repeats it on another session when the first turns out to be
/// dead.
///
/// # Errors
/// The errors of `work`.
pub(crate) fn read<T>(pool: &Pool, work: impl Fn(&Session<'_>) -> Result<T, OracleError>) -> Result<T, StoreError> {
    with_retry(pool, |session| work(session))
}

/// Runs `work` on a session and commits. Repeats the work on another session when the first dies before the commit is
/// sent, because nothing has been written until then.
///
/// # Errors
/// The errors of `work`; [`StoreError::Unreachable`] when the session dies while committing. The caller then has to
/// find out whether the commit was done.
pub(crate) fn write<T>(pool: &Pool, work: impl Fn(&Session<'_>) -> Result<T, OracleError>) -> Result<T, StoreError> {
    with_retry(pool, |session| {
        let answer = work(session)?;
        if session.changed.get() {
            session.commit()?;
        }
        Ok(answer)
    })
}

fn with_retry<T>(pool: &Pool, work: impl Fn(&Session<'_>) -> Result<T, OracleError>) -> Result<T, StoreError> {
    let session = Session::open(pool)?;
    match work(&session) {
        Err(OracleError::Driver(failure)) if failure.class() == Class::Lost && !session.committing.get() => {
            log::info!("{failure}; trying again on another session");
            drop(session);
            Ok(work(&Session::open(pool)?)?)
        }
        answer => Ok(answer?),
    }
}

/// Runs work of any duration: building indexes, copying rows.
pub(crate) fn without_limit<T>(
    connection: &Connection,
    call_timeout: Duration,
    work: impl FnOnce() -> Result<T, OracleError>,
) -> Result<T, OracleError> {
    connection.set_call_timeout(None).map_err(DriverError::from)?;
    let done = work();
    // The limit comes back after a failure too, because the connection may be used on.
    let limited = connection.set_call_timeout(Some(call_timeout)).map_err(DriverError::from);
    let done = done?;
    limited?;
    Ok(done)
}

/// Runs a query on any connection.
pub(crate) fn query<T>(
    connection: &Connection,
    sql: &str,
    binds: &Binds<'_>,
    most: usize,
    read: &mut dyn FnMut(&Row) -> Result<T, OracleError>,
) -> Result<Vec<T>, OracleError> {
    log::trace!(target: STATEMENTS, "{sql}");
    // The fetch has room for one row more than asked for, so that the end of the rows arrives with the last of them.
    // Rows without LOBs arrive with the answer to the statement itself, rows with LOBs with the first fetch.
    let size = u32::try_from(most.clamp(1, MAX_ROWS) + 1).unwrap_or(u32::MAX);
    let mut statement =
        connection.statement(sql).fetch_array_size(size).prefetch_rows(size).build().map_err(DriverError::from)?;
    let rows: ResultSet<'_, Row> = statement.query_named(&binds.parameters()).map_err(DriverError::from)?;
    let mut out = Vec::with_capacity(most.min(MAX_ROWS));
    for row in rows {
        out.push(read(&row.map_err(DriverError::from)?)?);
    }
    Ok(out)
}

/// Runs any other statement on any connection, and returns how many rows it changed.
pub(crate) fn execute(connection: &Connection, sql: &str, binds: &Binds<'_>) -> Result<u64, OracleError> {
    log::trace!(target: STATEMENTS, "{sql}");
    let mut statement = connection.statement(sql).build().map_err(DriverError::from)?;
    statement.execute_named(&binds.parameters()).map_err(DriverError::from)?;
    Ok(if statement.is_dml() { statement.row_count().map_err(DriverError::from)? } else { 0 })
}

/// Runs an INSERT that returns a number, on any connection.
pub(crate) fn insert_returning(
    connection: &Connection,
    sql: &str,
    binds: &Binds<'_>,
    out: &str,
) -> Result<i64, OracleError> {
    log::trace!(target: STATEMENTS, "{sql}");
    let mut statement = connection.statement(sql).build().map_err(DriverError::from)?;
    statement.execute_named(&binds.parameters()).map_err(DriverError::from)?;
    let values: Vec<i64> = statement.returned_values(out).map_err(DriverError::from)?;
    values.first().copied().ok_or_else(|| OracleError::Store(StoreError::Internal("an INSERT gave no id back".into())))
}
