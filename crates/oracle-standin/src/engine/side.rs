//! The state outside of transactions, in an SQLite database beside the main one: sequences (a number that is taken
//! stays taken), the password, denied privileges, injected failures, a log of calls.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::errors::{OraError, Result};

/// The point at which a failure strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    Attach,
    Login,
    Ping,
    Execute,
    Fetch,
    Commit,
    Rollback,
    Lob,
}

impl Point {
    fn name(self) -> &'static str {
        match self {
            Self::Attach => "attach",
            Self::Login => "login",
            Self::Ping => "ping",
            Self::Execute => "execute",
            Self::Fetch => "fetch",
            Self::Commit => "commit",
            Self::Rollback => "rollback",
            Self::Lob => "lob",
        }
    }
}

/// A kind of call that goes to the server, by which the calls are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trip {
    Execute,
    Fetch,
    Lob,
    Commit,
    Rollback,
    Ping,
}

impl Trip {
    const ALL: [Self; 6] = [Self::Execute, Self::Fetch, Self::Lob, Self::Commit, Self::Rollback, Self::Ping];

    fn name(self) -> &'static str {
        match self {
            Self::Execute => "execute",
            Self::Fetch => "fetch",
            Self::Lob => "lob",
            Self::Commit => "commit",
            Self::Rollback => "rollback",
            Self::Ping => "ping",
        }
    }
}

/// The effect of an injected failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The call fails with this error; the session lives on.
    Error(OraError),
    /// The session ends before the call does anything (ORA-03113).
    KillBefore,
    /// The call does its work, then the session ends before the answer arrives (ORA-03113).
    KillAfter,
    /// The session ends in the middle of the call: what a statement leaves half done stays so (ORA-03113).
    KillInside,
    /// The call does not return before the call timeout, or before the failure is cleared.
    Hang,
    /// The call does its work, but does not return before the call timeout, or before the failure is cleared.
    HangAfter,
    /// The call takes this much longer.
    Delay(Duration),
    /// The call waits, then fails with this error.
    DelayedError(Duration, OraError),
}

/// The release that the server reports unless a test says otherwise.
const RELEASE: (u32, u32) = (23, 26);

/// The side database.
pub struct Side {
    db: Connection,
}

impl Side {
    /// # Errors
    /// The errors of SQLite.
    pub fn open(path: &Path) -> Result<Self> {
        let db = Connection::open(path)?;
        db.busy_timeout(Duration::from_secs(60))?;
        db.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = OFF;
             CREATE TABLE IF NOT EXISTS sequences (name TEXT PRIMARY KEY, last INTEGER NOT NULL);
             CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value);
             CREATE TABLE IF NOT EXISTS denied (privilege TEXT PRIMARY KEY);
             CREATE TABLE IF NOT EXISTS failures (
                 id INTEGER PRIMARY KEY, point TEXT NOT NULL, pattern TEXT NOT NULL, skip INTEGER NOT NULL,
                 times INTEGER, action TEXT NOT NULL, code INTEGER NOT NULL, message TEXT NOT NULL, ms INTEGER NOT NULL
             );
             CREATE TABLE IF NOT EXISTS trips (kind TEXT PRIMARY KEY, count INTEGER NOT NULL);
             CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY, session INTEGER NOT NULL, sql TEXT NOT NULL);",
        )?;
        Ok(Self { db })
    }

    /// Takes `count` numbers of a sequence and returns the first.
    pub fn take(&self, name: &str, start: i64, increment: i64, count: i64) -> Result<i64> {
        let last: i64 = self
            .db
            .prepare_cached(
                "INSERT INTO sequences (name, last) VALUES (?1, ?2 + ?3 * (?4 - 1))
                 ON CONFLICT (name) DO UPDATE SET last = last + ?3 * ?4 RETURNING last",
            )?
            .query_row(params![name, start, increment, count], |row| row.get(0))?;
        Ok(last - increment * (count - 1))
    }

    /// Makes `next` the next number of a sequence with an increment of 1.
    pub fn restart(&self, name: &str, next: i64) -> Result<()> {
        self.db.execute("INSERT OR REPLACE INTO sequences (name, last) VALUES (?1, ?2)", params![name, next - 1])?;
        Ok(())
    }

    /// Returns the next number of a sequence with an increment of 1 that starts at 1.
    pub fn next(&self, name: &str) -> Result<i64> {
        let last: Option<i64> = self
            .db
            .prepare_cached("SELECT last FROM sequences WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        Ok(last.unwrap_or(0) + 1)
    }

    /// Sets the number of texts that wait for a text index.
    pub fn pend(&self, index: &str, count: i64) -> Result<()> {
        self.db.execute(
            "INSERT OR REPLACE INTO facts (name, value) VALUES (?1, ?2)",
            params![format!("pending {index}"), count.to_string()],
        )?;
        Ok(())
    }

    /// Returns the number of texts that wait for a text index.
    pub fn pending(&self, index: &str) -> Result<i64> {
        Ok(self.fact(&format!("pending {index}"))?.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// Forgets a sequence.
    pub fn forget(&self, name: &str) -> Result<()> {
        self.db.execute("DELETE FROM sequences WHERE name = ?1", [name])?;
        Ok(())
    }

    fn fact(&self, name: &str) -> Result<Option<String>> {
        Ok(self
            .db
            .prepare_cached("SELECT value FROM facts WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?)
    }

    /// Checks the password; the first one ever given is the right one.
    ///
    /// # Errors
    /// ORA-01017, ORA-01005.
    pub fn log_in(&self, user: &str, password: &str) -> Result<()> {
        if password.is_empty() || user.is_empty() {
            return Err(OraError::new(1005, "null password given; logon denied"));
        }
        let name = format!("password of {user}");
        self.db.execute("INSERT INTO facts (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING", [&name, password])?;
        match self.fact(&name)? {
            Some(known) if known == password => Ok(()),
            _ => Err(OraError::new(1017, "invalid credential or not authorized; logon denied")),
        }
    }

    fn set_fact(&self, name: &str, value: &str) -> Result<()> {
        self.db.execute(
            "INSERT INTO facts (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
            [name, value],
        )?;
        Ok(())
    }

    /// The release that the server reports, as major and minor number.
    pub fn release(&self) -> Result<(u32, u32)> {
        let text = self.fact("release")?;
        let numbers = text.as_deref().and_then(|text| text.split_once('.'));
        let release = numbers.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        Ok(release.unwrap_or(RELEASE))
    }

    /// Makes the server report another release, such as 23.5.
    pub fn set_release(&self, release: &str) -> Result<()> {
        self.set_fact("release", release)
    }

    /// The percentage that INDEX_ACCURACY_QUERY reports. Every search of the stand-in is exact, so it is 100 unless a
    /// test says otherwise.
    pub fn accuracy(&self) -> Result<u32> {
        Ok(self.fact("accuracy")?.and_then(|text| text.parse().ok()).unwrap_or(100))
    }

    /// Makes INDEX_ACCURACY_QUERY report another percentage.
    pub fn set_accuracy(&self, percentage: &str) -> Result<()> {
        self.set_fact("accuracy", percentage)
    }

    /// Counts how often all sessions were ended; a session that knows a lower number is dead.
    pub fn generation(&self) -> Result<i64> {
        Ok(self.fact("generation")?.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// Ends all sessions.
    pub fn end_sessions(&self) -> Result<()> {
        self.set_fact("generation", &(self.generation()? + 1).to_string())
    }

    /// Takes a privilege away (or gives it back).
    pub fn deny(&self, privilege: &str, denied: bool) -> Result<()> {
        let sql =
            if denied { "INSERT OR IGNORE INTO denied VALUES (?1)" } else { "DELETE FROM denied WHERE privilege = ?1" };
        self.db.execute(sql, [privilege.to_uppercase()])?;
        Ok(())
    }

    pub fn denied(&self) -> Result<Vec<String>> {
        let mut statement = self.db.prepare_cached("SELECT privilege FROM denied")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Sets up a failure.
    #[expect(clippy::too_many_arguments, reason = "a row of a table")]
    pub fn add_failure(
        &self,
        point: &str,
        pattern: &str,
        action: &str,
        code: i64,
        message: &str,
        times: Option<i64>,
        skip: i64,
        ms: i64,
    ) -> Result<()> {
        self.db.execute(
            "INSERT INTO failures (point, pattern, skip, times, action, code, message, ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![point.to_lowercase(), squeezed(pattern), skip, times, action.to_lowercase(), code, message, ms],
        )?;
        Ok(())
    }

    /// Forgets all failures, denied privileges, the log and the count.
    pub fn clear(&self) -> Result<()> {
        self.db.execute_batch(
            "DELETE FROM failures; DELETE FROM denied; DELETE FROM calls; DELETE FROM trips;
             DELETE FROM facts WHERE name = 'logging'",
        )?;
        Ok(())
    }

    /// Whether a failure strikes now. It is used up by this.
    pub fn failure(&self, point: Point, sql: &str) -> Result<Option<Action>> {
        let mut statement = self.db.prepare_cached(
            "SELECT id, pattern, skip, times, action, code, message, ms FROM failures
             WHERE point = ?1 AND (times IS NULL OR times > 0) ORDER BY id",
        )?;
        let mut rows = statement.query([point.name()])?;
        while let Some(row) = rows.next()? {
            let pattern: String = row.get(1)?;
            if !pattern.is_empty() && !squeezed(sql).contains(&pattern) {
                continue;
            }
            let id: i64 = row.get(0)?;
            if row.get::<_, i64>(2)? > 0 {
                self.db.execute("UPDATE failures SET skip = skip - 1 WHERE id = ?1", [id])?;
                continue;
            }
            self.db.execute("UPDATE failures SET times = times - 1 WHERE id = ?1 AND times IS NOT NULL", [id])?;
            let action: String = row.get(4)?;
            let (code, message): (i32, String) = (row.get(5)?, row.get(6)?);
            let delay = Duration::from_millis(row.get::<_, i64>(7)?.unsigned_abs());
            let error = || OraError::from_text(&message).unwrap_or_else(|| OraError::new(code, &message));
            return Ok(Some(match action.as_str() {
                "error" if delay.is_zero() => Action::Error(error()),
                "error" => Action::DelayedError(delay, error()),
                "kill_before" => Action::KillBefore,
                "kill_inside" => Action::KillInside,
                "kill_after" => Action::KillAfter,
                "hang" => Action::Hang,
                "hang_after" => Action::HangAfter,
                "delay" => Action::Delay(delay),
                other => return Err(OraError::new(6502, format_args!("unknown action {other}"))),
            }));
        }
        Ok(None)
    }

    /// Whether any failure for a hanging call is still there.
    pub fn still_hangs(&self) -> Result<bool> {
        Ok(self.db.prepare_cached("SELECT 1 FROM failures WHERE action LIKE 'hang%'")?.exists([])?)
    }

    /// Notes every statement from now on.
    pub fn start_log(&self) -> Result<()> {
        self.db.execute_batch(
            "DELETE FROM calls; INSERT INTO facts (name, value) VALUES ('logging', '1') ON CONFLICT DO NOTHING",
        )?;
        Ok(())
    }

    pub fn log(&self, session: u64, sql: &str) -> Result<()> {
        if self.fact("logging")?.is_some() {
            let session = i64::try_from(session).unwrap_or(0);
            self.db.execute("INSERT INTO calls (session, sql) VALUES (?1, ?2)", params![session, squeezed(sql)])?;
        }
        Ok(())
    }

    /// Counts the calls that go to the server from now on, from 0.
    pub fn start_count(&self) -> Result<()> {
        for trip in Trip::ALL {
            self.db.execute("INSERT OR REPLACE INTO trips (kind, count) VALUES (?1, 0)", [trip.name()])?;
        }
        Ok(())
    }

    /// Counts a call, once counting has been started.
    pub fn count_trip(&self, trip: Trip) -> Result<()> {
        // An UPDATE that changes nothing would still make other sessions wait.
        if self.db.prepare_cached("SELECT 1 FROM trips")?.exists([])? {
            self.db.prepare_cached("UPDATE trips SET count = count + 1 WHERE kind = ?1")?.execute([trip.name()])?;
        }
        Ok(())
    }

    /// The counted calls: kind and number.
    pub fn trips(&self) -> Result<Vec<(String, i64)>> {
        let mut statement = self.db.prepare_cached("SELECT kind, count FROM trips ORDER BY kind")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The log: session and text.
    pub fn calls(&self) -> Result<Vec<(i64, String)>> {
        let mut statement = self.db.prepare_cached("SELECT session, sql FROM calls ORDER BY id")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// Upper case, with single spaces: what patterns are compared with.
fn squeezed(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase()
}
