//! Finding images by keywords, with Oracle Text.
//!
//! A word that most images hold has as many matches as there are images. Oracle Text can return the best of them without
//! sorting the others, but only in the order of their score alone; ties have to be ordered by the id as well. So a
//! search takes one statement for the best, and a second one only where images beyond the page share the score of its
//! last image.

use std::borrow::Cow;
use std::collections::HashMap;

use super::MAX_OFFSET;
use super::expression::{EXPRESSION_BYTES, expression};
use super::filter::Condition;
use super::vector;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::{Binds, Value};
use crate::oracle::rows::models::VectorTable;
use crate::{EXACT_TOTAL, KeywordHit, KeywordSearch, Total};
use mitsuke_index::UnitVector;

/// The largest number of hits that are asked for by score alone. More hits are sorted by the database, which returns
/// the rows of the page only.
const MOST_BEST: usize = 1_024;

/// The sizes for which the optimizer is told to plan. There are few, so that few statements serve pages of all sizes.
const PLANNED_SIZES: [usize; 4] = [17, 65, 257, MOST_BEST + 1];

/// Returns a page of the images that hold every term, best first.
pub(crate) fn search(session: &Session<'_>, search: &KeywordSearch<'_>) -> Result<Vec<KeywordHit>, OracleError> {
    let Some(terms) = expression(search.terms, search.least)? else { return Ok(Vec::new()) };
    let page = search.page;
    if page.limit == 0 || page.offset > MAX_OFFSET {
        return Ok(Vec::new());
    }
    let condition = Condition::new(&page.filter)?.excluding(search.exclude);
    let wanted = page.offset.saturating_add(page.limit);
    if wanted > MOST_BEST {
        let sql = format!("{} OFFSET :skip ROWS FETCH NEXT :take ROWS ONLY", matching_sql(&condition.sql));
        let binds = Binds::none()
            .with("terms", Value::text(&terms))
            .and(condition.binds)
            .with("skip", Value::count(page.offset))
            .with("take", Value::count(page.limit.min(MAX_OFFSET)));
        return session.rows(&sql, &binds, page.limit, read);
    }
    let mut step = Step::first(wanted);
    loop {
        let most = step.most(wanted);
        let binds = Binds::none()
            .with("terms", Value::Text(Some(step.expression(&terms))))
            .and(condition.binds.clone())
            .with("best", Value::count(most));
        let mut hits = session.rows(&step.sql(&condition.sql, wanted), &binds, most, read)?;
        match step.next(&mut hits, wanted) {
            Some(next) => step = next,
            None => return Ok(hits.into_iter().skip(page.offset).collect()),
        }
    }
}

fn read(row: &oracle::Row) -> Result<KeywordHit, OracleError> {
    Ok(KeywordHit { image_id: row.get(0)?, score: row.get(1)? })
}

/// A step of the search for the best matches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    /// The best by their score alone, and one more, which tells whether ties are open.
    Best,
    /// The best in their order, among the matches of at least this score.
    AtLeast(f64),
    /// The best in their order, among all matches.
    Whole,
}

impl Step {
    /// Returns the first step of a search for this many hits.
    pub(crate) fn first(wanted: usize) -> Self {
        if wanted <= MOST_BEST { Self::Best } else { Self::Whole }
    }

    /// Returns the value of `:terms`. The threshold operator leaves out lower scores inside of the text index (Oracle
    /// Text Reference, "threshold (>)").
    pub(crate) fn expression(self, terms: &str) -> Cow<'_, str> {
        match self {
            Self::AtLeast(score) if score >= 2.0 => {
                let within = format!("({terms}) > {}", score.floor() - 1.0);
                if within.len() <= EXPRESSION_BYTES { Cow::Owned(within) } else { Cow::Borrowed(terms) }
            }
            _ => Cow::Borrowed(terms),
        }
    }

    /// Returns the statement, with the placeholders `:terms` and `:best`, which stands for [`Self::most`].
    pub(crate) fn sql(self, filter: &str, wanted: usize) -> String {
        match self {
            Self::Best => best_sql(filter, self.most(wanted)),
            _ => format!("{} FETCH FIRST :best ROWS ONLY", matching_sql(filter)),
        }
    }

    /// Returns the number of rows to ask for.
    pub(crate) fn most(self, wanted: usize) -> usize {
        wanted + usize::from(self == Self::Best)
    }

    /// Puts the hits of this step into their order, and returns the next step if they are not the best `wanted` yet.
    pub(crate) fn next(self, hits: &mut Vec<KeywordHit>, wanted: usize) -> Option<Self> {
        hits.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(b.image_id.cmp(&a.image_id)));
        match (self, hits.get(wanted).map(|beyond| beyond.score)) {
            (Self::Best, Some(beyond)) => {
                hits.truncate(wanted);
                hits.last().filter(|last| last.score <= beyond).map(|_| Self::AtLeast(beyond))
            }
            // Scores depend on the whole collection, which may have changed between two statements.
            (Self::AtLeast(_), _) if hits.len() < wanted => Some(Self::Whole),
            _ => None,
        }
    }
}

/// Selects the best matches by their score alone, in the form that makes Oracle Text return them in that order: an
/// inline view with a hint, and ROWNUM around it (Oracle Text Application Developer's Guide, "Improved Response Time
/// with FIRST_ROWS(n) Hint for ORDER BY Queries" and "… with Local Partitioned Index for Order by Score").
fn best_sql(filter: &str, most: usize) -> String {
    let planned = PLANNED_SIZES.into_iter().find(|size| most <= *size).unwrap_or(most);
    format!(
        "SELECT image_id, relevance FROM (SELECT /*+ FIRST_ROWS({planned}) */ i.image_id, SCORE(1) AS relevance \
         FROM images i WHERE CONTAINS(i.search_text, :terms, 1) > 0{filter} ORDER BY SCORE(1) DESC) \
         WHERE ROWNUM <= :best"
    )
}

/// Returns the hits of the keyword leg of a hybrid search, with the distance of each hit that has an embedding.
pub(crate) fn search_with_distances(
    session: &Session<'_>,
    search: &KeywordSearch<'_>,
    table: &VectorTable,
    query: &UnitVector,
) -> Result<Vec<(KeywordHit, Option<f32>)>, OracleError> {
    let Some(terms) = expression(search.terms, search.least)? else { return Ok(Vec::new()) };
    if search.page.limit == 0 {
        return Ok(Vec::new());
    }
    let condition = Condition::new(&search.page.filter)?.excluding(search.exclude);
    let wanted = search.page.limit.min(MAX_OFFSET);
    let mut step = Step::first(wanted);
    loop {
        let most = step.most(wanted);
        let sql = format!(
            "SELECT w.image_id, w.relevance, {} AS distance FROM ({}) w LEFT JOIN {} e ON e.image_id = w.image_id",
            vector::distance_sql(table),
            step.sql(&condition.sql, wanted),
            table.name
        );
        let binds = Binds::none()
            .with("terms", Value::Text(Some(step.expression(&terms))))
            .and(condition.binds.clone())
            .with("best", Value::count(most))
            .with_vector("query", query);
        let mut distances = HashMap::new();
        let mut hits = session.rows(&sql, &binds, most, |row| {
            let hit = read(row)?;
            distances.insert(hit.image_id, row.get::<_, Option<f64>>(2)?.map(vector::distance));
            Ok(hit)
        })?;
        match step.next(&mut hits, wanted) {
            Some(next) => step = next,
            None => {
                return Ok(hits
                    .into_iter()
                    .map(|hit| (hit, distances.get(&hit.image_id).copied().flatten()))
                    .collect());
            }
        }
    }
}

/// Counts the images that hold a term, up to `most`.
pub(crate) fn count_matches(session: &Session<'_>, term: &str, most: usize) -> Result<usize, OracleError> {
    let Some(terms) = expression(&[term.to_owned()], 1)? else { return Ok(0) };
    let sql = "SELECT COUNT(*) FROM (SELECT i.image_id FROM images i WHERE CONTAINS(i.search_text, :terms, 1) > 0 \
               FETCH FIRST :most ROWS ONLY) n";
    let binds = Binds::none().with("terms", Value::text(&terms)).with("most", Value::count(most));
    let found: Option<u64> = session.row(sql, &binds, |row| Ok(row.get(0)?))?;
    Ok(usize::try_from(found.unwrap_or_default()).unwrap_or(usize::MAX))
}

/// Counts the images that a search finds, of which `hits` are a page. A count ends above [`EXACT_TOTAL`].
pub(crate) fn total(
    session: &Session<'_>,
    search: &KeywordSearch<'_>,
    hits: &[KeywordHit],
) -> Result<Total, OracleError> {
    let page = search.page;
    if hits.len() < page.limit && (page.offset == 0 || !hits.is_empty()) {
        return Ok(Total::exactly((page.offset + hits.len()) as u64));
    }
    let Some(terms) = expression(search.terms, search.least)? else { return Ok(Total::exactly(0)) };
    let condition = Condition::new(&page.filter)?.excluding(search.exclude);
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT i.image_id FROM images i WHERE CONTAINS(i.search_text, :terms, 1) > 0{} \
         FETCH FIRST :most ROWS ONLY) n",
        condition.sql
    );
    let binds = Binds::none()
        .with("terms", Value::text(&terms))
        .and(condition.binds)
        .with("most", Value::Unsigned(Some(EXACT_TOTAL + 1)));
    let found: u64 = session.row(&sql, &binds, |row| Ok(row.get(0)?))?.unwrap_or_default();
    Ok(Total { count: found.min(EXACT_TOTAL), exact: found <= EXACT_TOTAL })
}

/// Selects all matches in the order of their score, ties by descending id.
fn matching_sql(filter: &str) -> String {
    format!(
        "SELECT i.image_id, SCORE(1) AS relevance FROM images i WHERE CONTAINS(i.search_text, :terms, 1) > 0{filter} \
         ORDER BY relevance DESC, i.image_id DESC"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(pairs: &[(i64, f64)]) -> Vec<KeywordHit> {
        pairs.iter().map(|(image_id, score)| KeywordHit { image_id: *image_id, score: *score }).collect()
    }

    #[test]
    fn ties_within_the_best_are_ordered_at_once() {
        let mut found = hits(&[(1, 5.0), (2, 9.0), (3, 5.0), (4, 3.0)]);
        assert_eq!(Step::Best.next(&mut found, 3), None);
        assert_eq!(found, hits(&[(2, 9.0), (3, 5.0), (1, 5.0)]));
        let mut few = hits(&[(1, 5.0), (2, 5.0)]);
        assert_eq!(Step::Best.next(&mut few, 2), None);
        assert_eq!(few, hits(&[(2, 5.0), (1, 5.0)]));
        assert_eq!(Step::Best.next(&mut Vec::new(), 2), None);
    }

    #[test]
    fn a_tie_at_the_edge_is_settled_among_the_scores_from_the_edge_on() {
        let mut found = hits(&[(2, 9.0), (1, 5.0), (3, 5.0)]);
        let next = Step::Best.next(&mut found, 2).unwrap();
        assert_eq!(next, Step::AtLeast(5.0));
        assert_eq!(next.expression("{a} AND {b}"), "({a} AND {b}) > 4");
        assert_eq!((next.most(2), Step::Best.most(2)), (2, 3));
        assert_eq!(next.next(&mut hits(&[(2, 9.0), (7, 5.0)]), 2), None);
        assert_eq!(Step::AtLeast(1.0).expression("{a}"), "{a}", "every match scores 1 at least");
    }

    #[test]
    fn scores_that_have_fallen_meanwhile_are_searched_without_a_threshold() {
        let mut found = hits(&[(2, 8.0)]);
        assert_eq!(Step::AtLeast(5.0).next(&mut found, 2), Some(Step::Whole));
        assert_eq!(Step::Whole.next(&mut found, 2), None);
    }
}
