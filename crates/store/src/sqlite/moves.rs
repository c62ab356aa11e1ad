//! Moves of originals from one home to another.
//!
//! The rows say where each original lies, so a move needs no journal: one that is cut off leaves every original in the one
//! place that its row names, and at most the files of one batch beside that, which the next move finds.

use rusqlite::{Connection, Transaction, params};

use super::originals::{self, Place};
use super::statements::{ids, image_exists};
use super::values::count;
use crate::{Home, ImageId, Sha256, StoreError};

/// The most originals of one transaction, and the most bytes.
pub(super) const BATCH: usize = 32;
pub(super) const BATCH_BYTES: usize = 64 << 20;

/// An original that has been read and verified.
pub(super) struct Verified {
    pub(super) image_id: ImageId,
    pub(super) sha256: Sha256,
    /// The size of the original.
    pub(super) size: u64,
    /// The bytes, where the transaction has to write them.
    pub(super) bytes: Vec<u8>,
}

/// Lists the images after one whose original lies in a home, in ascending order of their ids.
pub(super) fn images_in(
    connection: &Connection,
    home: Home,
    after: Option<ImageId>,
    limit: usize,
) -> Result<Vec<ImageId>, StoreError> {
    let (after, limit) = (after.unwrap_or(0), count(limit));
    match home {
        Home::Database => {
            let sql = "SELECT image_id FROM image_contents WHERE image_id > ? ORDER BY image_id LIMIT ?";
            ids(connection, sql, params![after, limit])
        }
        Home::Folder | Home::InPlace => {
            let sql = "SELECT image_id FROM image_files WHERE home = ? AND image_id > ? ORDER BY image_id LIMIT ?";
            ids(connection, sql, params![home.number(), after, limit])
        }
    }
}

/// The outcome of the move of one original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It lies in its new home.
    Moved,
    /// It lies where it lay, because its new file has been taken away meanwhile.
    Left,
    /// Its image has been deleted meanwhile.
    Gone,
}

/// Gives verified originals their new place. Files that nothing names any more are removed later.
pub(super) fn store(
    transaction: &Transaction<'_>,
    batch: &[Verified],
    from: Home,
    place: &Place<'_>,
) -> Result<Vec<Outcome>, StoreError> {
    batch.iter().map(|original| store_one(transaction, original, from, place)).collect()
}

fn store_one(
    transaction: &Transaction<'_>,
    original: &Verified,
    from: Home,
    place: &Place<'_>,
) -> Result<Outcome, StoreError> {
    let Verified { image_id, sha256, .. } = original;
    let is_there = image_exists(transaction, *image_id)? && originals::home(transaction, *image_id)? == from;
    match (is_there, place) {
        (false, Place::Folder(_)) => {
            originals::note_removal(transaction, sha256)?;
            Ok(Outcome::Gone)
        }
        (false, _) => Ok(Outcome::Gone),
        (true, Place::Folder(folder)) => {
            if !originals::claim_file(transaction, folder, sha256, original.size)? {
                return Ok(Outcome::Left);
            }
            originals::put_row(transaction, *image_id, Home::Folder, None)?;
            Ok(Outcome::Moved)
        }
        (true, place) => {
            place.store(transaction, *image_id, sha256, &original.bytes)?;
            if from == Home::Folder {
                originals::note_removal(transaction, sha256)?;
            }
            Ok(Outcome::Moved)
        }
    }
}
