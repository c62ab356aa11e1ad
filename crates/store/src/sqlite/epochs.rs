//! Epochs: the history of the rows as a chain of the starts of the store.
//!
//! Each start draws an epoch at random and writes it with the highest change number that any embedding had had. A file that
//! is made of the rows carries the running epoch and the number of the last change that it contains. It was made of this
//! history exactly if its epoch is in the chain, and no later than the change with which the next epoch begins: change
//! numbers are never given twice within one history. A database that was put back from an older copy lacks the epoch, or
//! has a lower end for it, and two copies of one directory draw different epochs.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::index_cache::last_change;
use super::values::unsigned;
use crate::StoreError;

/// The random number of one start of the store.
pub(super) type Epoch = [u8; 16];

/// The number of starts that are remembered. A snapshot that is older is made again.
const REMEMBERED: i64 = 1_000;

/// Begins an epoch, and returns it. Its row is in the database file, and not only in the log beside it, when the call
/// returns.
pub(super) fn begin(connection: &mut Connection) -> Result<Epoch, StoreError> {
    let mut epoch = Epoch::default();
    getrandom::fill(&mut epoch)
        .map_err(|error| StoreError::Unavailable(format!("the system gives no random numbers: {error}")))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let first_change = i64::try_from(last_change(&transaction)?).unwrap_or(i64::MAX);
    transaction
        .execute("INSERT INTO store_epochs (epoch, first_change) VALUES (?, ?)", params![&epoch[..], first_change])?;
    let newest = transaction.last_insert_rowid();
    transaction.execute("DELETE FROM store_epochs WHERE number <= ?", [newest - REMEMBERED])?;
    transaction.commit()?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(epoch)
}

/// Returns the highest change number that belongs to an epoch of this history; `None` for an epoch of another history.
pub(super) fn end_of(connection: &Connection, epoch: &Epoch) -> Result<Option<u64>, StoreError> {
    let begun_next = connection
        .prepare_cached(
            "SELECT (SELECT n.first_change FROM store_epochs n WHERE n.number > e.number ORDER BY n.number LIMIT 1)
             FROM store_epochs e WHERE e.epoch = ?",
        )?
        .query_row([&epoch[..]], |row| match row.get_ref(0)? {
            rusqlite::types::ValueRef::Null => Ok(None),
            _ => unsigned(row, 0).map(Some),
        })
        .optional()?;
    match begun_next {
        Some(Some(end)) => Ok(Some(end)),
        Some(None) => last_change(connection).map(Some),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::migrate::migrate;

    fn database() -> Connection {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db).unwrap();
        db.execute_batch("INSERT INTO sqlite_sequence (name, seq) VALUES ('image_embeddings', 0)").unwrap();
        db
    }

    fn changes(db: &Connection, last: u64) {
        db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'image_embeddings'", [last as i64]).unwrap();
    }

    #[test]
    fn an_epoch_ends_where_the_next_one_begins() {
        let mut db = database();
        let first = begin(&mut db).unwrap();
        changes(&db, 300);
        assert_eq!(end_of(&db, &first).unwrap(), Some(300));
        let second = begin(&mut db).unwrap();
        changes(&db, 350);
        assert_eq!(end_of(&db, &first).unwrap(), Some(300));
        assert_eq!(end_of(&db, &second).unwrap(), Some(350));
        assert_eq!(end_of(&db, b"of another store").unwrap(), None);
        assert_ne!(first, second);
    }

    #[test]
    fn the_oldest_epochs_are_forgotten() {
        let mut db = database();
        let first = begin(&mut db).unwrap();
        for _ in 0..REMEMBERED - 1 {
            begin(&mut db).unwrap();
        }
        assert!(end_of(&db, &first).unwrap().is_some());
        begin(&mut db).unwrap();
        assert_eq!(end_of(&db, &first).unwrap(), None);
    }
}
