//! Brings the schema up to date behind the back of whoever asked first.
//!
//! A database of the article takes hours to take over, and a database that hangs may never answer. Nobody waits for
//! that: the work has a thread of its own, callers wait a moment and are told what is going on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::connect::locked;
use super::pool::Manager;
use super::{Examine, OracleSettings, migrate};
use crate::StoreError;

/// How long a failed opening is answered again without another attempt.
const HOLD_OFF: Duration = Duration::from_millis(500);

/// How long callers wait for an opening from its start, beyond what connecting may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// How far the opening is.
enum State {
    Idle,
    Running { since: Instant },
    Failed { at: Instant, error: StoreError },
}

/// The opening of a store.
pub(super) struct Opening {
    settings: OracleSettings,
    examine: Arc<Examine>,
    manager: Arc<Manager>,
    /// The schema is known to be there and up to date.
    done: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

impl Opening {
    pub(super) fn new(settings: OracleSettings, examine: Arc<Examine>, manager: Arc<Manager>) -> Arc<Self> {
        Arc::new(Self {
            settings,
            examine,
            manager,
            done: AtomicBool::new(false),
            state: Mutex::new(State::Idle),
            changed: Condvar::new(),
        })
    }

    /// Makes sure that the schema is there.
    ///
    /// # Errors
    /// Why it is not; [`StoreError::Busy`] while that takes longer than a caller should wait.
    pub(super) fn ensure(self: &Arc<Self>) -> Result<(), StoreError> {
        if self.done.load(Ordering::Acquire) {
            return Ok(());
        }
        self.wait(Some(self.settings.connect_timeout + PATIENCE))
    }

    /// The same, however long it takes, and whatever an attempt came to just now.
    ///
    /// # Errors
    /// Why it is not.
    pub(super) fn finish(self: &Arc<Self>) -> Result<(), StoreError> {
        if let state @ State::Failed { .. } = &mut *locked(&self.state) {
            *state = State::Idle;
        }
        self.wait(None)
    }

    fn wait(self: &Arc<Self>, patience: Option<Duration>) -> Result<(), StoreError> {
        let mut waited = false;
        let mut state = locked(&self.state);
        loop {
            if self.done.load(Ordering::Acquire) {
                return Ok(());
            }
            match &*state {
                State::Failed { at, error } if waited || at.elapsed() < HOLD_OFF => return Err(error.clone()),
                State::Idle | State::Failed { .. } => {
                    self.start()?;
                    *state = State::Running { since: Instant::now() };
                }
                State::Running { since } => {
                    let past = since.elapsed();
                    let left = patience.map_or(PATIENCE, |patience| patience.saturating_sub(past));
                    if left.is_zero() {
                        return Err(StoreError::Busy(format!(
                            "the database is being connected to, or its schema brought up to date, for {} s now; the \
                             log says how far that is",
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
            let came_to = Err(StoreError::Internal("bringing the schema up to date ended by a panic".into()));
            let mut attempt = Attempt { opening, came_to };
            let Opening { settings, examine, manager, .. } = &*attempt.opening;
            attempt.came_to = migrate::migrate(manager, settings, &**examine).map_err(StoreError::from);
        };
        match thread::Builder::new().name("database-schema".to_owned()).spawn(work) {
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError::Unavailable(format!("the system gives no thread: {error}"))),
        }
    }
}

/// One attempt; tells what it came to when it is dropped, even by a panic.
struct Attempt {
    opening: Arc<Opening>,
    came_to: Result<(), StoreError>,
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let came_to = std::mem::replace(&mut self.came_to, Ok(()));
        let mut state = locked(&self.opening.state);
        *state = match came_to {
            Ok(()) => {
                self.opening.done.store(true, Ordering::Release);
                State::Idle
            }
            Err(error) => State::Failed { at: Instant::now(), error },
        };
        self.opening.changed.notify_all();
    }
}
