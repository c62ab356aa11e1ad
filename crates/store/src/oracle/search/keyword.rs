//! Finding images by keywords, with Oracle Text.

use super::MAX_OFFSET;
use super::expression::expression;
use super::filter::Condition;
use super::vector;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::{Binds, Value};
use crate::oracle::rows::models::VectorTable;
use crate::{KeywordHit, KeywordSearch};
use mitsuke_index::UnitVector;

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

/// Returns the hits of the keyword leg of a hybrid search, with the distance of each hit that has an embedding.
pub(crate) fn search_with_distances(
    session: &Session<'_>,
    search: &KeywordSearch<'_>,
    table: &VectorTable,
    query: &UnitVector,
) -> Result<Vec<(KeywordHit, Option<f32>)>, OracleError> {
    let Some(terms) = expression(search.terms)? else { return Ok(Vec::new()) };
    if search.page.limit == 0 {
        return Ok(Vec::new());
    }
    let condition = Condition::new(&search.page.filter).excluding(search.exclude);
    let sql = format!(
        "SELECT w.image_id, w.relevance, {} AS distance \
         FROM ({} FETCH FIRST :depth ROWS ONLY) w LEFT JOIN {} e ON e.image_id = w.image_id",
        vector::distance_sql(table),
        matching_sql(&condition.sql),
        table.name
    );
    let binds = Binds::none()
        .with("terms", Value::text(&terms))
        .and(condition.binds)
        .with("depth", Value::count(search.page.limit.min(MAX_OFFSET)))
        .with_vector("query", query);
    let mut hits: Vec<(KeywordHit, Option<f32>)> = session.rows(&sql, &binds, search.page.limit, |row| {
        let distance = row.get::<_, Option<f64>>(2)?.map(vector::distance);
        Ok((KeywordHit { image_id: row.get(0)?, score: row.get(1)? }, distance))
    })?;
    // A join guarantees no order.
    hits.sort_unstable_by(|(a, _), (b, _)| b.score.total_cmp(&a.score).then(b.image_id.cmp(&a.image_id)));
    Ok(hits)
}

/// Selects all matches in the order of their score, ties by descending id.
fn matching_sql(filter: &str) -> String {
    format!(
        "SELECT i.image_id, SCORE(1) AS relevance FROM images i WHERE CONTAINS(i.search_text, :terms, 1) > 0{filter} \
         ORDER BY relevance DESC, i.image_id DESC"
    )
}
