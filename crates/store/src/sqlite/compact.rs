//! Gives the space of deleted rows back to the file system.
//!
//! A new database has `auto_vacuum = INCREMENTAL`: free pages leave the file in short transactions, in the background. A
//! database of an earlier version has pages without the back references that this takes, and one full VACUUM adds them.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::shared::Shared;
use super::wipe;
use crate::StoreError;

/// The number of free pages that stay in the file for the next rows.
pub(super) const KEPT_PAGES: u64 = 1_024;

/// The number of pages that one transaction gives back.
const STEP_PAGES: u64 = 256;

/// The time of one turn, after which other background work has its turn, and the time until the next turn.
const TURN: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(500);

/// Whether there is space to give back.
#[derive(Default)]
pub(super) struct Compact(AtomicBool);

/// The free pages of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FreePages {
    pub(super) pages: u64,
    pub(super) page_bytes: u64,
    /// Whether free pages leave the file without a full VACUUM.
    pub(super) incremental: bool,
}

impl FreePages {
    /// Reads the header of a database.
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let number = |pragma: &str| -> Result<u64, StoreError> {
            let value: i64 = connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))?;
            Ok(value.unsigned_abs())
        };
        Ok(Self {
            pages: number("freelist_count")?,
            page_bytes: number("page_size")?,
            incremental: number("auto_vacuum")? == 2,
        })
    }

    /// Says that the space of an earlier version's database comes back by hand alone; `None` when there is little.
    pub(super) fn advice(self, database_bytes: u64) -> Option<String> {
        if self.incremental || self.pages <= KEPT_PAGES {
            return None;
        }
        Some(format!(
            "{} bytes of the database hold nothing. `mitsuke check --compact` gives the space of deleted pictures back, \
             now and from then on; it needs the server stopped and {} bytes free",
            self.pages * self.page_bytes,
            2 * database_bytes
        ))
    }
}

impl Compact {
    /// Looks for free pages when a store opens, and says so when they cannot be given back.
    pub(super) fn open(database: &Path, connection: &Connection) -> Result<Self, StoreError> {
        let free = FreePages::read(connection)?;
        let bytes = std::fs::metadata(database).map_or(0, |metadata| metadata.len());
        if let Some(advice) = free.advice(bytes) {
            log::warn!("{advice}");
        }
        Ok(Self(AtomicBool::new(free.incremental && free.pages > KEPT_PAGES)))
    }

    /// Notes that pages may have become free.
    pub(super) fn note(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Returns the time until the next turn; `None` when there is nothing to give back.
    pub(super) fn due_in(&self) -> Option<Duration> {
        self.0.load(Ordering::Acquire).then_some(PAUSE)
    }
}

/// Gives pages back for one turn.
pub(super) fn run(shared: &Shared) {
    let started = Instant::now();
    shared.compact.0.store(false, Ordering::Release);
    let mut given_back = false;
    loop {
        // On a disk that is nearly full, each step gives the room of the log back before the next one, and a log that
        // cannot be folded keeps its room for deletions.
        if !wipe::has_room(shared) && !wipe::empty_log(shared).is_ok_and(|emptied| emptied) {
            return;
        }
        match step(shared) {
            Ok(true) if started.elapsed() < TURN => given_back = true,
            Ok(true) => {
                shared.compact.note();
                return;
            }
            Ok(false) => {
                // The file becomes shorter when the log is folded into it. A search that uses the log only delays that.
                if given_back && let Err(error) = wipe::empty_log(shared) {
                    log::debug!("the log is folded into the database later: {error}");
                }
                return;
            }
            // The store is closing, or the database has other work; the next deletion or start tries again.
            Err(StoreError::Unavailable(_)) => return,
            Err(error) => {
                log::warn!("the space of deleted images is not given back: {error}");
                return;
            }
        }
    }
}

/// Gives some pages back; returns false when there are none.
fn step(shared: &Shared) -> Result<bool, StoreError> {
    shared.write(
        |db| {
            let free = FreePages::read(db)?;
            if !free.incremental || free.pages <= KEPT_PAGES {
                return Ok(false);
            }
            let step = STEP_PAGES.min(free.pages - KEPT_PAGES);
            db.execute_batch(&format!("PRAGMA incremental_vacuum({step})"))?;
            Ok(true)
        },
        |_| (),
    )
}

/// Returns the bytes of room that writing the database anew takes meanwhile: the new pages once in a temporary file, and
/// once in the write-ahead log.
fn room_for_whole(connection: &Connection) -> Result<u64, StoreError> {
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    let free = FreePages::read(connection)?;
    Ok(2 * pages.unsigned_abs().saturating_sub(free.pages) * free.page_bytes)
}

/// Writes the whole database anew without its free pages, if the `free` bytes of the disk (`None` where they are unknown)
/// suffice. From then on, free pages leave the database in the background.
pub(super) fn whole(directory: &Path, connection: &Connection, free: Option<u64>) -> Result<(), StoreError> {
    let wanted = room_for_whole(connection)?;
    if let Some(free) = free.filter(|free| *free < wanted) {
        return Err(StoreError::DiskFull(format!(
            "writing the database anew takes {wanted} bytes meanwhile, and {free} are free"
        )));
    }
    let folder = directory.to_string_lossy().replace('\'', "''");
    // The copy is written beside the database, where the room was looked for, and not into a folder for temporary files.
    connection.execute_batch(&format!(
        "PRAGMA temp_store_directory = '{folder}'; PRAGMA auto_vacuum = INCREMENTAL; VACUUM; \
         PRAGMA wal_checkpoint(TRUNCATE); PRAGMA temp_store_directory = '';"
    ))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_room_for_a_second_copy_is_told_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE a (b BLOB); INSERT INTO a VALUES (zeroblob(1000000)), \
             (zeroblob(3000000)); DELETE FROM a WHERE rowid = 2; PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .unwrap();
        let bytes = || std::fs::metadata(&path).unwrap().len();
        let (before, wanted) = (bytes(), room_for_whole(&db).unwrap());
        assert!((2_000_000..2_100_000).contains(&wanted), "{wanted}");
        let refused = whole(folder.path(), &db, Some(wanted - 1)).unwrap_err();
        let expected = format!("takes {wanted} bytes meanwhile, and {} are free", wanted - 1);
        assert!(matches!(&refused, StoreError::DiskFull(text) if text.contains(&expected)), "{refused}");
        assert_eq!((bytes(), FreePages::read(&db).unwrap().incremental), (before, false));
        whole(folder.path(), &db, Some(wanted)).unwrap();
        assert!(bytes() < 1_100_000 && FreePages::read(&db).unwrap().incremental);
    }
}
