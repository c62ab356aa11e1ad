//! The remains of deletions, which are removed soon after them.
//!
//! `PRAGMA secure_delete` overwrites rows as they are deleted. Three places keep more for a while: the write-ahead log holds
//! earlier versions of pages, the full-text index only marks the texts of deleted images, and the snapshots of the vector
//! indexes are written after many changes. A deletion on a full disk leaves its bytes in free pages as well, which are
//! overwritten once there is room.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction};

use super::connection::open_reader;
use super::mark::{fact, set_fact};
use super::shared::Shared;
use super::unwiped;
use crate::StoreError;
use crate::disk::free_bytes;

/// The least time between two wipes.
const INTERVAL: Duration = Duration::from_secs(60);

/// The time that one wipe may spend on the full-text index. A large index is merged over several wipes.
const MERGE_TIME: Duration = Duration::from_secs(2);

/// The number of pages of the full-text index that one transaction merges.
const MERGE_PAGES: i64 = 64;

/// The free bytes on the disk that background writes leave to others: more than the write-ahead log takes before it is folded.
const ROOM: u64 = 32 << 20;

/// The time that emptying the log waits for searches.
const LOG_TIMEOUT: Duration = Duration::from_millis(100);

/// The largest vector index whose snapshot is written for the sake of deletions alone. The snapshot of a larger one is
/// written after as many changes as always, and when the store closes.
const SMALL_INDEX: usize = 20_000;

/// The fact that the full-text index holds texts of deleted images.
const UNMERGED: &str = "unmerged_texts";

/// The deletions that a wipe is due for.
#[derive(Default)]
pub(super) struct Wipe {
    deletions: AtomicU64,
    wiped: AtomicU64,
    last: Mutex<Option<Instant>>,
}

impl Wipe {
    /// Makes the state of a store that is being opened.
    pub(super) fn open(connection: &Connection) -> Result<Self, StoreError> {
        let wipe = Self::default();
        if fact(connection, UNMERGED)?.is_some_and(|unmerged| unmerged != 0) || unwiped::is_noted(connection)? {
            wipe.note();
        }
        Ok(wipe)
    }

    /// Notes a deletion that has been committed.
    pub(super) fn note(&self) {
        self.deletions.fetch_add(1, Ordering::AcqRel);
    }

    /// Returns the time until a wipe is due; `None` when nothing has been deleted.
    pub(super) fn due_in(&self) -> Option<Duration> {
        if self.deletions.load(Ordering::Acquire) == self.wiped.load(Ordering::Acquire) {
            return None;
        }
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        Some(last.map_or(Duration::ZERO, |last| INTERVAL.saturating_sub(last.elapsed())))
    }
}

/// Remembers in the transaction of a deletion that the full-text index is to be merged.
pub(super) fn remember(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "INSERT INTO store_facts (name, value) VALUES (?, 1)
             ON CONFLICT (name) DO UPDATE SET value = 1 WHERE value <> 1",
        )?
        .execute([UNMERGED])?;
    Ok(())
}

/// Removes what deletions have left behind, as far as there is time and room. A full disk leaves its last bytes to further
/// deletions.
pub(super) fn run(shared: &Shared) {
    *shared.wipe.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    if !has_room(shared) {
        log::debug!("what deleted images have left behind is removed once the disk has room");
        return;
    }
    let deletions = shared.wipe.deletions.load(Ordering::Acquire);
    let wiped = || Ok(merge(shared, deletions)? && unwiped::wipe(shared)? && empty_log(shared)?);
    match wiped() {
        Ok(true) => shared.wipe.wiped.store(deletions, Ordering::Release),
        Ok(false) => {}
        Err(StoreError::Unavailable(_)) => {}
        Err(error) => log::warn!("what deleted images have left behind cannot be removed yet: {error}"),
    }
    for cache in shared.caches() {
        cache.save_deletions(SMALL_INDEX, || shared.writer());
    }
}

/// Returns whether the disk has the room that background writes take meanwhile.
pub(super) fn has_room(shared: &Shared) -> bool {
    let directory = shared.database.parent().unwrap_or(Path::new("."));
    free_bytes(directory).is_none_or(|free| free >= ROOM)
}

/// Merges the full-text index in short transactions. Returns whether it holds no text of the first `deletions` deletions
/// any more.
fn merge(shared: &Shared, deletions: u64) -> Result<bool, StoreError> {
    let started = Instant::now();
    let mut first = true;
    while started.elapsed() < MERGE_TIME {
        let merged = shared.write(
            |db| {
                merge_step(db, std::mem::take(&mut first), || {
                    shared.wipe.deletions.load(Ordering::Acquire) == deletions
                })
            },
            |_| (),
        )?;
        if merged {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Merges the full-text index on a connection that nothing else writes to any more.
pub(super) fn merge_at_close(connection: &mut Connection) -> Result<(), StoreError> {
    if fact(connection, UNMERGED)?.is_none_or(|unmerged| unmerged == 0) {
        return Ok(());
    }
    let started = Instant::now();
    let mut first = true;
    while started.elapsed() < 2 * MERGE_TIME {
        let transaction = connection.transaction()?;
        let merged = merge_step(&transaction, std::mem::take(&mut first), || true)?;
        transaction.commit()?;
        if merged {
            break;
        }
    }
    Ok(())
}

/// Merges some pages of the full-text index. Returns whether there was nothing left to merge.
fn merge_step(db: &Transaction<'_>, first: bool, complete: impl FnOnce() -> bool) -> Result<bool, StoreError> {
    // A negative number begins a merge of everything, and a positive one goes on with it. A call that changes fewer than
    // two rows has merged nothing (section "The merge command" of the documentation of FTS5).
    let before = db.total_changes();
    let pages = if first { -MERGE_PAGES } else { MERGE_PAGES };
    db.prepare_cached("INSERT INTO image_texts (image_texts, rank) VALUES ('merge', ?)")?.execute([pages])?;
    if db.total_changes() - before >= 2 {
        return Ok(false);
    }
    if complete() {
        set_fact(db, UNMERGED, 0)?;
    }
    Ok(true)
}

/// Folds the log into the database and empties it. Returns false when a search is using it.
pub(super) fn empty_log(shared: &Shared) -> Result<bool, StoreError> {
    let connection = open_reader(&shared.database, LOG_TIMEOUT)?;
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}
