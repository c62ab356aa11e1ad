//! Rows of IMAGE_FILES and REMOVED_FILES: where originals lie that are not in the database.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::statements::ids;
use super::values::{count, unsigned};
use crate::originals::{
    Folder, Home, HomeCounts, HomeError, Homes, LinkedFile, LinkedImage, OriginalHome as _, OriginalKey,
};
use crate::{Content, ImageId, NewImage, Sha256, StoreError};

/// The columns of [`Located::of_row`], of the tables `images i` and `image_files f`.
pub(super) const LOCATED: &str = "f.home, f.path, i.file_type, i.file_name, i.sha256, i.byte_count";

/// An original that does not lie in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located {
    pub(super) home: Home,
    /// The path of a file in place.
    pub(super) path: Option<String>,
    pub(super) file_type: String,
    pub(super) file_name: String,
    pub(super) sha256: Sha256,
    /// The size of the original.
    pub(super) bytes: u64,
}

impl Located {
    /// Reads the columns [`LOCATED`] from the column `first` on; `None` when the original lies in the database.
    pub(super) fn of_row(row: &Row<'_>, first: usize) -> Result<Option<Self>, StoreError> {
        let Some(home) = row.get::<_, Option<i64>>(first)? else { return Ok(None) };
        Ok(Some(Self {
            home: Home::of_number(home)?,
            path: row.get(first + 1)?,
            file_type: row.get(first + 2)?,
            file_name: row.get(first + 3)?,
            sha256: Sha256(row.get(first + 4)?),
            bytes: unsigned(row, first + 5)?,
        }))
    }

    /// Returns what its home needs to find the original.
    pub(super) fn key(&self) -> OriginalKey<'_> {
        OriginalKey { sha256: &self.sha256, bytes: self.bytes, path: self.path.as_deref() }
    }

    /// Makes the content of bytes that were read.
    pub(super) fn content(self, bytes: Vec<u8>) -> Content {
        Content { bytes, file_type: self.file_type, file_name: self.file_name, sha256: self.sha256 }
    }
}

/// The place that an original is stored to.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// The database.
    Database,
    /// The folder of originals.
    Folder(&'a Folder),
    /// A file that stays where it lies.
    Linked(LinkedFile<'a>),
}

impl Place<'_> {
    /// Stores the original of an image, in place of one that it may have elsewhere. A file of the folder has been put there
    /// before the transaction; one that a removal has taken away since is put there again.
    ///
    /// # Errors
    /// The errors of the database and of the folder.
    pub(super) fn store(
        &self,
        transaction: &Transaction<'_>,
        image_id: ImageId,
        sha256: &Sha256,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        match self {
            Self::Database => {
                transaction.prepare_cached("DELETE FROM image_files WHERE image_id = ?")?.execute([image_id])?;
                transaction
                    .prepare_cached("INSERT OR REPLACE INTO image_contents (image_id, image_data) VALUES (?, ?)")?
                    .execute(params![image_id, bytes])?;
            }
            Self::Folder(folder) => {
                if !claim_file(transaction, folder, sha256, bytes.len() as u64)? {
                    folder.put(sha256, bytes)?;
                }
                put_row(transaction, image_id, Home::Folder, None)?;
            }
            Self::Linked(file) => put_row(transaction, image_id, Home::InPlace, Some(file))?,
        }
        Ok(())
    }
}

/// Keeps the file of an original from being removed. Returns false when it is not there with this size, because a removal
/// came first.
pub(super) fn claim_file(
    transaction: &Transaction<'_>,
    folder: &Folder,
    sha256: &Sha256,
    bytes: u64,
) -> Result<bool, StoreError> {
    transaction.prepare_cached("DELETE FROM removed_files WHERE sha256 = ?")?.execute([sha256.0])?;
    let found = folder.look(&OriginalKey { sha256, bytes, path: None })?;
    Ok(found.is_some_and(|found| found.bytes == bytes))
}

/// Says where the original of an image lies from now on, and that it does not lie in the database.
pub(super) fn put_row(
    transaction: &Transaction<'_>,
    image_id: ImageId,
    home: Home,
    file: Option<&LinkedFile<'_>>,
) -> Result<(), StoreError> {
    transaction.prepare_cached("DELETE FROM image_contents WHERE image_id = ?")?.execute([image_id])?;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO image_files (image_id, home, path, modified) VALUES (?, ?, ?, ?)")?
        .execute(params![image_id, home.number(), file.map(|file| file.path), file.map(|file| file.modified_ns)])?;
    Ok(())
}

/// Returns the home of an image's original.
pub(super) fn home(connection: &Connection, image_id: ImageId) -> Result<Home, StoreError> {
    let number = connection
        .prepare_cached("SELECT home FROM image_files WHERE image_id = ?")?
        .query_row([image_id], |row| row.get(0))
        .optional()?;
    number.map_or(Ok(Home::Database), Home::of_number)
}

/// Returns whether any original lies in the folder.
pub(super) fn any_in_folder(connection: &Connection) -> Result<bool, StoreError> {
    Ok(connection.prepare("SELECT 1 FROM image_files WHERE home = 1 LIMIT 1")?.exists([])?)
}

/// Notes that the file of a deleted image is to be removed from the folder.
pub(super) fn note_removal(transaction: &Transaction<'_>, sha256: &Sha256) -> Result<(), StoreError> {
    transaction.prepare_cached("INSERT OR IGNORE INTO removed_files (sha256) VALUES (?)")?.execute([sha256.0])?;
    Ok(())
}

/// Lists at most `limit` hashes whose file is to be removed.
pub(super) fn removals(connection: &Connection, limit: usize) -> Result<Vec<Sha256>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT sha256 FROM removed_files LIMIT ?")?;
    let hashes = statement.query_map([count(limit)], |row| row.get(0).map(Sha256))?.collect::<Result<_, _>>()?;
    Ok(hashes)
}

/// Removes a file that REMOVED_FILES names, unless an image of the same bytes has come back, and then the name. An insert of
/// these bytes waits for the transaction, or has taken the name away before it.
///
/// # Errors
/// The errors of the database and of the folder. The name stays then, and the next call tries again.
pub(super) fn remove(transaction: &Transaction<'_>, folder: &Folder, sha256: &Sha256) -> Result<(), StoreError> {
    let is_named = transaction.prepare_cached("SELECT 1 FROM removed_files WHERE sha256 = ?")?.exists([sha256.0])?;
    if !is_named {
        return Ok(());
    }
    let is_used = transaction
        .prepare_cached(
            "SELECT 1 FROM images i JOIN image_files f ON f.image_id = i.image_id WHERE i.sha256 = ? AND f.home = 1",
        )?
        .exists([sha256.0])?;
    if !is_used {
        folder.remove(sha256)?;
    }
    transaction.prepare_cached("DELETE FROM removed_files WHERE sha256 = ?")?.execute([sha256.0])?;
    Ok(())
}

/// Counts the originals of each home.
pub(super) fn count_homes(connection: &Connection, images: u64) -> Result<HomeCounts, StoreError> {
    let of_home = |home: Home| -> Result<u64, StoreError> {
        let mut statement = connection.prepare_cached("SELECT count(*) FROM image_files WHERE home = ?")?;
        Ok(statement.query_row([home.number()], |row| unsigned(row, 0))?)
    };
    let (folder, in_place) = (of_home(Home::Folder)?, of_home(Home::InPlace)?);
    Ok(HomeCounts { database: images.saturating_sub(folder + in_place), folder, in_place })
}

/// Lists at most `limit` images after `after` whose original lies in place.
pub(super) fn linked(
    connection: &Connection,
    after: Option<ImageId>,
    limit: usize,
) -> Result<Vec<LinkedImage>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT f.image_id, f.path, i.byte_count, f.modified, i.sha256
         FROM image_files f JOIN images i ON i.image_id = f.image_id
         WHERE f.home = 2 AND f.image_id > ? ORDER BY f.image_id LIMIT ?",
    )?;
    let rows = statement.query_map(params![after.unwrap_or(0), count(limit)], |row| {
        Ok(LinkedImage {
            image_id: row.get(0)?,
            path: row.get(1)?,
            bytes: unsigned(row, 2)?,
            modified_ns: row.get(3)?,
            sha256: Sha256(row.get(4)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Points an image in place to another file; returns false when it does not lie in place.
pub(super) fn relink(
    transaction: &Transaction<'_>,
    image_id: ImageId,
    file: &LinkedFile<'_>,
) -> Result<bool, StoreError> {
    let changed = transaction
        .prepare_cached("UPDATE image_files SET path = ?, modified = ? WHERE image_id = ? AND home = 2")?
        .execute(params![file.path, file.modified_ns, image_id])?;
    Ok(changed > 0)
}

/// Lists the images whose original lies at a path.
pub(super) fn at_path(connection: &Connection, path: &str) -> Result<Vec<ImageId>, StoreError> {
    ids(connection, "SELECT image_id FROM image_files WHERE path = ? ORDER BY image_id", [path])
}

/// Returns the place of the original of a new image.
///
/// # Errors
/// [`HomeError::Away`] for a folder that the store does not have.
pub(super) fn place_of<'a>(image: &NewImage<'a>, homes: &'a Homes) -> Result<Place<'a>, HomeError> {
    image.linked.map_or_else(|| place_of_new(homes), |file| Ok(Place::Linked(file)))
}

/// Returns the place of new originals that do not stay where they lie.
///
/// # Errors
/// [`HomeError::Away`] for a folder that the store does not have.
pub(super) fn place_of_new(homes: &Homes) -> Result<Place<'_>, HomeError> {
    match homes.new_home() {
        Home::Folder => Ok(Place::Folder(homes.folder()?)),
        Home::Database | Home::InPlace => Ok(Place::Database),
    }
}
