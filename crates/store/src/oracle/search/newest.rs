//! Listing images, newest first.

use super::MAX_OFFSET;
use super::filter::Condition;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::{self, Value};
use crate::oracle::rows::images::images;
use crate::{Cursor, Filter, Image, ImageId};

/// Returns a page of the images that pass a filter, newest first: those after `cursor`, without the first `offset`.
pub(crate) fn page(
    session: &Session<'_>,
    filter: &Filter,
    cursor: Option<Cursor>,
    offset: usize,
    limit: usize,
) -> Result<Vec<Image>, OracleError> {
    if limit == 0 || offset > MAX_OFFSET {
        return Ok(Vec::new());
    }
    let condition = Condition::new(filter);
    let mut binds =
        condition.binds.with("skip", Value::count(offset)).with("take", Value::count(limit.min(MAX_OFFSET)));
    let mut before = "";
    if let Some(cursor) = cursor {
        // The first bound alone is a range of the index; an OR by itself would let the page begin at the newest image.
        before = " AND i.upload_date <= :before AND (i.upload_date < :before OR i.image_id < :before_id)";
        binds = binds.with("before", value::timestamp(cursor.upload_date)).with("before_id", cursor.image_id);
    }
    let sql = format!(
        "SELECT i.image_id FROM images i WHERE 1 = 1{}{before} \
         ORDER BY i.upload_date DESC, i.image_id DESC OFFSET :skip ROWS FETCH NEXT :take ROWS ONLY",
        condition.sql
    );
    let ids: Vec<ImageId> = session.rows(&sql, &binds, limit, |row| Ok(row.get(0)?))?;
    images(session, &ids)
}
