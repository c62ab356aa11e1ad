//! The free pages that hold bytes of deleted images, which deletions on a full disk leave behind.
//!
//! SQLite offers no statement that overwrites free pages. A table of zeros takes all of them, in short transactions, and its
//! rows are then deleted.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, Transaction};

use super::compact::FreePages;
use super::mark::{fact, set_fact};
use super::shared::Shared;
use crate::StoreError;

/// The fact that says how far the free pages are overwritten.
const UNWIPED: &str = "unwiped";

/// The values of the fact: nothing is left, free pages hold deleted bytes, and the zeros that have taken their place are
/// being deleted.
const NOTHING: i64 = 0;
const LEFT: i64 = 1;
const OVERWRITTEN: i64 = 2;

/// The number of pages that one transaction overwrites.
const STEP_PAGES: u64 = 1_024;

/// The time that one wipe may spend on free pages. Many of them are overwritten in several wipes.
const TIME: Duration = Duration::from_secs(2);

/// Notes in the transaction of a deletion that the deleted bytes stay in free pages.
pub(super) fn note(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    set_fact(transaction, UNWIPED, LEFT)
}

/// Returns whether free pages are to be overwritten.
pub(super) fn is_noted(connection: &Connection) -> Result<bool, StoreError> {
    Ok(fact(connection, UNWIPED)?.is_some_and(|left| left != NOTHING))
}

/// Overwrites free pages that hold deleted bytes, as far as there is time. Returns whether none are left.
pub(super) fn wipe(shared: &Shared) -> Result<bool, StoreError> {
    if !shared.read(|db| is_noted(db))? {
        return Ok(true);
    }
    let started = Instant::now();
    while started.elapsed() < TIME {
        if shared.write(step, |_| ())? {
            log::info!("the bytes that deletions had left behind on the full disk are overwritten");
            return Ok(true);
        }
    }
    Ok(false)
}

/// Overwrites some free pages, or deletes some of the zeros. Returns whether nothing is left to do.
fn step(db: &Transaction<'_>) -> Result<bool, StoreError> {
    match fact(db, UNWIPED)? {
        None | Some(NOTHING) => Ok(true),
        Some(OVERWRITTEN) => delete_zeros(db),
        Some(_) => {
            let free = FreePages::read(db)?;
            if free.pages == 0 {
                set_fact(db, UNWIPED, OVERWRITTEN)?;
            } else {
                // A page of a large row holds the number of the next one in its first four bytes.
                let bytes = free.pages.min(STEP_PAGES) * (free.page_bytes - 4);
                db.execute_batch(&format!(
                    "CREATE TABLE IF NOT EXISTS wiped_pages (zeros BLOB); INSERT INTO wiped_pages VALUES (zeroblob({bytes}))"
                ))?;
            }
            Ok(false)
        }
    }
}

/// Deletes one row of zeros, and the table after the last one.
fn delete_zeros(db: &Transaction<'_>) -> Result<bool, StoreError> {
    let exists = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'wiped_pages'")?.exists([])?;
    let row: Option<i64> = if exists {
        db.query_row("SELECT rowid FROM wiped_pages LIMIT 1", [], |row| row.get(0)).optional()?
    } else {
        None
    };
    if let Some(row) = row {
        db.execute("DELETE FROM wiped_pages WHERE rowid = ?", [row])?;
        return Ok(false);
    }
    db.execute_batch("DROP TABLE IF EXISTS wiped_pages")?;
    set_fact(db, UNWIPED, NOTHING)?;
    Ok(true)
}
