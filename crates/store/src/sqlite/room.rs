//! The room on the disk of the store: how much is free, and a reserve that lets deletions happen on a full disk.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction};

use super::options::SqliteOptions;
use super::unwiped;
use crate::disk::{Disk, disk};
use crate::{RoomState, StoreError};

/// The time that a look at the disk stays valid.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The size of the reserve on a disk that has little room: a deletion that leaves its bytes in the database takes a fraction
/// of it.
const SMALL_RESERVE: u64 = 1 << 20;

/// The part of the free bytes that the reserve takes at most.
const PART_OF_FREE: u64 = 4;

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
    keeping: Mutex<()>,
    /// Whether the disk had no room to fold the write-ahead log into the database the last time.
    log_is_stuck: AtomicBool,
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
            keeping: Mutex::default(),
            log_is_stuck: AtomicBool::new(false),
        };
        room.state();
        room
    }

    /// Returns the room, looked at a second ago at most; `None` where the system does not tell. Makes the reserve again
    /// once there is plenty of room.
    pub(super) fn state(&self) -> Option<RoomState> {
        let mut seen = self.seen();
        // The bytes written since are only estimated, so that a disk is never taken for full without a look.
        if let Some((at, state)) = *seen
            && at.elapsed() < LOOK_INTERVAL
            && !state.is_some_and(RoomState::is_low)
        {
            return state;
        }
        let disk = disk(&self.directory);
        let state = disk.as_ref().map(|disk| disk.room(self.mark));
        *seen = Some((Instant::now(), state));
        if let Some(disk) = disk {
            self.keep_reserve(&disk);
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

    /// Checks whether an original of `bytes` fits beside the `log_bytes` of the write-ahead log, which the database takes in
    /// later. A log that does not fit into the database any more can only grow.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`].
    pub(super) fn check_fits(&self, bytes: usize, log_bytes: u64) -> Result<(), StoreError> {
        let wanted = log_bytes.saturating_add(2 * bytes as u64);
        match self.state() {
            Some(room) if room.free < wanted => {
                Err(StoreError::DiskFull(format!("{} bytes are free, and {wanted} are wanted", room.free)))
            }
            _ => Ok(()),
        }
    }

    /// Makes the reserve, or makes a small one larger. A low disk gets a small one as long as that leaves most of the room.
    fn keep_reserve(&self, disk: &Disk) {
        let path = self.directory.join(RESERVE);
        let room = disk.room(self.mark);
        // A mark of 0 lets uploads fill the disk, and deletions need room then as well.
        let whole = self.reserve.min(room.wanted.max(disk.automatic_mark()) / 2).min(largest_file());
        let has_plenty = room.free >= room.wanted.saturating_mul(2) && room.free / PART_OF_FREE >= whole;
        let bytes = if has_plenty { whole } else { whole.min(SMALL_RESERVE) };
        let kept = path.metadata().map_or(0, |metadata| metadata.len());
        if kept >= bytes || room.free / PART_OF_FREE < bytes {
            return;
        }
        if let Err(error) = allocate(&path, bytes) {
            log::debug!("no reserve is kept for deletions on a full disk: {error}");
            _ = std::fs::remove_file(path);
        }
    }

    /// Says whether the disk had no room to fold the write-ahead log into the database.
    pub(super) fn set_log_stuck(&self, is_stuck: bool) {
        self.log_is_stuck.store(is_stuck, Ordering::Release);
    }

    /// Returns whether the disk had no room to fold the write-ahead log into the database the last time.
    pub(super) fn is_log_stuck(&self) -> bool {
        self.log_is_stuck.load(Ordering::Acquire)
    }

    /// Lets deletions leave the bytes that they delete in the database until the answer is dropped. One caller at a time
    /// does so.
    pub(super) fn begin_keeping_bytes(&self) -> KeepingBytes<'_> {
        let alone = self.keeping.lock().unwrap_or_else(PoisonError::into_inner);
        self.keeps_bytes.store(true, Ordering::Release);
        KeepingBytes { room: self, _alone: alone }
    }

    /// Notes in the database that deleted bytes are still in it, if that is so.
    pub(super) fn note_unwiped(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        if self.keeps_bytes.load(Ordering::Acquire) {
            unwiped::note(transaction)?;
        }
        Ok(())
    }

    /// Gives the room of the reserve back; returns whether there was a reserve.
    pub(super) fn release_reserve(&self) -> bool {
        *self.seen() = None;
        release_reserve(&self.directory)
    }
}

/// The time in which deletions leave the bytes that they delete in the database.
pub(super) struct KeepingBytes<'a> {
    room: &'a Room,
    _alone: MutexGuard<'a, ()>,
}

impl Drop for KeepingBytes<'_> {
    fn drop(&mut self) {
        self.room.keeps_bytes.store(false, Ordering::Release);
    }
}

/// Gives the room of the reserve in a data directory back; returns whether there was a reserve.
pub(super) fn release_reserve(directory: &Path) -> bool {
    std::fs::remove_file(directory.join(RESERVE)).is_ok()
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
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Returns the size in bytes that files of this process may have. The system ends a process that writes a larger one and
/// does not receive the signal that comes first.
#[cfg(unix)]
fn largest_file() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Fsize).current.unwrap_or(u64::MAX)
}

#[cfg(not(unix))]
fn largest_file() -> u64 {
    u64::MAX
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
    fn a_low_disk_gets_a_small_reserve_and_the_whole_one_once_it_has_room() {
        let directory = tempfile::tempdir().unwrap();
        let reserve = directory.path().join(RESERVE);
        let with = |mark| {
            let options =
                SqliteOptions { min_free_bytes: Some(mark), reserve_bytes: 3 << 20, ..SqliteOptions::default() };
            Room::new(directory.path(), &options)
        };
        assert!(with(u64::MAX).state().unwrap().is_low());
        assert_eq!(reserve.metadata().unwrap().len(), SMALL_RESERVE);
        // A mark of 0 gets a reserve like any other.
        assert!(!with(0).state().unwrap().is_low());
        assert_eq!(reserve.metadata().unwrap().len(), 3 << 20);
        with(u64::MAX);
        assert_eq!(reserve.metadata().unwrap().len(), 3 << 20);
    }

    #[test]
    fn an_original_fits_when_the_log_and_it_fit() {
        let directory = tempfile::tempdir().unwrap();
        let room = room(directory.path(), 0);
        let free = room.state().unwrap().free;
        room.check_fits(1000, 0).unwrap();
        assert!(matches!(room.check_fits(1000, free), Err(StoreError::DiskFull(_))));
        assert!(matches!(room.check_fits(usize::try_from(free).unwrap(), 0), Err(StoreError::DiskFull(_))));
    }

    #[test]
    fn the_automatic_mark_is_a_part_of_the_disk_within_its_bounds() {
        let directory = tempfile::tempdir().unwrap();
        let wanted = Room::new(directory.path(), &SqliteOptions::default()).state().unwrap().wanted;
        assert!((16 << 20..=1 << 30).contains(&wanted));
    }
}
