//! The rows of IMAGE_THUMBNAILS.

use crate::ImageId;
use crate::oracle::connection::codes::Class;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::{Binds, Value};

fn key(image_id: ImageId, size: u32) -> Binds<'static> {
    Binds::none().with("image_id", image_id).with("edge", i64::from(size))
}

pub(crate) fn thumbnail(session: &Session<'_>, image_id: ImageId, size: u32) -> Result<Option<Vec<u8>>, OracleError> {
    let sql = "SELECT t.jpeg FROM image_thumbnails t WHERE t.image_id = :image_id AND t.edge = :edge";
    Ok(session.row(sql, &key(image_id, size), |row| Ok(row.get::<_, Option<Vec<u8>>>(0)?))?.flatten())
}

/// Keeps a thumbnail; false when the image is gone.
pub(crate) fn put(session: &Session<'_>, image_id: ImageId, size: u32, jpeg: &[u8]) -> Result<bool, OracleError> {
    let row = || key(image_id, size).with("jpeg", Value::Blob(jpeg));
    let update = "UPDATE image_thumbnails SET jpeg = :jpeg WHERE image_id = :image_id AND edge = :edge";
    if session.execute(update, &row())? > 0 {
        return Ok(true);
    }
    let insert = "INSERT INTO image_thumbnails (image_id, edge, jpeg) VALUES (:image_id, :edge, :jpeg)";
    match session.execute(insert, &row()) {
        Err(error) if error.class() == Some(Class::NoParent) => Ok(false),
        // Another process has made the same thumbnail meanwhile.
        Err(error) if error.class() == Some(Class::Unique) => Ok(true),
        other => Ok(other.map(|_| true)?),
    }
}
