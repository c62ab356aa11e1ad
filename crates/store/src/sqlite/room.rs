//! The room on the disk of the store: how much is free, and a reserve that lets deletions happen on a full disk.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction};

use super::options::SqliteOptions;
use crate::{RoomState, StoreError};

/// The time that a look at the disk stays valid.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The bounds of the automatic mark, which is a fiftieth of the file system.
const LEAST_MARK: u64 = 16 << 20;
const MOST_MARK: u64 = 1 << 30;

/// The file that takes room in order to give it back.
const RESERVE: &str = "mitsuke.reserve";

/// The room on the disk of a data directory.
pub(super) struct Room {
    directory: PathBuf,
    /// The free bytes below which uploads are refused; `None` for an automatic mark.
    mark: Option<u64>,
    /// The largest size of the reserve.
    reserve: u64,
    seen: Mutex<Option<(Instant, Option<RoomState>)>>,
    /// Whether deletions leave the bytes that they delete in the database for now.
    keeps_bytes: AtomicBool,
}

impl Room {
    /// Looks at the disk of a directory, and makes the reserve if there is room for it.
    pub(super) fn new(directory: &Path, options: &SqliteOptions) -> Self {
        let room = Self {
            directory: directory.to_owned(),
            mark: options.min_free_bytes,
            reserve: options.reserve_bytes,
            seen: Mutex::default(),
            keeps_bytes: AtomicBool::new(false),
        };
        room.state();
        room
    }

    /// Returns the room, looked at a second ago at most; `None` where the system does not tell. Makes the reserve again
    /// once there is plenty of room.
    pub(super) fn state(&self) -> Option<RoomState> {
        let mut seen = self.seen();
        // What has been written since is only estimated, so that a disk is never taken for full without a look.
        if let Some((at, state)) = *seen
            && at.elapsed() < LOOK_INTERVAL
            && !state.is_some_and(RoomState::is_low)
        {
            return state;
        }
        let state = room_of(&self.directory, self.mark);
        *seen = Some((Instant::now(), state));
        if let Some(room) = state {
            self.keep_reserve(room);
        }
        state
    }

    /// Notes that an original of this size is being stored: it goes into the write-ahead log and then into the database.
    pub(super) fn note_stored(&self, bytes: usize) {
        if let Some((_, Some(room))) = &mut *self.seen() {
            room.free = room.free.saturating_sub(2 * bytes as u64);
        }
    }

    fn seen(&self) -> MutexGuard<'_, Option<(Instant, Option<RoomState>)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_reserve(&self, room: RoomState) {
        let bytes = self.reserve.min(room.wanted / 2);
        let path = self.directory.join(RESERVE);
        if bytes == 0 || room.free < room.wanted.saturating_mul(2) || path.exists() {
            return;
        }
        if let Err(error) = allocate(&path, bytes) {
            log::debug!("no reserve is kept for deletions on a full disk: {error}");
            _ = std::fs::remove_file(path);
        }
    }

    /// Says whether deletions leave the bytes that they delete in the database for now.
    pub(super) fn set_keeping_bytes(&self, keeps: bool) {
        self.keeps_bytes.store(keeps, Ordering::Release);
    }

    /// Notes in the database that deleted bytes are still in it, if that is so.
    pub(super) fn note_unwiped(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        if self.keeps_bytes.load(Ordering::Acquire) {
            transaction.execute("INSERT OR REPLACE INTO store_facts (name, value) VALUES ('unwiped', 1)", [])?;
        }
        Ok(())
    }

    /// Gives the room of the reserve back; returns whether there was a reserve.
    pub(super) fn release_reserve(&self) -> bool {
        *self.seen() = None;
        std::fs::remove_file(self.directory.join(RESERVE)).is_ok()
    }
}

/// Bounds the size of the database, if the options do.
pub(super) fn bound_pages(connection: &Connection, options: &SqliteOptions) -> Result<(), StoreError> {
    match options.max_pages {
        Some(pages) => Ok(connection.pragma_update(None, "max_page_count", pages)?),
        None => Ok(()),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn allocate(path: &Path, bytes: u64) -> std::io::Result<()> {
    let file = private(path)?;
    Ok(rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn allocate(path: &Path, bytes: u64) -> std::io::Result<()> {
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), bytes), &mut private(path)?).map(drop)
}

fn private(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The sizes of a file system in bytes.
struct Disk {
    /// The bytes that this user may still write.
    free: u64,
    total: u64,
}

#[cfg(unix)]
fn disk(directory: &Path) -> Option<Disk> {
    let found = rustix::fs::statvfs(directory).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Some(Disk { free: bytes(found.f_bavail), total: bytes(found.f_blocks) })
}

#[cfg(not(unix))]
fn disk(_directory: &Path) -> Option<Disk> {
    None
}

/// Returns the room on the disk of a directory whose mark is `min_free_bytes` (see [`SqliteOptions`]); `None` where the system
/// does not tell. Leaves everything as it was.
#[must_use]
pub fn room_of(directory: &Path, min_free_bytes: Option<u64>) -> Option<RoomState> {
    let disk = disk(directory)?;
    let wanted = min_free_bytes.unwrap_or_else(|| (disk.total / 50).clamp(LEAST_MARK, MOST_MARK));
    Some(RoomState { free: disk.free, wanted })
}

/// Returns the bytes that this user may still write to the disk of a directory; `None` where the system does not tell.
pub(super) fn free_bytes(directory: &Path) -> Option<u64> {
    disk(directory).map(|disk| disk.free)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(directory: &Path, mark: u64) -> Room {
        let options = SqliteOptions { min_free_bytes: Some(mark), reserve_bytes: 1 << 20, ..SqliteOptions::default() };
        Room::new(directory, &options)
    }

    #[test]
    fn a_reserve_is_kept_while_there_is_plenty_of_room_and_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let reserve = directory.path().join(RESERVE);
        let plenty = room(directory.path(), 4 << 20);
        assert_eq!(reserve.metadata().unwrap().len(), 1 << 20);
        assert!(!plenty.state().unwrap().is_low());
        assert!(plenty.release_reserve() && !plenty.release_reserve());
        plenty.state();
        assert!(reserve.exists());
    }

    #[test]
    fn a_low_disk_gets_no_reserve() {
        let directory = tempfile::tempdir().unwrap();
        let low = room(directory.path(), u64::MAX);
        assert!(low.state().unwrap().is_low());
        assert!(!directory.path().join(RESERVE).exists());
    }

    #[test]
    fn the_automatic_mark_is_a_part_of_the_disk_within_its_bounds() {
        let directory = tempfile::tempdir().unwrap();
        let wanted = Room::new(directory.path(), &SqliteOptions::default()).state().unwrap().wanted;
        assert!((LEAST_MARK..=MOST_MARK).contains(&wanted));
    }
}
