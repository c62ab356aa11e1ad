//! Row, key and table locks that hold between sessions of any process.
//!
//! A lock is one byte of a file beside the database, chosen by a hash. A session locks it through a file description of
//! its own (open file description locks, fcntl(2)), so the kernel frees the locks of a process that dies. A process
//! knows its own waiting sessions and detects deadlocks among them; between processes a call timeout ends them.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::hash::{Hash as _, Hasher as _};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use crate::errors::{OraError, Result};

/// A lock's place in the file.
pub type LockId = i64;

/// FNV-1a: the same in every process, unlike the hasher of the standard library.
struct Fnv(u64);

impl std::hash::Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// The lock of a thing: `("row", table, rowid)` and the like.
pub fn lock_id(kind: &str, table: i64, what: &str) -> LockId {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    (kind, table, what).hash(&mut hasher);
    i64::try_from(hasher.finish() >> 2).unwrap_or(0)
}

/// The holders and the waiting sessions of this process.
#[derive(Default)]
struct Registry {
    holders: HashMap<(PathBuf, LockId), HashSet<u64>>,
    waiting: HashMap<u64, (PathBuf, LockId)>,
}

static REGISTRY: LazyLock<Mutex<Registry>> = LazyLock::new(Mutex::default);

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The locks of one session.
pub struct Locks {
    path: PathBuf,
    file: File,
    session: u64,
    /// Whether exclusively.
    held: HashMap<LockId, bool>,
}

impl Locks {
    /// # Errors
    /// ORA-00600 when the file cannot be opened.
    pub fn open(path: &Path, session: u64) -> Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| OraError::new(600, format_args!("cannot open {}: {error}", path.display())))?;
        Ok(Self { path: path.to_owned(), file, session, held: HashMap::new() })
    }

    fn set(&self, start: i64, length: i64, kind: libc::c_int) -> std::io::Result<bool> {
        // SAFETY: an all-zero flock is a valid value of a plain C struct.
        let mut lock: libc::flock = unsafe { std::mem::zeroed() };
        lock.l_type = i16::try_from(kind).unwrap_or(0);
        lock.l_whence = i16::try_from(libc::SEEK_SET).unwrap_or(0);
        lock.l_start = start;
        lock.l_len = length;
        // SAFETY: the descriptor is open as long as `self.file` lives, and `lock` outlives the call.
        let code = unsafe { libc::fcntl(self.file.as_raw_fd(), libc::F_OFD_SETLK, &raw mut lock) };
        if code == 0 {
            return Ok(true);
        }
        let error = std::io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EAGAIN | libc::EACCES) => Ok(false),
            _ => Err(error),
        }
    }

    /// Takes a lock if nobody is in the way.
    ///
    /// # Errors
    /// ORA-00600 when the file system has no such locks.
    pub fn try_lock(&mut self, id: LockId, exclusive: bool) -> Result<bool> {
        match self.held.get(&id) {
            Some(true) => return Ok(true),
            Some(false) if !exclusive => return Ok(true),
            _ => {}
        }
        let kind = if exclusive { libc::F_WRLCK } else { libc::F_RDLCK };
        let taken = self.set(id, 1, kind).map_err(|error| OraError::new(600, format_args!("cannot lock: {error}")))?;
        if taken {
            self.held.insert(id, exclusive);
            registry().holders.entry((self.path.clone(), id)).or_default().insert(self.session);
        }
        Ok(taken)
    }

    /// Notes that this session waits, and says whether that closes a circle.
    pub fn wait_for(&self, id: LockId) -> bool {
        let mut registry = registry();
        registry.waiting.insert(self.session, (self.path.clone(), id));
        let mut seen = HashSet::new();
        let mut open = vec![(self.path.clone(), id)];
        while let Some(lock) = open.pop() {
            for holder in registry.holders.get(&lock).into_iter().flatten() {
                if *holder == self.session {
                    if lock != (self.path.clone(), id) {
                        return true;
                    }
                } else if seen.insert(*holder) {
                    open.extend(registry.waiting.get(holder).cloned());
                }
            }
        }
        false
    }

    /// Notes that this session waits no more.
    pub fn stop_waiting(&self) {
        registry().waiting.remove(&self.session);
    }

    /// Frees all locks, as commit and rollback do.
    pub fn release_all(&mut self) {
        let mut registry = registry();
        registry.waiting.remove(&self.session);
        for (id, _) in self.held.drain() {
            let key = (self.path.clone(), id);
            if let Some(holders) = registry.holders.get_mut(&key) {
                holders.remove(&self.session);
                if holders.is_empty() {
                    registry.holders.remove(&key);
                }
            }
        }
        drop(registry);
        // Length 0: to the end of the file, however far.
        let _ = self.set(0, 0, libc::F_UNLCK);
    }
}

impl Drop for Locks {
    fn drop(&mut self) {
        self.release_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> PathBuf {
        std::env::temp_dir().join(format!("standin-locks-{}-{:?}", std::process::id(), std::thread::current().id()))
    }

    #[test]
    fn sessions_of_one_process_keep_each_other_out() {
        let path = path();
        let (mut a, mut b) = (Locks::open(&path, 1).unwrap(), Locks::open(&path, 2).unwrap());
        let id = lock_id("row", 1, "7");
        assert!(a.try_lock(id, true).unwrap());
        assert!(!b.try_lock(id, true).unwrap() && !b.try_lock(id, false).unwrap());
        a.release_all();
        assert!(b.try_lock(id, false).unwrap() && a.try_lock(id, false).unwrap());
        assert!(!a.try_lock(id, true).unwrap(), "another one shares it");
        drop(b);
        assert!(a.try_lock(id, true).unwrap());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_circle_of_waiting_sessions_is_seen() {
        let path = path();
        let (mut a, mut b) = (Locks::open(&path, 11).unwrap(), Locks::open(&path, 12).unwrap());
        assert!(a.try_lock(1, true).unwrap() && b.try_lock(2, true).unwrap());
        assert!(!a.wait_for(2));
        assert!(b.wait_for(1));
        a.stop_waiting();
        b.stop_waiting();
        drop((a, b));
        std::fs::remove_file(path).unwrap();
    }
}
