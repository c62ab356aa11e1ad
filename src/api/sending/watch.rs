//! The watch over connections that large answers are sent on. The body of an answer is not asked for more while its
//! connection is full, so it cannot end itself when its caller reads nothing.

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use actix_web::dev::Extensions;

/// The time between two looks at the connections.
const INTERVAL: Duration = Duration::from_secs(1);

/// The least rate of reading, in bytes a second over [`WINDOW`].
const LEAST_RATE: u64 = 1 << 10;

/// The time over which the rate of reading is measured.
const WINDOW: Duration = Duration::from_secs(60);

/// A connection as its requests know it.
#[derive(Debug, Clone, Copy)]
pub struct Connection(#[cfg(unix)] std::os::fd::RawFd);

/// Notes the socket of a new connection for the requests on it.
#[cfg(unix)]
pub fn watch_connection(connection: &dyn Any, data: &mut Extensions) {
    use std::os::fd::AsRawFd as _;

    if let Some(stream) = connection.downcast_ref::<actix_web::rt::net::TcpStream>() {
        data.insert(Connection(stream.as_raw_fd()));
    }
}

/// Does nothing, because sockets are watched on Unix only.
#[cfg(not(unix))]
pub fn watch_connection(_: &dyn Any, _: &mut Extensions) {}

/// One answer on its way.
pub struct Delivery {
    /// Bytes that were handed to the connection.
    handed: AtomicU64,
    #[cfg(unix)]
    socket: std::os::fd::OwnedFd,
}

impl Delivery {
    /// Notes that bytes are handed to the connection.
    pub fn note(&self, bytes: usize) {
        self.handed.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    #[cfg(unix)]
    fn new(Connection(socket): Connection) -> Option<Self> {
        // SAFETY: the connection owns the socket and is open, because it waits for the answer to its request, which is
        // being made on its thread.
        let socket = unsafe { std::os::fd::BorrowedFd::borrow_raw(socket) };
        Some(Self { handed: AtomicU64::new(0), socket: socket.try_clone_to_owned().ok()? })
    }

    #[cfg(not(unix))]
    fn new(_: Connection) -> Option<Self> {
        None
    }

    /// Returns the bytes that were handed to the connection and do not wait in the system. The caller has received them,
    /// or compression has made fewer of them.
    fn delivered(&self) -> u64 {
        self.handed.load(Ordering::Relaxed).saturating_sub(self.unsent())
    }

    /// Returns the bytes in the system's buffer that the caller has not acknowledged; 0 where the system does not tell.
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn unsent(&self) -> u64 {
        /// SIOCOUTQ of tcp(7), which has the number of TIOCOUTQ.
        const SIOCOUTQ: rustix::ioctl::Opcode = 0x5411;
        // SAFETY: SIOCOUTQ writes one int.
        let unsent = unsafe { rustix::ioctl::ioctl(&self.socket, rustix::ioctl::Getter::<SIOCOUTQ, i32>::new()) };
        unsent.ok().and_then(|unsent| u64::try_from(unsent).ok()).unwrap_or(0)
    }

    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    fn unsent(&self) -> u64 {
        0
    }

    /// Ends the connection, which drops the body.
    fn cut_off(&self) {
        #[cfg(unix)]
        if let Err(error) = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both) {
            log::debug!("a connection that stalls is gone already: {error}");
        }
    }
}

/// Watches answers on their way.
pub struct Watch(Arc<Shared>);

struct Shared {
    patience: Duration,
    new: Mutex<Vec<Arc<Delivery>>>,
    arrived: Condvar,
    stalled: AtomicU64,
    closed: AtomicBool,
}

impl Watch {
    /// Makes a watch that cuts off callers who read nothing for `patience`.
    pub fn new(patience: Duration) -> Self {
        let shared = Arc::new(Shared {
            patience,
            new: Mutex::default(),
            arrived: Condvar::new(),
            stalled: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("watch-sending".to_owned());
        if let Err(error) = thread.spawn(move || theirs.run()) {
            log::warn!("callers who do not read are not cut off: {error}");
        }
        Self(shared)
    }

    /// Begins to watch an answer on a connection, until the answer is dropped.
    pub fn begin(&self, connection: Connection) -> Option<Arc<Delivery>> {
        let delivery = Arc::new(Delivery::new(connection)?);
        self.0.new.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&delivery));
        self.0.arrived.notify_one();
        Some(delivery)
    }

    /// Returns the number of callers who were cut off.
    pub fn stalled(&self) -> u64 {
        self.0.stalled.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::Relaxed);
        self.0.arrived.notify_one();
    }
}

impl Shared {
    fn run(&self) {
        let mut watched: Vec<(Weak<Delivery>, Progress)> = Vec::new();
        loop {
            let mut new = self.new.lock().unwrap_or_else(PoisonError::into_inner);
            // A thread that has nothing to watch sleeps.
            while watched.is_empty() && new.is_empty() && !self.closed.load(Ordering::Relaxed) {
                new = self.arrived.wait(new).unwrap_or_else(PoisonError::into_inner);
            }
            let arrived = std::mem::take(&mut *new);
            drop(new);
            if self.closed.load(Ordering::Relaxed) {
                return;
            }
            let now = Instant::now();
            watched.extend(arrived.iter().map(|delivery| (Arc::downgrade(delivery), Progress::new(now))));
            drop(arrived);
            watched.retain_mut(|(delivery, progress)| {
                let Some(delivery) = delivery.upgrade() else { return false };
                let stalls = progress.stalls(Instant::now(), delivery.delivered(), self.patience);
                if stalls {
                    log::info!("a caller who does not read its answer is cut off");
                    delivery.cut_off();
                    self.stalled.fetch_add(1, Ordering::Relaxed);
                }
                !stalls
            });
            if !watched.is_empty() {
                std::thread::sleep(INTERVAL);
            }
        }
    }
}

/// The progress of one answer.
struct Progress {
    delivered: u64,
    moved: Instant,
    window: (Instant, u64),
}

impl Progress {
    fn new(now: Instant) -> Self {
        Self { delivered: 0, moved: now, window: (now, 0) }
    }

    /// Notes the bytes that are delivered by now, and returns whether the caller reads too slowly.
    fn stalls(&mut self, now: Instant, delivered: u64, patience: Duration) -> bool {
        if delivered > self.delivered {
            (self.delivered, self.moved) = (delivered, now);
        }
        if now.saturating_duration_since(self.moved) >= patience {
            return true;
        }
        let (since, before) = self.window;
        if now.saturating_duration_since(since) < WINDOW {
            return false;
        }
        self.window = (now, self.delivered);
        self.delivered - before < LEAST_RATE * WINDOW.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Returns the second at which an answer is cut off, when `delivered` bytes have arrived at each second.
    fn cut_off_at(delivered: impl Fn(u64) -> u64) -> Option<u64> {
        let start = Instant::now();
        let mut progress = Progress::new(start);
        (1..=600).find(|second| progress.stalls(start + Duration::from_secs(*second), delivered(*second), PATIENCE))
    }

    #[test]
    fn who_reads_nothing_or_a_trickle_is_cut_off_and_who_reads_slowly_is_not() {
        assert_eq!(cut_off_at(|_| 0), Some(30));
        assert_eq!(cut_off_at(|second| 1_000_000 * second.min(100)), Some(130), "reads, then stops");
        assert_eq!(cut_off_at(|second| 100 * second), Some(60), "a trickle");
        assert_eq!(cut_off_at(|second| 2_000 * second), None);
        assert_eq!(cut_off_at(|second| 65_536 * (second / 20)), None, "a piece every 20 seconds");
    }
}
