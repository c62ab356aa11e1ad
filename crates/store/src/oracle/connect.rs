//! Opens connections, and lets nobody wait longer for one than connecting may take.
//!
//! The client library knows a limit of time for some connect strings only: behind a TNS name or a description it may
//! wait for ever. So every attempt has a thread of its own, and who waits for it gives up in time. A thread that hangs
//! cannot be ended, so there are never more of them than the pool has connections.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use oracle::{Connection, Connector};
use secrecy::ExposeSecret as _;

use super::OracleSettings;
use super::error::Failure;
use super::refusals::Refusals;

/// Distinct statements that a connection keeps parsed; about as many as the store has, IN lists and filters apart.
const STATEMENTS: u32 = 80;

/// How much longer than the client library this waits: where that knows the limit too, it has more to say.
const GRACE: Duration = Duration::from_millis(500);

/// What is behind a lock that no panic can leave half changed.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connector for an account.
pub(super) fn connector(settings: &OracleSettings) -> Connector {
    let mut connector =
        Connector::new(settings.user.as_str(), settings.password.expose_secret(), settings.dsn_with_timeout());
    connector.stmt_cache_size(STATEMENTS).driver_name(concat!("mitsuke : ", env!("CARGO_PKG_VERSION")).to_owned());
    connector
}

/// Opens connections.
pub(super) struct Opener {
    connector: Connector,
    /// How long connecting may take.
    limit: Duration,
    /// How long each call on a new connection may take.
    call_timeout: Duration,
    /// Most attempts at once.
    most: u32,
    /// Attempts that are under way, whether anybody still waits for them or not.
    under_way: Mutex<u32>,
    one_ended: Condvar,
    refusals: Mutex<Refusals>,
}

impl Opener {
    pub(super) fn new(settings: &OracleSettings) -> Arc<Self> {
        Arc::new(Self {
            connector: connector(settings),
            limit: settings.connect_timeout,
            call_timeout: settings.call_timeout,
            most: settings.pool_size.max(1),
            under_way: Mutex::default(),
            one_ended: Condvar::new(),
            refusals: Mutex::default(),
        })
    }

    /// A connection whose calls have a limit of time.
    ///
    /// # Errors
    /// Why there is none, at the latest when connecting has taken longer than it may.
    pub(super) fn connect(self: &Arc<Self>) -> Result<Connection, Failure> {
        let end = Instant::now() + self.limit + GRACE;
        let turn = self.turn(end)?;
        let (sender, receiver) = mpsc::sync_channel(1);
        let opener = Arc::clone(self);
        let attempt = move || {
            let _turn = turn;
            // When nobody waits any more, this closes the connection.
            drop(sender.send(opener.attempt()));
        };
        thread::Builder::new()
            .name("database-connect".to_owned())
            .spawn(attempt)
            .map_err(|error| Failure::connecting(&format!("the system gives no thread: {error}")))?;
        match receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(opened) => opened,
            Err(RecvTimeoutError::Timeout) => Err(self.took_too_long("")),
            Err(RecvTimeoutError::Disconnected) => Err(Failure::connecting("the driver panicked")),
        }
    }

    /// The right to make one attempt.
    fn turn(self: &Arc<Self>, end: Instant) -> Result<Turn, Failure> {
        let mut under_way = locked(&self.under_way);
        while *under_way >= self.most {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.took_too_long(", and so did earlier attempts that still hang"));
            }
            under_way = self.one_ended.wait_timeout(under_way, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *under_way += 1;
        Ok(Turn { opener: Arc::clone(self) })
    }

    fn took_too_long(&self, more: &str) -> Failure {
        let limit = self.limit.as_millis();
        Failure::connecting(&format!("connecting took longer than MITSUKE_DB_CONNECT_TIMEOUT_MS ({limit} ms){more}"))
    }

    fn attempt(&self) -> Result<Connection, Failure> {
        if let Some(failure) = locked(&self.refusals).standing(Instant::now()) {
            return Err(failure);
        }
        let opened = self.connector.connect().map_err(Failure::from).and_then(|connection| {
            // Shown in V$SESSION; local settings, sent along with the next call.
            connection.set_module("mitsuke")?;
            connection.set_call_timeout(Some(self.call_timeout))?;
            Ok(connection)
        });
        locked(&self.refusals).note(opened.map_err(Failure::while_connecting), Instant::now())
    }
}

/// One attempt that is under way; over when dropped.
struct Turn {
    opener: Arc<Opener>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        *locked(&self.opener.under_way) -= 1;
        self.opener.one_ended.notify_one();
    }
}
