//! The disk of a directory: how much of it is free, and how much has to be.

use std::path::Path;

use crate::RoomState;

/// The bounds of the automatic mark, which is a fiftieth of the file system.
const LEAST_MARK: u64 = 16 << 20;
const MOST_MARK: u64 = 1 << 30;

/// The sizes of a file system in bytes.
pub(crate) struct Disk {
    /// The bytes that this user may still write.
    pub(crate) free: u64,
    total: u64,
}

impl Disk {
    /// Returns the free bytes that an automatic mark asks for.
    pub(crate) fn automatic_mark(&self) -> u64 {
        (self.total / 50).clamp(LEAST_MARK, MOST_MARK)
    }

    /// Returns the room beside a mark; `None` stands for the automatic one.
    pub(crate) fn room(&self, mark: Option<u64>) -> RoomState {
        RoomState { free: self.free, wanted: mark.unwrap_or_else(|| self.automatic_mark()) }
    }
}

/// Looks at the disk of a directory; `None` where the system does not tell.
#[cfg(unix)]
pub(crate) fn disk(directory: &Path) -> Option<Disk> {
    let found = rustix::fs::statvfs(directory).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Some(Disk { free: bytes(found.f_bavail), total: bytes(found.f_blocks) })
}

/// Looks at the disk of a directory; `None` where the system does not tell.
#[cfg(not(unix))]
pub(crate) fn disk(_directory: &Path) -> Option<Disk> {
    None
}

/// Returns the room on the disk of a directory whose mark is `min_free_bytes` (see
/// [`SqliteOptions`](crate::sqlite::SqliteOptions)); `None` where the system does not tell. Leaves everything as it was.
#[must_use]
pub fn room_of(directory: &Path, min_free_bytes: Option<u64>) -> Option<RoomState> {
    Some(disk(directory)?.room(min_free_bytes))
}

/// Returns the bytes that this user may still write to the disk of a directory; `None` where the system does not tell.
pub(crate) fn free_bytes(directory: &Path) -> Option<u64> {
    disk(directory).map(|disk| disk.free)
}
