//! Opens connections, each within the limit of time that the settings give for connecting.
//!
//! The client library applies such a limit to some connect strings only: with a TNS name or a full description it may
//! wait for ever. So every attempt runs in a thread of its own, and the caller gives up when the time is over. A
//! hanging thread cannot be ended, so there are never more of them than the pool has connections.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use oracle::{Connection, Connector};
use secrecy::ExposeSecret as _;

use super::error::DriverError;
use super::refusals::Refusals;
use crate::oracle::settings::OracleSettings;

/// The number of statements that a connection keeps parsed: about as many as the store has, without the variants of IN
/// lists and filters.
const STATEMENTS: u32 = 80;

/// The time that this program waits beyond the limit of the client library, whose own message says more.
const GRACE: Duration = Duration::from_millis(500);

/// Locks a mutex. A panic elsewhere cannot leave the value half changed, so a poisoned mutex is used all the same.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a connector for an account.
pub(crate) fn connector(settings: &OracleSettings) -> Connector {
    let mut connector =
        Connector::new(settings.user.as_str(), settings.password.expose_secret(), settings.dsn_with_timeout());
    connector.stmt_cache_size(STATEMENTS).driver_name(concat!("mitsuke : ", env!("CARGO_PKG_VERSION")).to_owned());
    connector
}

/// The opener of connections, which bounds the time and the number of its attempts.
pub(crate) struct Opener {
    connector: Connector,
    /// The limit for connecting.
    limit: Duration,
    /// The limit for each call on a new connection.
    call_timeout: Duration,
    /// The largest number of attempts at one time.
    max_attempts: u32,
    /// The number of running attempts, including those that no caller waits for any more.
    running: Mutex<u32>,
    attempt_ended: Condvar,
    refusals: Mutex<Refusals>,
}

impl Opener {
    pub(crate) fn new(settings: &OracleSettings) -> Arc<Self> {
        Arc::new(Self {
            connector: connector(settings),
            limit: settings.connect_timeout,
            call_timeout: settings.call_timeout,
            max_attempts: settings.pool_size.max(1),
            running: Mutex::default(),
            attempt_ended: Condvar::new(),
            refusals: Mutex::default(),
        })
    }

    /// Opens a connection whose calls have a limit of time.
    ///
    /// # Errors
    /// The reason why no connection was made. The error comes at the latest when the limit for connecting is over.
    pub(crate) fn connect(self: &Arc<Self>) -> Result<Connection, DriverError> {
        let end = Instant::now() + self.limit + GRACE;
        let permit = self.permit(end)?;
        let (sender, receiver) = mpsc::sync_channel(1);
        let opener = Arc::clone(self);
        let attempt = move || {
            let _permit = permit;
            // When the caller has given up, the channel returns the connection, and `drop` closes it.
            drop(sender.send(opener.attempt()));
        };
        thread::Builder::new()
            .name("database-connect".to_owned())
            .spawn(attempt)
            .map_err(|error| DriverError::connecting(&format!("the system gives no thread: {error}")))?;
        match receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(opened) => opened,
            Err(RecvTimeoutError::Timeout) => Err(self.took_too_long("")),
            Err(RecvTimeoutError::Disconnected) => Err(DriverError::connecting("the driver panicked")),
        }
    }

    /// Waits for the right to make one attempt.
    fn permit(self: &Arc<Self>, end: Instant) -> Result<Permit, DriverError> {
        let mut running = locked(&self.running);
        while *running >= self.max_attempts {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.took_too_long(", and so did earlier attempts that still hang"));
            }
            running = self.attempt_ended.wait_timeout(running, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *running += 1;
        Ok(Permit { opener: Arc::clone(self) })
    }

    fn took_too_long(&self, more: &str) -> DriverError {
        let limit = self.limit.as_millis();
        DriverError::connecting(&format!(
            "connecting took longer than MITSUKE_DB_CONNECT_TIMEOUT_MS ({limit} ms){more}"
        ))
    }

    fn attempt(&self) -> Result<Connection, DriverError> {
        if let Some(failure) = locked(&self.refusals).refusal(Instant::now()) {
            return Err(failure);
        }
        let opened = self.connector.connect().map_err(DriverError::from).and_then(|connection| {
            // V$SESSION shows the module. Both settings are local; the driver sends them along with the next call.
            connection.set_module("mitsuke")?;
            connection.set_call_timeout(Some(self.call_timeout))?;
            Ok(connection)
        });
        locked(&self.refusals).record(opened.map_err(DriverError::while_connecting), Instant::now())
    }
}

/// The right to one running attempt. Dropping it ends the attempt.
struct Permit {
    opener: Arc<Opener>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        *locked(&self.opener.running) -= 1;
        self.opener.attempt_ended.notify_one();
    }
}
