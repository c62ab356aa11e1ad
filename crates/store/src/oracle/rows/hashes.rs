//! The hashes of originals, each of which names the one image that answers for its bytes.

use super::images::{UNKNOWN_HASH, read_hash};
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::{Binds, MAX_IN_LIST, in_list};
use crate::{ImageId, Sha256};

/// Returns the image that answers for these bytes.
pub(crate) fn find(session: &Session<'_>, sha256: &Sha256) -> Result<Option<ImageId>, OracleError> {
    let binds = Binds::none().with("sha256", *sha256);
    session.row("SELECT i.image_id FROM images i WHERE i.sha256_key = :sha256", &binds, |row| Ok(row.get(0)?))
}

/// Returns the images that answer for some of these bytes, in any order.
pub(crate) fn find_many(session: &Session<'_>, hashes: &[Sha256]) -> Result<Vec<(Sha256, ImageId)>, OracleError> {
    let mut found = Vec::new();
    for hashes in hashes.chunks(MAX_IN_LIST) {
        let mut binds = Binds::none();
        let list = in_list("hash", hashes, &mut binds);
        let sql = format!("SELECT i.sha256, i.image_id FROM images i WHERE i.sha256_key IN ({list})");
        found.extend(
            session.rows(&sql, &binds, hashes.len(), |row| {
                Ok((read_hash(row, 0)?.unwrap_or(UNKNOWN_HASH), row.get(1)?))
            })?,
        );
    }
    Ok(found)
}

/// Lets another image of the same bytes answer for them, when the one that did is deleted. The original application may have
/// stored a picture twice.
pub(crate) fn hand_over(session: &Session<'_>, sha256: &Sha256) -> Result<(), OracleError> {
    session.execute(
        "UPDATE images SET sha256_key = :sha256 \
         WHERE image_id = (SELECT MIN(s.image_id) FROM images s WHERE s.sha256 = :sha256) \
         AND NOT EXISTS (SELECT 1 FROM images k WHERE k.sha256_key = :sha256)",
        &Binds::none().with("sha256", *sha256),
    )?;
    Ok(())
}
