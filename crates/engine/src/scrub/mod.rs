//! The scrub: compares everything that is stored with what was written, in the background and at a bounded rate. Rot is
//! found while a backup still has the right bytes.

mod run;

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mitsuke_clip::lower_thread_priority;
use mitsuke_store::Store;
use time::OffsetDateTime;

use self::run::Run;

/// The answer to whether requests are waiting, for which the scrub waits.
pub type Busy = Box<dyn Fn() -> bool + Send>;

/// The state of the scrub.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScrubStatus {
    /// Whether a round is under way.
    pub running: bool,
    /// The originals that this process has compared.
    pub images: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The faults that this process has found.
    pub faults: u64,
    /// The time at which a round has ended last.
    pub finished_at: Option<OffsetDateTime>,
}

/// The scrub and its thread, which ends when this value is stopped or dropped.
pub struct Scrub {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The state that the thread shares with its owner.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    status: ScrubStatus,
    stopped: bool,
    /// Whether a round is to begin although the last one ended a short time ago.
    requested: bool,
}

impl Scrub {
    /// Starts the thread, which reads at most `bytes_per_second` of originals, and no byte while `busy` answers true. With
    /// 0 a round runs only when it is requested, as fast as the disk allows.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(store: Arc<dyn Store>, bytes_per_second: u64, busy: Busy) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let run = Run { store, shared: Arc::clone(&shared), bytes_per_second, busy };
        let work = move || {
            lower_thread_priority();
            run.run();
        };
        let thread = thread::Builder::new().name("scrub".to_owned()).spawn(work)?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Returns the state.
    #[must_use]
    pub fn status(&self) -> ScrubStatus {
        self.shared.lock().status
    }

    /// Has a round begin now, unless one is under way.
    pub fn request(&self) {
        self.shared.lock().requested = true;
        self.shared.changed.notify_all();
    }

    /// Ends the thread; a later process goes on where it ended. Blocks until the picture at hand is compared.
    pub fn stop(&self) {
        self.shared.lock().stopped = true;
        self.shared.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            log::error!("the scrub ended by a panic");
        }
    }
}

impl Drop for Scrub {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a while, or until the scrub is stopped. Returns whether it goes on.
    fn wait(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), time, |state| !state.stopped);
        !waited.unwrap_or_else(PoisonError::into_inner).0.stopped
    }

    /// Waits for a while, or until the scrub is stopped or a round is requested. Returns whether it goes on.
    fn wait_for_request(&self, time: Duration) -> bool {
        let idle = |state: &mut State| !state.stopped && !state.requested;
        let waited = self.changed.wait_timeout_while(self.lock(), time, idle);
        !waited.unwrap_or_else(PoisonError::into_inner).0.stopped
    }
}
