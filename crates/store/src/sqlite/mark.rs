//! The mark: a small file beside the database that says how many transactions have been answered as durable.
//!
//! The database counts its transactions that write, and the mark repeats the count after each of them. The commit comes
//! first and is synced; the mark follows and is not. So the mark is never ahead of what was durable, and a database that is
//! behind the mark has lost transactions: its write-ahead log is damaged or was removed, or an older copy lies there. A
//! power cut may lose the last writes of the mark, which then tells too little and never something false.
//!
//! The layout of the file, with little-endian numbers: 8 bytes of [`MAGIC`], 16 characters of the identity of the database,
//! 16 bytes of the running epoch, the count as 8 bytes, 12 bytes of zeros, and the CRC-32 of these 60 bytes.

use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::directory::create_private;
use super::epochs::{self, Epoch};
use super::error::from_io;
use crate::StoreError;

/// The name of the file.
pub(super) const NAME: &str = "mitsuke.mark";

const MAGIC: [u8; 8] = *b"MTSKMARK";
const IDENTITY_BYTES: usize = 16;
const BYTES: usize = 64;

/// The open file, which the holder of the writer changes.
pub(super) struct Mark {
    file: File,
    path: PathBuf,
    identity: [u8; IDENTITY_BYTES],
    epoch: Epoch,
    failed: AtomicBool,
}

/// The facts of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    identity: [u8; IDENTITY_BYTES],
    epoch: Epoch,
    commits: u64,
}

impl Facts {
    fn to_bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let parts = [&MAGIC[..], &self.identity, &self.epoch, &self.commits.to_le_bytes(), &[0; 12]].concat();
        let checksum = crc32fast::hash(&parts).to_le_bytes();
        for (place, byte) in bytes.iter_mut().zip(parts.iter().chain(&checksum)) {
            *place = *byte;
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; BYTES] = bytes.try_into().ok()?;
        let part = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
        let facts = Self {
            identity: part(8, 24).try_into().ok()?,
            epoch: part(24, 40).try_into().ok()?,
            commits: u64::from_le_bytes(part(40, 48).try_into().ok()?),
        };
        // Equal facts always give equal bytes, checksum included.
        (facts.to_bytes() == *bytes).then_some(facts)
    }
}

/// Reads the mark of a directory; `None` when there is none, or one that is damaged.
pub(super) fn read(directory: &Path) -> Option<Facts> {
    Facts::from_bytes(&fs::read(directory.join(NAME)).ok()?)
}

impl Mark {
    /// Writes the mark of a start of the store.
    ///
    /// # Errors
    /// The errors of the database and of the file.
    pub(super) fn create(
        directory: &Path,
        connection: &Connection,
        identity: &str,
        epoch: Epoch,
    ) -> Result<Self, StoreError> {
        let path = directory.join(NAME);
        let file = create_private(&path).map_err(|error| from_io(&format!("opening {}", path.display()), &error))?;
        let mark = Self { file, path, identity: fixed(identity), epoch, failed: AtomicBool::new(false) };
        let commits = commits(connection)?.unwrap_or_default();
        mark.put(commits).map_err(|error| from_io(&format!("writing {}", mark.path.display()), &error))?;
        Ok(mark)
    }

    /// Repeats the count of a transaction that has been committed. The caller holds the writer.
    pub(super) fn write(&self, commits: u64) {
        if let Err(error) = self.put(commits)
            && !self.failed.swap(true, Ordering::Relaxed)
        {
            log::warn!("{} cannot be written, so lost changes may go unnoticed: {error}", self.path.display());
        }
    }

    fn put(&self, commits: u64) -> io::Result<()> {
        let bytes = Facts { identity: self.identity, epoch: self.epoch, commits }.to_bytes();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&bytes)
    }
}

fn fixed(identity: &str) -> [u8; IDENTITY_BYTES] {
    let mut bytes = [0; IDENTITY_BYTES];
    for (place, byte) in bytes.iter_mut().zip(identity.bytes()) {
        *place = byte;
    }
    bytes
}

/// Counts a transaction that writes, as its last statement, and returns the new count.
pub(super) fn count_commit(transaction: &Connection) -> Result<u64, StoreError> {
    let counted: i64 = transaction
        .prepare_cached("UPDATE store_facts SET value = value + 1 WHERE name = 'commits' RETURNING value")?
        .query_row([], |row| row.get(0))?;
    Ok(counted.unsigned_abs())
}

/// Reads a number among the facts of the store; `None` when the facts lack it.
pub(super) fn fact(connection: &Connection, name: &str) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM store_facts WHERE name = ?")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// Writes a number among the facts of the store.
pub(super) fn set_fact(connection: &Connection, name: &str, value: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO store_facts (name, value) VALUES (?, ?)")?
        .execute(params![name, value])?;
    Ok(())
}

fn commits(connection: &Connection) -> Result<Option<u64>, StoreError> {
    Ok(fact(connection, "commits")?.map(i64::unsigned_abs))
}

/// The name of the fact that counts lost transactions until they are acknowledged.
pub(super) const LOST_COMMITS: &str = "lost_commits";

/// The result of comparing a database with the mark beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum History {
    /// The database has everything that the mark knows of, or there is no mark.
    Whole,
    /// The database lacks this number of transactions.
    Lost(u64),
    /// The database is not the one that the mark belongs to, or a copy from before the mark's epoch.
    Other,
}

/// Compares a database that is not migrated yet with the mark beside it, and logs what is wrong.
pub(super) fn compare(directory: &Path, connection: &Connection) -> Result<History, StoreError> {
    let Some(mark) = read(directory) else { return Ok(History::Whole) };
    let known = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, bool>(0));
    let has_epochs = known("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'store_epochs')")?;
    let history = if has_epochs {
        let identity: String =
            connection.query_row("SELECT value FROM store_facts WHERE name = 'identity'", [], |row| row.get(0))?;
        let of_this_database = fixed(&identity) == mark.identity && epochs::end_of(connection, &mark.epoch)?.is_some();
        let lacking = mark.commits.saturating_sub(commits(connection)?.unwrap_or_default());
        match (of_this_database, lacking) {
            (false, _) => History::Other,
            (true, 0) => History::Whole,
            (true, lacking) => History::Lost(lacking),
        }
    } else {
        History::Other
    };
    match history {
        History::Whole => {}
        History::Lost(lacking) => log::error!(
            "{lacking} changes that were answered as stored are missing: the write-ahead log (mitsuke.db-wal) is damaged \
             or was removed, or an older copy of mitsuke.db lies in {}. Upload what is missing again, or restore a \
             backup; `mitsuke check --repair` acknowledges the loss",
            directory.display()
        ),
        History::Other => log::warn!(
            "mitsuke.db in {} is an older copy or another database than the one that was open there last",
            directory.display()
        ),
    }
    Ok(history)
}

impl History {
    /// Remembers lost transactions until they are acknowledged.
    pub(super) fn record(self, connection: &Connection) -> Result<(), StoreError> {
        if let Self::Lost(lacking) = self {
            let before = fact(connection, LOST_COMMITS)?.unwrap_or_default();
            set_fact(connection, LOST_COMMITS, before.saturating_add(i64::try_from(lacking).unwrap_or(i64::MAX)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_with_any_byte_changed_is_none() {
        let facts = Facts { identity: fixed("0123456789abcdef"), epoch: [7; 16], commits: 12_345 };
        let bytes = facts.to_bytes();
        assert_eq!(Facts::from_bytes(&bytes), Some(facts));
        for at in 0..BYTES {
            let mut damaged = bytes;
            damaged[at] ^= 1;
            assert_eq!(Facts::from_bytes(&damaged), None, "{at}");
            assert_eq!(Facts::from_bytes(&bytes[..at]), None);
        }
    }
}
