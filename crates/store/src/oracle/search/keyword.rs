//! Finding images by keywords, with Oracle Text.

use super::MAX_OFFSET;
use super::expression::expression;
use super::filter::Condition;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::{Binds, Value};
use crate::{KeywordHit, KeywordSearch};

/// Returns a page of the images that hold every term, best first.
pub(crate) fn search(session: &Session<'_>, search: &KeywordSearch<'_>) -> Result<Vec<KeywordHit>, OracleError> {
    let Some(terms) = expression(search.terms)? else { return Ok(Vec::new()) };
    if search.page.limit == 0 || search.page.offset > MAX_OFFSET {
        return Ok(Vec::new());
    }
    let condition = Condition::new(&search.page.filter).excluding(search.exclude);
    let sql = format!("{} OFFSET :skip ROWS FETCH NEXT :take ROWS ONLY", matching_sql(&condition.sql));
    let binds = Binds::none()
        .with("terms", Value::text(&terms))
        .and(condition.binds)
        .with("skip", Value::count(search.page.offset))
        .with("take", Value::count(search.page.limit.min(MAX_OFFSET)));
    session.rows(&sql, &binds, search.page.limit, |row| Ok(KeywordHit { image_id: row.get(0)?, score: row.get(1)? }))
}

/// Selects all matches in the order of their score, ties by descending id.
pub(crate) fn matching_sql(filter: &str) -> String {
    format!(
        "SELECT i.image_id, SCORE(1) AS relevance FROM images i WHERE CONTAINS(i.search_text, :terms, 1) > 0{filter} \
         ORDER BY relevance DESC, i.image_id DESC"
    )
}
