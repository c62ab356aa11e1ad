//! One use of a connection, and doing it again when the session turns out to be dead.

use std::cell::Cell;

use oracle::{Connection, ResultSet, Row};

use super::codes::Class;
use super::error::{Failure, Stop};
use super::pool::{Pool, Shared, spoils_the_connection};
use super::value::Binds;
use crate::StoreError;

/// Rows that one round trip fetches where the caller knows no better number.
const ROWS: u32 = 100;

/// A borrowed connection. What it has changed and not committed is rolled back when it is given back: the pool hands
/// connections on as they are, and the next borrower would commit it.
pub(super) struct Session<'a> {
    pool: &'a Pool,
    link: r2d2::PooledConnection<Shared>,
    /// A statement that may change something has been sent since the last commit.
    changed: Cell<bool>,
    /// A commit has been sent.
    committing: Cell<bool>,
}

impl<'a> Session<'a> {
    fn open(pool: &'a Pool) -> Result<Self, StoreError> {
        Ok(Self { pool, link: pool.get()?, changed: Cell::new(false), committing: Cell::new(false) })
    }

    /// The rows of a query, as `read` makes them; at most `most` are expected, which sizes the fetches.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        binds: &Binds<'_>,
        most: usize,
        mut read: impl FnMut(&Row) -> Result<T, Stop>,
    ) -> Result<Vec<T>, Stop> {
        self.noted(query(&self.link, sql, binds, most, &mut read))
    }

    /// The first row of a query that has at most one.
    pub(super) fn row<T>(
        &self,
        sql: &str,
        binds: &Binds<'_>,
        read: impl FnMut(&Row) -> Result<T, Stop>,
    ) -> Result<Option<T>, Stop> {
        Ok(self.rows(sql, binds, 1, read)?.pop())
    }

    /// The connection itself, for work that sends statements of its own.
    pub(super) fn connection(&self) -> &Connection {
        self.changed.set(true);
        &self.link
    }

    /// Sends a statement that changes rows; how many it changed.
    pub(super) fn execute(&self, sql: &str, binds: &Binds<'_>) -> Result<u64, Stop> {
        self.changed.set(true);
        self.noted(execute(&self.link, sql, binds))
    }

    /// Sends an INSERT with RETURNING … INTO :`out`; the number that came back.
    pub(super) fn insert_returning(&self, sql: &str, binds: &Binds<'_>, out: &str) -> Result<i64, Stop> {
        self.changed.set(true);
        self.noted(insert_returning(&self.link, sql, binds, out))
    }

    /// Waits for a row lock (SELECT … FOR UPDATE), which the end of the transaction gives back.
    pub(super) fn lock(&self, sql: &str, binds: &Binds<'_>) -> Result<(), Stop> {
        self.changed.set(true);
        self.rows(sql, binds, 1, |_| Ok(()))?;
        Ok(())
    }

    /// Makes the changes durable.
    pub(super) fn commit(&self) -> Result<(), Stop> {
        self.committing.set(true);
        self.noted(self.link.commit().map_err(Stop::from))?;
        self.changed.set(false);
        Ok(())
    }

    fn noted<T>(&self, result: Result<T, Stop>) -> Result<T, Stop> {
        if let Err(stop) = &result {
            match stop.class() {
                Some(Class::Lost) => self.pool.lost(&self.link),
                Some(class) if spoils_the_connection(class) => self.link.give_up(),
                _ => {}
            }
        }
        result
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // Closing a connection rolls back too, so one that was given up is not asked again: it would only wait for
        // another timeout, and keep its place in the pool meanwhile.
        if self.changed.get() && !self.link.is_given_up() && self.link.rollback().is_err() {
            self.link.give_up();
        }
    }
}

/// Runs `work` on a session; once more on another when the first turns out to be dead. `work` changes nothing.
///
/// # Errors
/// Those of `work`.
pub(super) fn read<T>(pool: &Pool, work: impl Fn(&Session<'_>) -> Result<T, Stop>) -> Result<T, StoreError> {
    twice(pool, |session| work(session))
}

/// Runs `work` on a session and commits; once more on another when the first dies before the commit is sent: nothing
/// has been written then.
///
/// # Errors
/// Those of `work`; when the session dies while committing, [`StoreError::Unreachable`], and the caller finds out
/// whether it was done.
pub(super) fn write<T>(pool: &Pool, work: impl Fn(&Session<'_>) -> Result<T, Stop>) -> Result<T, StoreError> {
    twice(pool, |session| {
        let answer = work(session)?;
        if session.changed.get() {
            session.commit()?;
        }
        Ok(answer)
    })
}

fn twice<T>(pool: &Pool, work: impl Fn(&Session<'_>) -> Result<T, Stop>) -> Result<T, StoreError> {
    let session = Session::open(pool)?;
    match work(&session) {
        Err(Stop::Driver(failure)) if failure.class() == Class::Lost && !session.committing.get() => {
            log::info!("{failure}; trying again on another session");
            drop(session);
            Ok(work(&Session::open(pool)?)?)
        }
        answer => Ok(answer?),
    }
}

/// Runs a query on any connection.
pub(super) fn query<T>(
    connection: &Connection,
    sql: &str,
    binds: &Binds<'_>,
    most: usize,
    read: &mut dyn FnMut(&Row) -> Result<T, Stop>,
) -> Result<Vec<T>, Stop> {
    // One more than asked for, so that the end of the rows comes along with the last of them.
    let rows = u32::try_from(most).unwrap_or(ROWS).clamp(1, ROWS);
    let mut statement =
        connection.statement(sql).fetch_array_size(rows).prefetch_rows(rows + 1).build().map_err(Failure::from)?;
    let rows: ResultSet<'_, Row> = statement.query_named(&binds.parameters()).map_err(Failure::from)?;
    let mut out = Vec::with_capacity(most.min(ROWS as usize));
    for row in rows {
        out.push(read(&row.map_err(Failure::from)?)?);
    }
    Ok(out)
}

/// Runs any other statement on any connection; how many rows it changed.
pub(super) fn execute(connection: &Connection, sql: &str, binds: &Binds<'_>) -> Result<u64, Stop> {
    let mut statement = connection.statement(sql).build().map_err(Failure::from)?;
    statement.execute_named(&binds.parameters()).map_err(Failure::from)?;
    Ok(if statement.is_dml() { statement.row_count().map_err(Failure::from)? } else { 0 })
}

/// Runs an INSERT that gives back a number.
pub(super) fn insert_returning(connection: &Connection, sql: &str, binds: &Binds<'_>, out: &str) -> Result<i64, Stop> {
    let mut statement = connection.statement(sql).build().map_err(Failure::from)?;
    statement.execute_named(&binds.parameters()).map_err(Failure::from)?;
    let values: Vec<i64> = statement.returned_values(out).map_err(Failure::from)?;
    values.first().copied().ok_or_else(|| Stop::Answer(StoreError::Internal("an INSERT gave no id back".into())))
}
