//! A bounded pool of connections. The pool needs no database at start, and no caller hangs when the database does.

use std::cell::Cell;
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use oracle::Connection;
use r2d2_oracle::OracleConnectionManager;

use super::codes::{Class, Code};
use super::connect::{self, Opener, locked};
use super::error::DriverError;
use crate::StoreError;
use crate::oracle::settings::OracleSettings;

/// The first of the waits after which a caller of the pool checks whether connecting has failed meanwhile. Each wait is
/// four times as long as the one before, because each may make the pool open one connection more.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// The limit for closing a discarded connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The time after which an idle connection is closed, before a firewall forgets it silently.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// A connection of the pool, and whether it may be used again.
pub(crate) struct PoolConnection {
    connection: Connection,
    /// The epoch in which the connection was opened. A dead session ends an epoch: all connections opened in it are
    /// suspect.
    epoch: u64,
    /// Whether the connection must not be used again.
    broken: Cell<bool>,
}

impl PoolConnection {
    /// Keeps the connection from being used again.
    pub(crate) fn discard(&self) {
        self.broken.set(true);
        // The driver tells the server when it closes a connection. The limit bounds the time for that message.
        if let Err(error) = self.connection.set_call_timeout(Some(CLOSE_TIMEOUT)) {
            log::debug!("a connection that was given up takes no settings: {}", DriverError::from(error));
        }
    }

    /// Returns whether the connection has been discarded.
    pub(crate) fn is_discarded(&self) -> bool {
        self.broken.get()
    }
}

impl Deref for PoolConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

/// The manager of connections: it opens them for the pool, and for work that takes longer than a call may.
pub(crate) struct Manager {
    inner: OracleConnectionManager,
    opener: Arc<Opener>,
    call_timeout: Duration,
    /// The reason why the pool cannot connect; `None` while it can. The pool goes on trying meanwhile.
    outage: Mutex<Option<DriverError>>,
    epoch: AtomicU64,
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Manager")
    }
}

impl Manager {
    fn new(settings: &OracleSettings) -> Self {
        Self {
            inner: OracleConnectionManager::from_connector(connect::connector(settings)),
            opener: Opener::new(settings),
            call_timeout: settings.call_timeout,
            outage: Mutex::default(),
            epoch: AtomicU64::new(0),
        }
    }

    /// Opens a connection outside of the pool.
    ///
    /// # Errors
    /// The reason why no connection was made.
    pub(crate) fn connect_outside_pool(&self) -> Result<Connection, DriverError> {
        self.opener.connect()
    }

    /// Returns the limit for a call on a connection.
    pub(crate) fn call_timeout(&self) -> Duration {
        self.call_timeout
    }

    /// Records the result of an attempt of the pool to connect, and logs it when the state has changed.
    fn record<T>(&self, result: Result<T, DriverError>) -> Result<T, DriverError> {
        let mut outage = locked(&self.outage);
        match &result {
            Ok(_) => {
                if outage.take().is_some() {
                    log::info!("the database can be connected to again");
                }
            }
            Err(failure) => {
                if outage.as_ref().is_none_or(|before| before != failure) {
                    log::warn!("the database cannot be connected to: {failure}");
                }
                *outage = Some(failure.clone());
            }
        }
        result
    }

    fn outage(&self) -> Option<DriverError> {
        locked(&self.outage).clone()
    }

    /// Ends the epoch of a connection whose session is dead: after a restart or a failover, all other connections of
    /// that epoch are dead too.
    pub(crate) fn suspect_all(&self, link: &PoolConnection) {
        _ = self.epoch.compare_exchange(link.epoch, link.epoch + 1, Ordering::AcqRel, Ordering::Acquire);
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = PoolConnection;
    type Error = DriverError;

    fn connect(&self) -> Result<PoolConnection, DriverError> {
        let epoch = self.epoch.load(Ordering::Acquire);
        let opened = self.record(self.opener.connect());
        opened.map(|connection| PoolConnection { connection, epoch, broken: Cell::new(false) })
    }

    fn is_valid(&self, link: &mut PoolConnection) -> Result<(), DriverError> {
        Ok(self.inner.is_valid(&mut link.connection)?)
    }

    fn has_broken(&self, link: &mut PoolConnection) -> bool {
        link.broken.get()
            || link.epoch != self.epoch.load(Ordering::Acquire)
            || self.inner.has_broken(&mut link.connection)
    }
}

/// The pool of connections.
pub(crate) struct Pool {
    manager: Arc<Manager>,
    pool: r2d2::Pool<SharedManager>,
    wait: Duration,
    long_texts: AtomicBool,
    temporary_lobs: AtomicBool,
}

impl Pool {
    /// Makes a pool without connections; the first caller makes it open one.
    pub(crate) fn new(settings: &OracleSettings) -> Self {
        let manager = Arc::new(Manager::new(settings));
        let pool = r2d2::Pool::builder()
            .max_size(settings.pool_size)
            .min_idle(Some(0))
            .connection_timeout(settings.connect_timeout)
            .idle_timeout(Some(IDLE_TIMEOUT))
            // Checking a connection before each use would double the time of a short call. A dead session is noticed
            // when it is used, and the work is repeated on another session.
            .test_on_check_out(false)
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build_unchecked(SharedManager(Arc::clone(&manager)));
        Self {
            manager,
            pool,
            wait: settings.connect_timeout,
            long_texts: AtomicBool::new(false),
            temporary_lobs: AtomicBool::new(false),
        }
    }

    /// Returns the manager, which opens connections.
    pub(crate) fn manager(&self) -> &Arc<Manager> {
        &self.manager
    }

    /// Returns a connection. Waits for a free one, at most as long as connecting may take. Does not wait while the pool
    /// has no connection and connecting fails (the pool goes on trying by itself).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when all connections stay in use; otherwise the reason why connecting fails.
    pub(crate) fn get(&self) -> Result<r2d2::PooledConnection<SharedManager>, StoreError> {
        let asked = Instant::now();
        let mut step = FIRST_WAIT;
        loop {
            let left = self.wait.saturating_sub(asked.elapsed());
            match self.pool.get_timeout(step.min(left)) {
                Ok(link) if link.epoch == self.manager.epoch.load(Ordering::Acquire) => return Ok(link),
                // The pool closes the connection when it is dropped, see `has_broken`.
                Ok(_) => continue,
                // An existing connection may still be returned to the pool, even when a new one cannot be opened.
                Err(_) if self.pool.state().connections == 0 => {
                    if let Some(outage) = self.manager.outage() {
                        return Err(outage.into());
                    }
                }
                Err(_) => {}
            }
            if left <= step {
                return Err(self.timed_out());
            }
            step *= 4;
        }
    }

    fn timed_out(&self) -> StoreError {
        let open = self.pool.state().connections;
        let wait = self.wait.as_millis();
        if open < self.pool.max_size() {
            if let Some(outage) = self.manager.outage() {
                return outage.into();
            }
            StoreError::Unreachable(format!("connecting took longer than MITSUKE_DB_CONNECT_TIMEOUT_MS ({wait} ms)"))
        } else {
            StoreError::Busy(format!("all {open} connections of MITSUKE_DB_POOL_SIZE were in use for {wait} ms"))
        }
    }

    /// Notes whether the images that were read last had long texts. The next images probably have long texts too,
    /// because a collection mostly comes from a few sources. A wrong guess costs round trips and changes no answer.
    pub(crate) fn expect_long_texts(&self, long: bool) {
        self.long_texts.store(long, Ordering::Relaxed);
    }

    /// Returns whether long texts are to be expected.
    pub(crate) fn expects_long_texts(&self) -> bool {
        self.long_texts.load(Ordering::Relaxed)
    }

    /// Notes that the database refuses values for LOB columns that go along with their statement.
    pub(crate) fn use_temporary_lobs(&self) {
        self.temporary_lobs.store(true, Ordering::Relaxed);
    }

    /// Returns whether values for LOB columns have to be sent as temporary LOBs.
    pub(crate) fn needs_temporary_lobs(&self) -> bool {
        self.temporary_lobs.load(Ordering::Relaxed)
    }

    /// Records that a session is dead, so that the next [`Self::get`] returns a fresh one.
    pub(crate) fn lost(&self, link: &PoolConnection) {
        link.discard();
        self.manager.suspect_all(link);
    }
}

/// The manager in the form that the pool owns.
pub(crate) struct SharedManager(Arc<Manager>);

impl r2d2::ManageConnection for SharedManager {
    type Connection = PoolConnection;
    type Error = DriverError;

    fn connect(&self) -> Result<PoolConnection, DriverError> {
        self.0.connect()
    }

    fn is_valid(&self, link: &mut PoolConnection) -> Result<(), DriverError> {
        self.0.is_valid(link)
    }

    fn has_broken(&self, link: &mut PoolConnection) -> bool {
        self.0.has_broken(link)
    }
}

/// Errors of class [`Class::Busy`] that are the database's whole answer: the session goes on after them.
const ANSWERED: [Code; 6] =
    [Code::Ora(54), Code::Ora(60), Code::Ora(1555), Code::Ora(8177), Code::Ora(30006), Code::Ora(51815)];

/// Returns whether an error leaves a connection in an unknown state.
pub(crate) fn spoils_connection(failure: &DriverError) -> bool {
    match failure.class() {
        Class::Lost | Class::Unreachable => true,
        // After a timeout the answer of the abandoned call may still arrive.
        Class::Busy => !failure.is_one_of(&ANSWERED),
        _ => false,
    }
}
