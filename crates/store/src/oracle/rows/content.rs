//! Originals compared with their hashes, and the rows of IMAGE_DAMAGE.

use oracle::sql_type::Timestamp;
use time::OffsetDateTime;

use super::images::UNKNOWN_HASH;
use crate::oracle::connection::codes::Class;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::{self, Binds, Value};
use crate::{Content, DamageReason, DamagedImage, ImageId, Sha256};

/// Returns what is wrong with an original; `None` when it has its hash. The original of another program has no hash until
/// its row is completed.
pub(crate) fn damage(content: &Content) -> Option<String> {
    if content.sha256 == UNKNOWN_HASH {
        return None;
    }
    let found = Sha256::of(&content.bytes);
    (found != content.sha256)
        .then(|| format!("{}: its SHA-256 is {found} and was {}", content.file_name, content.sha256))
}

fn of_image(image_id: ImageId) -> Binds<'static> {
    Binds::none().with("image_id", image_id)
}

/// Remembers what is wrong with an image. Returns whether its damage is new.
pub(crate) fn note(session: &Session<'_>, image_id: ImageId, reason: DamageReason) -> Result<bool, OracleError> {
    let sql = "INSERT INTO image_damage (image_id, found_at, reason) VALUES (:image_id, :found_at, :reason)";
    let found_at = value::timestamp(OffsetDateTime::now_utc());
    match session.execute(sql, &of_image(image_id).with("found_at", found_at).with("reason", reason.number())) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.class(), Some(Class::Unique | Class::NoParent)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Forgets that an image was damaged.
pub(crate) fn clear(session: &Session<'_>, image_id: ImageId) -> Result<(), OracleError> {
    session.execute("DELETE FROM image_damage WHERE image_id = :image_id", &of_image(image_id))?;
    Ok(())
}

/// Returns whether an image is known to be damaged.
pub(crate) fn is_noted(session: &Session<'_>, image_id: ImageId) -> Result<bool, OracleError> {
    let sql = "SELECT d.image_id FROM image_damage d WHERE d.image_id = :image_id";
    Ok(session.row(sql, &of_image(image_id), |_| Ok(()))?.is_some())
}

/// Lists the images that are known to be damaged, ascending by id.
pub(crate) fn list(session: &Session<'_>, after: ImageId, limit: usize) -> Result<Vec<DamagedImage>, OracleError> {
    let sql = "SELECT d.image_id, d.found_at, d.reason FROM image_damage d WHERE d.image_id > :after \
               ORDER BY d.image_id FETCH FIRST :take ROWS ONLY";
    let binds = Binds::none().with("after", after).with("take", Value::count(limit));
    session.rows(sql, &binds, limit, |row| {
        Ok(DamagedImage {
            image_id: row.get(0)?,
            found_at: value::to_date(&row.get::<_, Timestamp>(1)?)?,
            reason: DamageReason::of_number(row.get(2)?),
        })
    })
}

/// Counts the images that are known to be damaged.
pub(crate) fn count(session: &Session<'_>) -> Result<u64, OracleError> {
    let counted = session.row("SELECT COUNT(*) FROM image_damage", &Binds::none(), |row| Ok(row.get::<_, i64>(0)?))?;
    Ok(counted.unwrap_or_default().unsigned_abs())
}

/// Writes an original anew. Returns false when no image with this id has this hash.
pub(crate) fn repair(
    session: &Session<'_>,
    image_id: ImageId,
    sha256: &Sha256,
    bytes: &[u8],
) -> Result<bool, OracleError> {
    let Some(content) = super::images::content(session, image_id)? else { return Ok(false) };
    if content.sha256 != *sha256 {
        return Ok(false);
    }
    let sql = "UPDATE images SET image_data = :image_data WHERE image_id = :image_id";
    session.execute(sql, &of_image(image_id).with("image_data", Value::Blob(bytes)))?;
    session.execute("DELETE FROM image_thumbnails WHERE image_id = :image_id", &of_image(image_id))?;
    session.execute("DELETE FROM embedding_failures WHERE image_id = :image_id", &of_image(image_id))?;
    clear(session, image_id)?;
    Ok(true)
}
