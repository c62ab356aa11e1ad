//! Connections: a bounded pool that neither needs the database at start nor hangs on it later.

use std::cell::Cell;
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use oracle::Connection;
use r2d2_oracle::OracleConnectionManager;

use super::OracleSettings;
use super::codes::Class;
use super::connect::{self, Opener, locked};
use super::error::Failure;
use crate::StoreError;

/// How long a caller of the pool first waits before it looks whether connecting has failed meanwhile; four times as long
/// every time after that. Each wait may make the pool open one connection more, so there must not be many.
const GLANCE: Duration = Duration::from_millis(20);

/// How long closing a connection that was given up may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Connections that nobody used for so long are closed, before a firewall forgets them silently.
const IDLE: Duration = Duration::from_secs(5 * 60);

/// A connection and what the pool knows of it.
pub(super) struct Link {
    connection: Connection,
    /// Of which wave it is. When a session is found dead, all older connections are suspect.
    wave: u64,
    /// Must not be used again.
    broken: Cell<bool>,
}

impl Link {
    /// Keeps it from being used again.
    pub(super) fn give_up(&self) {
        self.broken.set(true);
        // The driver says goodbye to the server when it closes a connection; whoever closes it need not wait long.
        if let Err(error) = self.connection.set_call_timeout(Some(GOODBYE)) {
            log::debug!("a connection that was given up takes no settings: {}", Failure::from(error));
        }
    }

    /// Whether nobody should use it again.
    pub(super) fn is_given_up(&self) -> bool {
        self.broken.get()
    }
}

impl Deref for Link {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

/// Opens connections for the pool, and for work that has to outlive a call's timeout.
pub(super) struct Manager {
    inner: OracleConnectionManager,
    opener: Arc<Opener>,
    call_timeout: Duration,
    /// Why the pool cannot connect; `None` while it can. The pool goes on trying meanwhile.
    outage: Mutex<Option<Failure>>,
    wave: AtomicU64,
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
            wave: AtomicU64::new(0),
        }
    }

    /// A connection outside of the pool.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn connect_apart(&self) -> Result<Connection, Failure> {
        self.opener.connect()
    }

    /// How long a call of a connection may take.
    pub(super) fn call_timeout(&self) -> Duration {
        self.call_timeout
    }

    /// Notes what the pool's connecting came to, and tells it when that is news.
    fn noted<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
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

    fn outage(&self) -> Option<Failure> {
        locked(&self.outage).clone()
    }

    /// A session was found dead: whoever else is connected may be dead too (a restart, a failover).
    pub(super) fn suspect_all(&self, link: &Link) {
        _ = self.wave.compare_exchange(link.wave, link.wave + 1, Ordering::AcqRel, Ordering::Acquire);
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Link;
    type Error = Failure;

    fn connect(&self) -> Result<Link, Failure> {
        let wave = self.wave.load(Ordering::Acquire);
        let opened = self.noted(self.opener.connect());
        opened.map(|connection| Link { connection, wave, broken: Cell::new(false) })
    }

    fn is_valid(&self, link: &mut Link) -> Result<(), Failure> {
        Ok(self.inner.is_valid(&mut link.connection)?)
    }

    fn has_broken(&self, link: &mut Link) -> bool {
        link.broken.get()
            || link.wave != self.wave.load(Ordering::Acquire)
            || self.inner.has_broken(&mut link.connection)
    }
}

/// The pool.
pub(super) struct Pool {
    manager: Arc<Manager>,
    pool: r2d2::Pool<Shared>,
    wait: Duration,
}

impl Pool {
    /// A pool without a connection: the first is opened when somebody needs it.
    pub(super) fn new(settings: &OracleSettings) -> Self {
        let manager = Arc::new(Manager::new(settings));
        let pool = r2d2::Pool::builder()
            .max_size(settings.pool_size)
            .min_idle(Some(0))
            .connection_timeout(settings.connect_timeout)
            .idle_timeout(Some(IDLE))
            // Asking the server before each use doubles the time of a short call. A dead session is noticed when it is
            // used, and the work done again on another.
            .test_on_check_out(false)
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build_unchecked(Shared(Arc::clone(&manager)));
        Self { manager, pool, wait: settings.connect_timeout }
    }

    /// What opens connections.
    pub(super) fn manager(&self) -> &Arc<Manager> {
        &self.manager
    }

    /// A connection; waits for one, though not longer than connecting may take, and not at all while there is
    /// none and connecting fails (the pool goes on trying by itself).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when all are in use for too long; else why there is none.
    pub(super) fn get(&self) -> Result<r2d2::PooledConnection<Shared>, StoreError> {
        let asked = Instant::now();
        let mut glance = GLANCE;
        loop {
            let left = self.wait.saturating_sub(asked.elapsed());
            match self.pool.get_timeout(glance.min(left)) {
                Ok(link) if link.wave == self.manager.wave.load(Ordering::Acquire) => return Ok(link),
                // Closed when it is dropped, see has_broken().
                Ok(_) => continue,
                // While there are connections, one of them may be given back, whatever a new one came to.
                Err(_) if self.pool.state().connections == 0 => {
                    if let Some(outage) = self.manager.outage() {
                        return Err(outage.into());
                    }
                }
                Err(_) => {}
            }
            if left <= glance {
                return Err(self.nothing_in_time());
            }
            glance *= 4;
        }
    }

    fn nothing_in_time(&self) -> StoreError {
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

    /// Notes that a session was found dead, so that the next [`Self::get`] gives a fresh one.
    pub(super) fn lost(&self, link: &Link) {
        link.give_up();
        self.manager.suspect_all(link);
    }
}

/// The manager as the pool wants to own it.
pub(super) struct Shared(Arc<Manager>);

impl r2d2::ManageConnection for Shared {
    type Connection = Link;
    type Error = Failure;

    fn connect(&self) -> Result<Link, Failure> {
        self.0.connect()
    }

    fn is_valid(&self, link: &mut Link) -> Result<(), Failure> {
        self.0.is_valid(link)
    }

    fn has_broken(&self, link: &mut Link) -> bool {
        self.0.has_broken(link)
    }
}

/// Whether a failure leaves the connection in a state that nobody should rely on.
pub(super) fn spoils_the_connection(class: Class) -> bool {
    // After a timeout the answer of the broken-off call may still be on its way.
    matches!(class, Class::Lost | Class::Busy | Class::Unreachable)
}
