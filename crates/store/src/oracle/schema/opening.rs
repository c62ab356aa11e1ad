//! Brings the schema up to date in the background when a store is first used.
//!
//! Taking over a database of the original application takes hours, and a hanging database may never answer. So the work
//! has a thread of its own. Callers wait a moment and then get an error that says what is going on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::migrate;
use crate::StoreError;
use crate::oracle::connection::connect::locked;
use crate::oracle::connection::pool::Manager;
use crate::oracle::rows::foreign::Examine;
use crate::oracle::settings::OracleSettings;

/// The time for which calls get the error of a failed attempt, before another attempt is made.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The time that callers wait for an attempt, from its start, in addition to the limit for connecting.
const EXTRA_WAIT: Duration = Duration::from_secs(1);

/// The state of the opening.
enum State {
    Idle,
    Running { since: Instant },
    Failed { at: Instant, error: StoreError },
}

/// The opening of a store.
pub(crate) struct Opening {
    settings: OracleSettings,
    examine: Arc<Examine>,
    manager: Arc<Manager>,
    /// Whether the schema exists and is up to date.
    done: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

impl Opening {
    pub(crate) fn new(settings: OracleSettings, examine: Arc<Examine>, manager: Arc<Manager>) -> Arc<Self> {
        Arc::new(Self {
            settings,
            examine,
            manager,
            done: AtomicBool::new(false),
            state: Mutex::new(State::Idle),
            changed: Condvar::new(),
        })
    }

    /// Waits until the schema is up to date, for a limited time.
    ///
    /// # Errors
    /// The reason why the schema is not up to date; [`StoreError::Busy`] when the time is over.
    pub(crate) fn ensure(self: &Arc<Self>) -> Result<(), StoreError> {
        if self.done.load(Ordering::Acquire) {
            return Ok(());
        }
        self.wait(Some(self.settings.connect_timeout + EXTRA_WAIT))
    }

    /// Waits until the schema is up to date, for any time. Another attempt follows a failed one at once.
    ///
    /// # Errors
    /// The reason why the schema is not up to date.
    pub(crate) fn finish(self: &Arc<Self>) -> Result<(), StoreError> {
        if let state @ State::Failed { .. } = &mut *locked(&self.state) {
            *state = State::Idle;
        }
        self.wait(None)
    }

    fn wait(self: &Arc<Self>, limit: Option<Duration>) -> Result<(), StoreError> {
        let mut waited = false;
        let mut state = locked(&self.state);
        loop {
            if self.done.load(Ordering::Acquire) {
                return Ok(());
            }
            match &*state {
                State::Failed { at, error } if waited || at.elapsed() < RETRY_AFTER => return Err(error.clone()),
                State::Idle | State::Failed { .. } => {
                    self.start()?;
                    *state = State::Running { since: Instant::now() };
                }
                State::Running { since } => {
                    let past = since.elapsed();
                    let left = limit.map_or(EXTRA_WAIT, |limit| limit.saturating_sub(past));
                    if left.is_zero() {
                        return Err(StoreError::Busy(format!(
                            "connecting to the database and bringing its schema up to date has taken {} s so far; the log \
                             shows the progress",
                            past.as_secs()
                        )));
                    }
                    waited = true;
                    state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    fn start(self: &Arc<Self>) -> Result<(), StoreError> {
        let opening = Arc::clone(self);
        let work = move || {
            let result = Err(StoreError::Internal("bringing the schema up to date ended by a panic".into()));
            let mut attempt = Attempt { opening, result };
            let Opening { settings, examine, manager, .. } = &*attempt.opening;
            attempt.result = migrate::migrate(manager, settings, &**examine).map_err(StoreError::from);
        };
        match thread::Builder::new().name("database-schema".to_owned()).spawn(work) {
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError::Unavailable(format!("the system gives no thread: {error}"))),
        }
    }
}

/// One attempt. Dropping the attempt publishes its result, after a panic too.
struct Attempt {
    opening: Arc<Opening>,
    result: Result<(), StoreError>,
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let result = std::mem::replace(&mut self.result, Ok(()));
        let mut state = locked(&self.opening.state);
        *state = match result {
            Ok(()) => {
                self.opening.done.store(true, Ordering::Release);
                State::Idle
            }
            Err(error) => State::Failed { at: Instant::now(), error },
        };
        self.opening.changed.notify_all();
    }
}
