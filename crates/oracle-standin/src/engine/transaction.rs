//! A session's transaction: what it has changed so far, not yet in the database.
//!
//! SQLite has one writer at a time, Oracle has many. So a transaction keeps no SQLite transaction open: each statement
//! opens one, repeats the changes of the statements before it, runs, records its own changes and rolls back; commit
//! repeats all changes and commits. Row and key locks ([`super::locks`]) keep other sessions from interfering. A
//! statement sees what others have committed before it: READ COMMITTED, as in Oracle.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::catalog::{Catalog, quoted};
use super::locks::{LockId, Locks, lock_id};
use super::plan::{Environment, Planned};
use super::side::Side;
use super::types::Ty;
use crate::errors::{OraError, Result};

/// A change of one row, in the order it was made.
#[derive(Debug, Clone)]
pub enum Change {
    Insert { table: i64, rowid: i64, columns: Arc<Vec<String>>, values: Vec<Value> },
    Update { table: i64, rowid: i64, columns: Arc<Vec<String>>, values: Vec<Value> },
    Delete { table: i64, rowid: i64 },
}

impl Change {
    /// Makes the change in the database.
    pub fn apply(&self, connection: &Connection) -> Result<()> {
        let list = |columns: &[String], form: &str| {
            columns.iter().map(|name| format!("{}{form}", quoted(name))).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Insert { table, rowid, columns, values } => {
                let marks = vec!["?"; columns.len() + 1].join(", ");
                let sql = format!("INSERT INTO \"T${table}\" ({}, rowid) VALUES ({marks})", list(columns, ""));
                let mut statement = connection.prepare_cached(&sql)?;
                statement.execute(params_from_iter(values.iter().chain([&Value::Integer(*rowid)])))?;
            }
            Self::Update { table, rowid, columns, values } => {
                let sql = format!("UPDATE \"T${table}\" SET {} WHERE rowid = ?", list(columns, " = ?"));
                let mut statement = connection.prepare_cached(&sql)?;
                statement.execute(params_from_iter(values.iter().chain([&Value::Integer(*rowid)])))?;
            }
            Self::Delete { table, rowid } => {
                let mut statement =
                    connection.prepare_cached(&format!("DELETE FROM \"T${table}\" WHERE rowid = ?1"))?;
                statement.execute([rowid])?;
            }
        }
        Ok(())
    }
}

/// Changes and savepoints.
#[derive(Debug, Default)]
pub struct Transaction {
    pub changes: Vec<Change>,
    /// Names and how many changes had been made.
    pub savepoints: Vec<(String, usize)>,
    /// Whether anything, a lock for example, makes it a transaction.
    pub started: bool,
}

impl Transaction {
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The reason why a statement stopped.
#[derive(Debug)]
pub enum Halt {
    Error(OraError),
    /// Another session holds this lock, wanted exclusively or not: wait for it, then run the statement again.
    Locked(LockId, bool),
}

impl From<OraError> for Halt {
    fn from(error: OraError) -> Self {
        Self::Error(error)
    }
}

impl From<rusqlite::Error> for Halt {
    fn from(error: rusqlite::Error) -> Self {
        Self::Error(error.into())
    }
}

/// The result of a step inside a statement.
pub type Step<T> = std::result::Result<T, Halt>;

/// The context of a statement.
pub struct Work<'a> {
    pub connection: &'a Connection,
    pub catalog: &'a Catalog,
    pub environment: &'a dyn Environment,
    pub side: &'a Side,
    pub locks: RefCell<&'a mut Locks>,
    /// Numbers that may be given to new rows: the next, and the end.
    pub rowids: RefCell<&'a mut std::ops::Range<i64>>,
    pub changes: RefCell<Vec<Change>>,
    pub user: &'a str,
}

impl Work<'_> {
    /// Takes a lock if it can be had at once.
    pub fn try_lock(&self, kind: &str, table: i64, what: &str, exclusive: bool) -> Step<bool> {
        Ok(self.locks.borrow_mut().try_lock(lock_id(kind, table, what), exclusive)?)
    }

    /// Takes a lock, or stops the statement until it can.
    pub fn lock(&self, kind: &str, table: i64, what: &str, exclusive: bool) -> Step<()> {
        let id = lock_id(kind, table, what);
        if self.locks.borrow_mut().try_lock(id, exclusive)? { Ok(()) } else { Err(Halt::Locked(id, exclusive)) }
    }

    pub fn change(&self, change: Change) -> Step<()> {
        change.apply(self.connection)?;
        self.changes.borrow_mut().push(change);
        Ok(())
    }

    /// A number for a new row, never used before in this database.
    pub fn new_rowid(&self) -> Result<i64> {
        let mut rowids = self.rowids.borrow_mut();
        if rowids.is_empty() {
            let first = self.side.take("rowid", 1, 1, 200)?;
            **rowids = first..first + 200;
        }
        rowids.next().ok_or_else(|| OraError::new(600, "internal error: no rowid"))
    }

    /// All rows of a query.
    pub fn rows(&self, sql: &str, params: &[Value]) -> Result<Vec<Vec<Value>>> {
        rows(self.connection, sql, params)
    }

    /// All rows of a planned query.
    pub fn planned_rows(&self, planned: &Planned, params: &[Value]) -> Result<Vec<Vec<Value>>> {
        self.rows(&planned.sql, params)
    }
}

/// All rows of a query.
pub fn rows(connection: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Vec<Value>>> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(params))?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push((0..columns).map(|i| row.get(i)).collect::<rusqlite::Result<Vec<Value>>>()?);
    }
    Ok(out)
}

/// Facts about a session that SQL can ask for.
pub struct Facts<'a> {
    pub user: &'a str,
    pub side: &'a Side,
    pub catalog: &'a Catalog,
    pub current: RefCell<&'a mut HashMap<String, i64>>,
}

impl Environment for Facts<'_> {
    fn user(&self) -> String {
        self.user.to_owned()
    }

    fn sequence(&self, name: &str, next: bool) -> Result<i64> {
        let sequence =
            self.catalog.sequences.get(name).ok_or_else(|| OraError::new(2289, "sequence does not exist"))?;
        if !next {
            return self.current.borrow().get(name).copied().ok_or_else(|| {
                OraError::new(8002, format_args!("sequence {name}.CURRVAL is not yet defined in this session"))
            });
        }
        let value = self.side.take(&format!("sequence {}", sequence.id), sequence.start, sequence.increment, 1)?;
        self.current.borrow_mut().insert(name.to_owned(), value);
        Ok(value)
    }

    fn release(&self) -> Result<(u32, u32)> {
        self.side.release()
    }

    fn accuracy(&self) -> Result<u32> {
        self.side.accuracy()
    }

    fn dictionary(&self, name: &str) -> Option<(Vec<(&'static str, Ty)>, String)> {
        super::dictionary::view(name, self)
    }
}

static WRITERS: LazyLock<Mutex<HashMap<PathBuf, Arc<Mutex<()>>>>> = LazyLock::new(Mutex::default);

/// Writers of one process queue here, which is quicker than SQLite's polling.
pub fn writer_queue(path: &Path) -> Arc<Mutex<()>> {
    let mut all = WRITERS.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(all.entry(path.to_owned()).or_default())
}
