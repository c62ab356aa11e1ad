//! Finding images by words, with Oracle Text.

use super::document::expression;
use super::error::Stop;
use super::filter::Condition;
use super::session::Session;
use super::value::{Binds, Value};
use super::vectors::MOST_SKIPPED;
use crate::{KeywordHit, KeywordSearch};

/// A page of the images that hold every term, best first.
pub(super) fn search(session: &Session<'_>, search: &KeywordSearch<'_>) -> Result<Vec<KeywordHit>, Stop> {
    let Some(terms) = expression(search.terms)? else { return Ok(Vec::new()) };
    if search.limit == 0 || search.offset > MOST_SKIPPED {
        return Ok(Vec::new());
    }
    let condition = Condition::of(search.filter).without(search.exclude);
    let sql = format!("{} OFFSET :skip ROWS FETCH NEXT :take ROWS ONLY", matching_sql(&condition.sql));
    let binds = Binds::none()
        .with("terms", Value::text(&terms))
        .and(condition.binds)
        .with("skip", Value::count(search.offset))
        .with("take", Value::count(search.limit.min(MOST_SKIPPED)));
    session.rows(&sql, &binds, search.limit, |row| Ok(KeywordHit { image_id: row.get(0)?, score: row.get(1)? }))
}

/// All matches in the order of their score, equals by descending id.
pub(super) fn matching_sql(filter: &str) -> String {
    format!(
        "SELECT i.image_id, SCORE(1) AS relevance FROM images i WHERE CONTAINS(i.search_text, :terms, 1) > 0{filter} \
         ORDER BY relevance DESC, i.image_id DESC"
    )
}
