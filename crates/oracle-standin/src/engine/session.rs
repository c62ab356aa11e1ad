//! A session: its statements, its transaction, and the failures that strike it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{Connection, TransactionBehavior};

use super::catalog::Catalog;
use super::ddl::{Builder, leave_half_built, locked_table};
use super::dml::{Affected, Values};
use super::locks::{LockId, Locks, lock_id};
use super::plan::{Bind, OutColumn};
use super::side::{Action, Point, Side, Trip};
use super::transaction::{Facts, Halt, Step, Transaction, Work, writer_queue};
use super::types::{Family, Ty};
use crate::errors::{OraError, Result};
use crate::sql::Parser;
use crate::sql::ast::*;

/// Users whose sessions no failure strikes: tests control the stand-in through them.
const CONTROL_USER: &str = "STANDIN";

const POLL: Duration = Duration::from_millis(2);

static SESSIONS: AtomicU64 = AtomicU64::new(1);

/// The result of a statement.
#[derive(Debug)]
pub enum Outcome {
    Rows {
        columns: Vec<OutColumn>,
        rows: Vec<Vec<Value>>,
    },
    Affected(Affected),
    /// Placeholders of a PL/SQL block that were assigned to: place, value, type.
    Block(Vec<(usize, Value, Ty)>),
    Done,
}

/// One session of one database.
pub struct Session {
    pub id: u64,
    pub user: String,
    exempt: bool,
    db: Connection,
    pub side: Side,
    locks: Locks,
    queue: Arc<Mutex<()>>,
    catalog: Arc<Catalog>,
    pub(super) transaction: Transaction,
    rowids: Range<i64>,
    current: HashMap<String, i64>,
    generation: i64,
    ddl_lock_timeout: Duration,
    pub call_timeout: Option<Duration>,
    deadline: Option<Instant>,
    /// Set by OCIBreak from another thread.
    pub interrupted: Arc<AtomicBool>,
    dead: bool,
    parsed: HashMap<String, Arc<Statement>>,
    /// The DDL that is under way.
    making: Option<Arc<Statement>>,
}

/// The file beside the database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Attaches to the server of a database.
///
/// # Errors
/// Injected errors; ORA-12514 for a database whose folder does not exist.
pub fn attach(path: &Path, connect_timeout: Option<Duration>) -> Result<()> {
    if !path.parent().is_some_and(Path::is_dir) {
        return Err(OraError::new(
            12514,
            format_args!("Cannot connect to database. Service {} is not registered with the listener", path.display()),
        ));
    }
    let side = Side::open(&beside(path, ".side"))?;
    match side.failure(Point::Attach, "")? {
        None => Ok(()),
        Some(Action::Error(error)) => Err(error),
        Some(Action::Delay(delay)) => {
            sleep(delay);
            Ok(())
        }
        Some(Action::DelayedError(delay, error)) => {
            sleep(delay.min(connect_timeout.unwrap_or(delay)));
            Err(error)
        }
        Some(Action::Hang | Action::HangAfter) => {
            let started = Instant::now();
            while connect_timeout.is_none_or(|limit| started.elapsed() < limit) && side.still_hangs()? {
                sleep(POLL);
            }
            Err(OraError::new(12170, "Cannot connect. TCP connect timeout for host standin.test port 1521."))
        }
        Some(Action::KillBefore | Action::KillInside | Action::KillAfter) => {
            Err(OraError::new(12541, "Cannot connect. No listener at host standin.test port 1521."))
        }
    }
}

impl Session {
    /// Logs in.
    ///
    /// # Errors
    /// ORA-01017, ORA-01045, injected ones.
    pub fn open(path: &Path, user: &str, password: &str) -> Result<Self> {
        let side = Side::open(&beside(path, ".side"))?;
        let user = user.to_uppercase();
        let exempt = user == CONTROL_USER;
        if !exempt {
            if let Some(Action::Error(error) | Action::DelayedError(_, error)) = side.failure(Point::Login, "")? {
                return Err(error);
            }
            side.log_in(&user, password)?;
            if side.denied()?.iter().any(|denied| denied == "CREATE SESSION") {
                return Err(OraError::new(
                    1045,
                    format_args!("Login denied. User {user} does not have CREATE SESSION privilege."),
                ));
            }
        }
        let id = SESSIONS.fetch_add(1, Ordering::Relaxed) + (u64::from(std::process::id()) << 24);
        let queue = writer_queue(path);
        let db = {
            let _queued = queue.lock().unwrap_or_else(PoisonError::into_inner);
            let db = Connection::open(path)?;
            db.busy_timeout(Duration::from_secs(60))?;
            db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF")?;
            Catalog::prepare(&db)?;
            db
        };
        db.set_prepared_statement_cache_capacity(200);
        super::functions::register_all(&db)?;
        Ok(Self {
            id,
            user,
            exempt,
            locks: Locks::open(&beside(path, ".locks"), id)?,
            generation: side.generation()?,
            db,
            side,
            queue,
            catalog: Arc::new(Catalog::default()),
            transaction: Transaction::default(),
            rowids: 0..0,
            current: HashMap::new(),
            ddl_lock_timeout: Duration::ZERO,
            call_timeout: None,
            deadline: None,
            interrupted: Arc::new(AtomicBool::new(false)),
            dead: false,
            parsed: HashMap::new(),
            making: None,
        })
    }

    pub fn is_dead(&self) -> bool {
        self.dead
    }

    pub fn in_transaction(&self) -> bool {
        self.transaction.started || !self.transaction.changes.is_empty()
    }

    /// Ends the session: its transaction is gone, its locks are free.
    fn die(&mut self, error: OraError) -> OraError {
        self.dead = true;
        self.transaction.clear();
        self.locks.release_all();
        error.ending_session()
    }

    fn killed() -> OraError {
        OraError::new(3113, "end-of-file on communication channel")
    }

    /// Makes one call to the server. Injected failures strike here.
    fn call<T>(&mut self, point: Point, sql: &str, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.dead {
            return Err(OraError::new(3114, "not connected to ORACLE").ending_session());
        }
        self.deadline = self.call_timeout.map(|limit| Instant::now() + limit);
        if self.exempt {
            return work(self);
        }
        self.check_generation()?;
        match self.side.failure(point, sql)? {
            None => work(self),
            Some(Action::Error(error)) => {
                self.break_off("FAILED");
                Err(error)
            }
            Some(Action::KillBefore) => Err(self.die(Self::killed())),
            Some(Action::KillInside) => {
                self.break_off("INPROGRS");
                Err(self.die(Self::killed()))
            }
            Some(Action::KillAfter) => {
                let _ = work(self);
                Err(self.die(Self::killed()))
            }
            Some(Action::Hang) => {
                while self.side.still_hangs()? {
                    self.pause().inspect_err(|_| self.break_off("FAILED"))?;
                }
                work(self)
            }
            Some(Action::HangAfter) => {
                let done = work(self);
                while self.side.still_hangs()? {
                    self.pause()?;
                }
                done
            }
            Some(Action::Delay(delay)) => {
                self.pause_for(delay).inspect_err(|_| self.break_off("FAILED"))?;
                work(self)
            }
            Some(Action::DelayedError(delay, error)) => {
                let waited = self.pause_for(delay);
                self.break_off("FAILED");
                waited.and(Err(error))
            }
        }
    }

    /// A failure inside of DDL. Only a text index leaves something behind.
    fn break_off(&mut self, status: &str) {
        if let Some(statement) = self.making.take()
            && let Statement::Ddl(ddl) = &*statement
        {
            drop(self.change_catalog(|catalog| {
                leave_half_built(catalog, ddl, status);
                Ok(())
            }));
        }
    }

    fn check_generation(&mut self) -> Result<()> {
        if !self.exempt && self.side.generation()? != self.generation {
            return Err(self.die(Self::killed()));
        }
        Ok(())
    }

    fn pause_for(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.pause()?;
        }
        Ok(())
    }

    /// Waits a moment, unless time is up.
    fn pause(&mut self) -> Result<()> {
        if self.interrupted.swap(false, Ordering::Relaxed) {
            return Err(OraError::new(1013, "User requested cancel of current operation."));
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(OraError::new(3156, "OCI call timed out"));
        }
        self.check_generation()?;
        sleep(POLL);
        Ok(())
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// Oracle's errors, and injected ones.
    pub fn execute(&mut self, sql: &str, binds: &[Bind]) -> Result<Outcome> {
        let statement = self.parse(sql)?;
        self.side.log(self.id, sql)?;
        self.making = matches!(*statement, Statement::Ddl(_)).then(|| Arc::clone(&statement));
        let outcome = self.call(Point::Execute, sql, |session| {
            let is_block = matches!(*statement, Statement::Block(_));
            if !is_block {
                check_bind_order(binds)?;
            }
            session.run(&statement, Values { binds, variables: None })
        });
        // A refusal of ODCIIndexCreate leaves the index too.
        if outcome.as_ref().is_err_and(|error| error.code == 29855) {
            self.break_off("FAILED");
        }
        self.making = None;
        outcome
    }

    fn parse(&mut self, sql: &str) -> Result<Arc<Statement>> {
        if let Some(statement) = self.parsed.get(sql) {
            return Ok(Arc::clone(statement));
        }
        let statement = Arc::new(Parser::new(sql)?.whole_statement()?);
        if self.parsed.len() >= 500 {
            self.parsed.clear();
        }
        self.parsed.insert(sql.to_owned(), Arc::clone(&statement));
        Ok(statement)
    }

    pub(super) fn run(&mut self, statement: &Statement, values: Values<'_>) -> Result<Outcome> {
        match statement {
            Statement::Query(query) => self.query(query, values),
            Statement::Insert(insert) => self.change(|work| work.insert(insert, values)),
            Statement::Update(update) => self.change(|work| work.update(update, values)),
            Statement::Delete(delete) => self.change(|work| work.delete(delete, values)),
            Statement::Merge(merge) => self.change(|work| work.merge(merge, values)),
            Statement::Ddl(ddl) => self.ddl(ddl),
            Statement::Block(block) => self.block(block, values.binds).map(Outcome::Block),
            Statement::LockTable { tables, exclusive, wait } => {
                self.transaction.started = true;
                self.view(false, wait, |work| {
                    for name in tables {
                        let table = work.catalog.table(name)?;
                        work.lock("table", table.id, "", *exclusive)?;
                    }
                    Ok(Outcome::Done)
                })
            }
            Statement::AlterSession { name, value } => {
                if name == "DDL_LOCK_TIMEOUT" {
                    let seconds = value.parse().map_err(|_| OraError::new(2017, "integer value required"))?;
                    self.ddl_lock_timeout = Duration::from_secs(seconds);
                }
                Ok(Outcome::Done)
            }
            Statement::Commit => self.commit_inner().map(|()| Outcome::Done),
            Statement::Rollback(None) => {
                self.rollback_inner();
                Ok(Outcome::Done)
            }
            Statement::Rollback(Some(name)) => {
                let savepoints = &mut self.transaction.savepoints;
                let place = savepoints
                    .iter()
                    .rposition(|(known, _)| known == name)
                    .ok_or_else(|| OraError::new(1086, format_args!("savepoint '{name}' never established")))?;
                let keep = savepoints[place].1;
                savepoints.truncate(place + 1);
                self.transaction.changes.truncate(keep);
                Ok(Outcome::Done)
            }
            Statement::Savepoint(name) => {
                self.transaction.savepoints.retain(|(known, _)| known != name);
                self.transaction.savepoints.push((name.clone(), self.transaction.changes.len()));
                Ok(Outcome::Done)
            }
            Statement::Nothing => Ok(Outcome::Done),
        }
    }

    fn change(&mut self, work: impl FnMut(&Work<'_>) -> Step<Affected>) -> Result<Outcome> {
        self.transaction.started = true;
        self.view(true, &Wait::Forever, work).map(Outcome::Affected)
    }

    fn query(&mut self, query: &Query, values: Values<'_>) -> Result<Outcome> {
        let wait = query.for_update.as_ref().map_or(Wait::Forever, |clause| clause.wait.clone());
        if query.for_update.is_some() {
            self.transaction.started = true;
        }
        self.view(false, &wait, |work| {
            let mut planner = work.planner(values);
            let planned = planner.query(query)?;
            for column in &planned.columns {
                // A client of release 19 has no type for these.
                if matches!(column.ty.family(), Family::Vector | Family::Boolean | Family::Interval)
                    || column.ty == Ty::Json
                {
                    return Err(OraError::new(
                        3115,
                        format_args!(
                            "unsupported network datatype or representation ({} {})",
                            column.ty.dictionary_name(),
                            column.name
                        ),
                    )
                    .into());
                }
            }
            let mut rows = work.planned_rows(&planned, &planner.params)?;
            if !planned.row_tables.is_empty() {
                rows = lock_rows(work, rows, planned.columns.len(), &planned.row_tables, wait == Wait::SkipLocked)?;
            }
            Ok(Outcome::Rows { columns: planned.columns, rows })
        })
    }

    /// One expression, as PL/SQL needs it.
    pub(super) fn evaluate(&mut self, expr: &Expr, values: Values<'_>) -> Result<(Value, Ty)> {
        self.view(false, &Wait::Forever, |work| {
            let (value, ty) = work.evaluate(expr, values)?;
            Ok((value.unwrap_or(Value::Null), ty))
        })
    }

    /// A condition, as PL/SQL needs it: NULL is no.
    pub(super) fn test(&mut self, expr: &Expr, values: Values<'_>) -> Result<bool> {
        self.view(false, &Wait::Forever, |work| {
            let mut planner = work.planner(values);
            planner.open();
            let sql = planner.condition(expr)?;
            let rows = work.rows(&format!("SELECT {sql}"), &planner.params)?;
            Ok(rows.first().is_some_and(|row| row[0] == Value::Integer(1)))
        })
    }

    /// Runs a piece of work on the database as this session sees it: what is committed, and its own changes. Runs it
    /// anew when it had to wait for a lock.
    fn view<T>(&mut self, writing: bool, wait: &Wait, mut work: impl FnMut(&Work<'_>) -> Step<T>) -> Result<T> {
        let started = Instant::now();
        loop {
            match self.view_once(writing, &mut work) {
                Ok((value, changes)) => {
                    self.transaction.changes.extend(changes);
                    return Ok(value);
                }
                Err(Halt::Error(error)) => return Err(error),
                Err(Halt::Locked(id, exclusive)) => self.wait_for(id, exclusive, wait, started)?,
            }
        }
    }

    fn view_once<T>(
        &mut self,
        writing: bool,
        work: &mut impl FnMut(&Work<'_>) -> Step<T>,
    ) -> Step<(T, Vec<super::transaction::Change>)> {
        let queue = Arc::clone(&self.queue);
        let writes = writing || !self.transaction.changes.is_empty();
        let _queued = writes.then(|| queue.lock().unwrap_or_else(PoisonError::into_inner));
        let behavior = if writes { TransactionBehavior::Immediate } else { TransactionBehavior::Deferred };
        // Dropped at the end, which rolls back.
        let transaction = rusqlite::Transaction::new_unchecked(&self.db, behavior)?;
        if let Some(catalog) = Catalog::newer_than(&transaction, self.catalog.version)? {
            self.catalog = Arc::new(catalog);
        }
        for change in &self.transaction.changes {
            change.apply(&transaction)?;
        }
        let facts = Facts {
            user: &self.user,
            side: &self.side,
            catalog: &self.catalog,
            current: RefCell::new(&mut self.current),
        };
        let context = Work {
            connection: &transaction,
            catalog: &self.catalog,
            environment: &facts,
            side: &self.side,
            locks: RefCell::new(&mut self.locks),
            rowids: RefCell::new(&mut self.rowids),
            changes: RefCell::new(Vec::new()),
            user: &self.user,
        };
        let value = work(&context)?;
        let changes = context.changes.into_inner();
        Ok((value, changes))
    }

    fn wait_for(&mut self, id: LockId, exclusive: bool, wait: &Wait, started: Instant) -> Result<()> {
        let timed_out = match wait {
            Wait::Not => {
                return Err(OraError::new(54, "resource busy and acquire with NOWAIT specified or timeout expired"));
            }
            Wait::Seconds(seconds) => Some(Duration::from_secs(*seconds)),
            Wait::Forever | Wait::SkipLocked => None,
        };
        if self.locks.wait_for(id) {
            self.locks.stop_waiting();
            return Err(OraError::new(60, "deadlock detected while waiting for resource"));
        }
        let outcome = loop {
            match self.locks.try_lock(id, exclusive) {
                Ok(true) => break Ok(()),
                Ok(false) => {}
                Err(error) => break Err(error),
            }
            if timed_out.is_some_and(|limit| started.elapsed() >= limit) {
                break Err(OraError::new(30006, "resource busy; acquire with WAIT timeout expired"));
            }
            if let Err(error) = self.pause() {
                break Err(error);
            }
        };
        self.locks.stop_waiting();
        outcome
    }

    fn ddl(&mut self, ddl: &Ddl) -> Result<Outcome> {
        self.commit_inner()?;
        let result = self.ddl_locked(ddl);
        self.locks.release_all();
        result.map(|()| Outcome::Done)
    }

    fn ddl_locked(&mut self, ddl: &Ddl) -> Result<()> {
        let table =
            self.view(false, &Wait::Forever, |work| Ok(locked_table(ddl, work.catalog).map(|table| table.id)))?;
        if let Some(table) = table {
            let id = lock_id("table", table, "");
            let started = Instant::now();
            while !self.locks.try_lock(id, true)? {
                if started.elapsed() >= self.ddl_lock_timeout {
                    return Err(OraError::new(
                        54,
                        "resource busy and acquire with NOWAIT specified or timeout expired",
                    ));
                }
                self.pause()?;
            }
        }
        let queue = Arc::clone(&self.queue);
        let _queued = queue.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = rusqlite::Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
        if let Some(catalog) = Catalog::newer_than(&transaction, self.catalog.version)? {
            self.catalog = Arc::new(catalog);
        }
        let mut catalog = (*self.catalog).clone();
        let facts = Facts {
            user: &self.user,
            side: &self.side,
            catalog: &self.catalog,
            current: RefCell::new(&mut self.current),
        };
        let denied = self.side.denied()?;
        Builder {
            connection: &transaction,
            catalog: &mut catalog,
            side: &self.side,
            environment: &facts,
            denied: &denied,
            user: &self.user,
        }
        .run(ddl)?;
        catalog.save(&transaction)?;
        transaction.commit()?;
        self.catalog = Arc::new(catalog);
        Ok(())
    }

    /// Changes the catalog outside of DDL (Oracle Text preferences). Commits, as CTX_DDL does.
    pub(super) fn change_catalog(&mut self, change: impl FnOnce(&mut Catalog) -> Result<()>) -> Result<()> {
        self.commit_inner()?;
        let queue = Arc::clone(&self.queue);
        let _queued = queue.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = rusqlite::Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
        if let Some(catalog) = Catalog::newer_than(&transaction, self.catalog.version)? {
            self.catalog = Arc::new(catalog);
        }
        let mut catalog = (*self.catalog).clone();
        change(&mut catalog)?;
        catalog.save(&transaction)?;
        transaction.commit()?;
        self.catalog = Arc::new(catalog);
        Ok(())
    }

    pub(super) fn is_denied(&self, privilege: &str) -> Result<bool> {
        Ok(self.side.denied()?.iter().any(|denied| denied == privilege))
    }

    /// OCITransCommit.
    ///
    /// # Errors
    /// Injected ones; the outcome is then known to the database alone.
    pub fn commit(&mut self) -> Result<()> {
        self.call(Point::Commit, "", Self::commit_inner)
    }

    pub(super) fn commit_inner(&mut self) -> Result<()> {
        if !self.transaction.changes.is_empty() {
            let queue = Arc::clone(&self.queue);
            let _queued = queue.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = rusqlite::Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
            for change in &self.transaction.changes {
                change.apply(&transaction)?;
            }
            transaction.commit()?;
        }
        self.transaction.clear();
        self.locks.release_all();
        Ok(())
    }

    /// OCITransRollback.
    ///
    /// # Errors
    /// Injected ones.
    pub fn rollback(&mut self) -> Result<()> {
        self.call(Point::Rollback, "", |session| {
            session.rollback_inner();
            Ok(())
        })
    }

    fn rollback_inner(&mut self) {
        self.transaction.clear();
        self.locks.release_all();
    }

    /// OCIPing.
    ///
    /// # Errors
    /// Injected ones.
    pub fn ping(&mut self) -> Result<()> {
        self.call(Point::Ping, "", |_| Ok(()))
    }

    /// Makes the call of a fetch or a LOB operation, before it is answered from memory.
    ///
    /// # Errors
    /// Injected ones.
    pub fn round_trip(&mut self, point: Point, sql: &str) -> Result<()> {
        self.call(point, sql, |_| Ok(()))
    }

    /// Counts a call that goes to the server. Sessions that control the stand-in are not counted.
    ///
    /// # Errors
    /// The errors of SQLite.
    pub fn count_trip(&self, trip: Trip) -> Result<()> {
        if self.exempt { Ok(()) } else { self.side.count_trip(trip) }
    }

    /// PL/SQL's DBMS_SESSION.SLEEP.
    pub(super) fn sleep(&mut self, time: Duration) -> Result<()> {
        self.pause_for(time)
    }
}

/// ORA-24816: text that may be long must not follow a LOB among the placeholders. Oracle counts what is potentially
/// longer than 4,000 bytes; text of 1,000 bytes may be, once it is converted between character sets.
fn check_bind_order(binds: &[Bind]) -> Result<()> {
    let mut lob = false;
    for bind in binds {
        let is_lob = matches!(bind.ty, Ty::Clob | Ty::NClob | Ty::Blob | Ty::Long);
        if lob && !is_lob && matches!(&bind.value, Value::Text(text) if text.len() > 1000) {
            return Err(OraError::new(
                24816,
                format_args!("Expanded non LONG bind data supplied after actual LONG or LOB column (:{})", bind.name),
            ));
        }
        lob |= is_lob;
    }
    Ok(())
}

/// Locks the rows whose ids stand behind the columns, and takes the ids off.
fn lock_rows(
    work: &Work<'_>,
    rows: Vec<Vec<Value>>,
    width: usize,
    tables: &[String],
    skip: bool,
) -> Step<Vec<Vec<Value>>> {
    let mut out = Vec::with_capacity(rows.len());
    for mut row in rows {
        let ids = row.split_off(width);
        let mut taken = true;
        for (name, id) in tables.iter().zip(ids) {
            let (table, Value::Integer(id)) = (work.catalog.table(name)?, id) else { continue };
            work.lock("table", table.id, "", false)?;
            if skip {
                taken &= work.try_lock("row", table.id, &id.to_string(), true)?;
            } else {
                work.lock("row", table.id, &id.to_string(), true)?;
            }
        }
        if taken {
            out.push(row);
        }
    }
    Ok(out)
}
