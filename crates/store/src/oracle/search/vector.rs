//! Finding the nearest images.
//!
//! The index answers one form of query quickly: the first k rows of one table in the order of the distance alone. A
//! second sort key, a join or a condition makes the database ignore the index. The store therefore asks that form for
//! some rows more than the page needs, and applies the rest of the contract (ties by id, filters, excluded images) to
//! the rows that come back. When these rows do not determine the page (a narrow filter, many ties at its edge), the
//! exact form answers.

use super::MAX_OFFSET;
use super::filter::Condition;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::{Binds, Value, to_vector};
use crate::oracle::rows::models::VectorTable;
use crate::{ImageId, VectorHit, VectorSearch};
use mitsuke_index::UnitVector;

/// The smallest number of rows to ask for. The sizes are few, so that the pages of one query mostly come from one
/// ranking, which an approximate index does not guarantee otherwise.
const MIN_ROWS: usize = 64;

/// The factor by which the number of rows grows when they did not determine the page.
const GROWTH: usize = 4;

/// The largest number of rows of the approximate form. Beyond it, comparing all embeddings costs little more.
const MAX_APPROXIMATE_ROWS: usize = 4_096;

/// The form of a vector search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Through the index, which aims at this percentage of the true nearest.
    Approximate(u8),
    /// By comparing all embeddings.
    Exact,
}

impl Form {
    /// Returns the form for a setting of `accuracy` percent.
    pub(crate) fn for_accuracy(accuracy: u8) -> Self {
        if accuracy >= 100 { Self::Exact } else { Self::Approximate(accuracy) }
    }
}

/// A row of either form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) image_id: ImageId,
    pub(crate) distance: f32,
    /// Whether the image passes the filter.
    pub(crate) passes: bool,
}

/// The form and the number of rows to ask for next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) form: Form,
    pub(crate) take: usize,
}

/// The result of looking at the candidates.
pub(crate) enum Outcome {
    /// The nearest images that pass, as many as were needed or as exist.
    Hits(Vec<VectorHit>),
    /// The candidates do not determine the page; this plan asks for more.
    Widen(Plan),
}

impl Plan {
    /// Makes the first plan for `needed` hits.
    pub(crate) fn first(form: Form, needed: usize, excluded: usize, filtered: bool) -> Self {
        // One row more than needed shows whether the last hit of the page has ties after it.
        let wanted = needed.saturating_add(excluded).saturating_add(1);
        let approximate = matches!(form, Form::Approximate(_)) && wanted <= MAX_APPROXIMATE_ROWS;
        // The share of images that pass a filter is unknown. This much room suffices when every fourth image passes.
        let wanted = if approximate && filtered { wanted.saturating_mul(4).min(MAX_APPROXIMATE_ROWS) } else { wanted };
        Self { form: if approximate { form } else { Form::Exact }, take: round_up(wanted) }
    }

    /// Returns the hits, if the candidates that this plan brought determine them.
    pub(crate) fn evaluate(
        self,
        candidates: Vec<Candidate>,
        needed: usize,
        exclude: &[ImageId],
        filtered: bool,
    ) -> Outcome {
        let found = candidates.len();
        let cut_off = found >= self.take;
        // There may be more images at the distance of the last candidate.
        let edge = if cut_off { candidates.iter().map(|c| c.distance).reduce(f32::max) } else { None };
        let mut hits: Vec<VectorHit> = candidates
            .into_iter()
            .filter(|c| c.passes && !exclude.contains(&c.image_id) && edge.is_none_or(|edge| c.distance < edge))
            .map(|c| VectorHit { image_id: c.image_id, distance: c.distance })
            .collect();
        hits.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then(b.image_id.cmp(&a.image_id)));
        let all = self.form == Form::Exact && !cut_off;
        if hits.len() >= needed || all {
            return Outcome::Hits(hits);
        }
        let wider = round_up(self.take.saturating_mul(GROWTH));
        Outcome::Widen(match self.form {
            // The candidates end in ties; a few more rows show the end of them.
            Form::Approximate(_) if cut_off && !filtered && wider <= MAX_APPROXIMATE_ROWS => {
                Self { take: wider, ..self }
            }
            Form::Approximate(_) => {
                Self { form: Form::Exact, ..Self::first(Form::Exact, needed, exclude.len(), false) }
            }
            Form::Exact => Self { take: wider, ..self },
        })
    }
}

/// Rounds up to the next of a few sizes.
fn round_up(rows: usize) -> usize {
    let mut size = MIN_ROWS;
    while size < rows && size < usize::MAX / GROWTH {
        size *= GROWTH;
    }
    size
}

/// Returns a page of the nearest images.
pub(crate) fn search(
    session: &Session<'_>,
    table: &VectorTable,
    search: &VectorSearch<'_>,
    form: Form,
) -> Result<Vec<VectorHit>, OracleError> {
    if search.page.limit == 0 || search.page.offset > MAX_OFFSET {
        return Ok(Vec::new());
    }
    let needed = search.page.offset.saturating_add(search.page.limit);
    let filtered = !search.page.filter.is_empty();
    let mut plan = Plan::first(form, needed, search.exclude.len(), filtered);
    loop {
        let candidates = candidates(session, table, search, plan)?;
        match plan.evaluate(candidates, needed, search.exclude, filtered) {
            Outcome::Hits(hits) => {
                return Ok(hits.into_iter().skip(search.page.offset).take(search.page.limit).collect());
            }
            Outcome::Widen(next) => plan = next,
        }
    }
}

fn candidates(
    session: &Session<'_>,
    table: &VectorTable,
    search: &VectorSearch<'_>,
    plan: Plan,
) -> Result<Vec<Candidate>, OracleError> {
    let condition = Condition::new(&search.page.filter);
    let filtered = !condition.sql.is_empty();
    let nearest = nearest_sql(table, plan.form, filtered);
    let sql = match plan.form {
        Form::Approximate(_) if filtered => format!(
            "SELECT n.image_id, n.distance, {} AS passes FROM ({nearest}) n JOIN images i ON i.image_id = n.image_id",
            passes(&condition.sql)
        ),
        Form::Exact if filtered => format!("WITH {} {nearest}", passing_sql(&condition.sql)),
        _ => nearest,
    };
    let flagged = filtered && plan.form != Form::Exact;
    session.rows(&sql, &condition.binds.and(query_binds(search.query, plan.take)), plan.take, |row| {
        Ok(Candidate {
            image_id: row.get(0)?,
            distance: distance(row.get(1)?),
            passes: !flagged || row.get::<_, i64>(2)? == 1,
        })
    })
}

/// Returns the query for the images that pass a filter, for the WITH before [`nearest_sql`].
pub(crate) fn passing_sql(filter: &str) -> String {
    format!("passing AS (SELECT i.image_id FROM images i WHERE 1 = 1{filter})")
}

/// Returns the statement that selects the nearest rows of a model's table: in the exact form only those of
/// [`passing_sql`], in the approximate form all.
pub(crate) fn nearest_sql(table: &VectorTable, form: Form, filtered: bool) -> String {
    let (name, distance) = (&table.name, distance_sql(table));
    match form {
        Form::Approximate(accuracy) => format!(
            "SELECT e.image_id, {distance} AS distance FROM {name} e ORDER BY distance \
             FETCH APPROX FIRST :take ROWS ONLY WITH TARGET ACCURACY {accuracy}"
        ),
        Form::Exact if filtered => format!(
            "SELECT e.image_id, {distance} AS distance FROM passing p JOIN {name} e ON e.image_id = p.image_id \
             ORDER BY distance FETCH EXACT FIRST :take ROWS ONLY"
        ),
        Form::Exact => format!(
            "SELECT e.image_id, {distance} AS distance FROM {name} e ORDER BY distance FETCH EXACT FIRST :take ROWS ONLY"
        ),
    }
}

/// Returns the column that says whether the image `i` of a row passes.
pub(crate) fn passes(filter: &str) -> String {
    format!("CASE WHEN 1 = 1{filter} THEN 1 ELSE 0 END")
}

/// Returns the distance of a row `e` to the query: the negated inner product, by which the index is made.
pub(crate) fn distance_sql(table: &VectorTable) -> String {
    format!("VECTOR_DISTANCE(e.embedding, {}, DOT)", to_vector("query", table.dimension))
}

/// Returns the values of [`nearest_sql`].
pub(crate) fn query_binds(query: &UnitVector, take: usize) -> Binds<'static> {
    Binds::none().with("take", Value::count(take)).with_vector("query", query)
}

/// Returns a distance without a negative zero, and within ±1 despite rounding.
pub(crate) fn distance(distance: f64) -> f32 {
    distance.clamp(-1.0, 1.0) as f32 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(image_id: ImageId, distance: f32) -> Candidate {
        Candidate { image_id, distance, passes: true }
    }

    fn ids(settled: Outcome) -> Option<Vec<ImageId>> {
        match settled {
            Outcome::Hits(hits) => Some(hits.iter().map(|hit| hit.image_id).collect()),
            Outcome::Widen(_) => None,
        }
    }

    #[test]
    fn the_index_is_asked_for_more_than_the_page_and_in_few_sizes() {
        let take = |needed, filtered| Plan::first(Form::Approximate(95), needed, 1, filtered).take;
        assert_eq!([take(1, false), take(16, false), take(62, false), take(63, false)], [64, 64, 64, 256]);
        assert_eq!(take(16, true), 256);
        assert_eq!(Plan::first(Form::Approximate(95), 100_000, 0, false).form, Form::Exact);
        assert_eq!(Form::for_accuracy(100), Form::Exact);
    }

    #[test]
    fn what_the_sort_of_the_index_leaves_open_is_settled_by_id() {
        let plan = Plan { form: Form::Approximate(95), take: 4 };
        let rows = vec![candidate(1, -0.9), candidate(2, -0.9), candidate(3, -0.8), candidate(4, -0.5)];
        assert_eq!(ids(plan.evaluate(rows.clone(), 3, &[], false)), Some(vec![2, 1, 3]));
        assert_eq!(ids(plan.evaluate(rows, 2, &[2], false)), Some(vec![1, 3]));
    }

    #[test]
    fn equals_at_the_edge_ask_for_more() {
        let plan = Plan { form: Form::Approximate(95), take: 2 };
        let rows = vec![candidate(1, -0.5), candidate(2, -0.5)];
        let Outcome::Widen(next) = plan.evaluate(rows, 1, &[], false) else {
            panic!("the newest of equals is not known")
        };
        assert!(next.take > 2);
    }

    #[test]
    fn a_short_answer_of_the_index_is_never_the_last_word() {
        let plan = Plan { form: Form::Approximate(95), take: 64 };
        let Outcome::Widen(next) = plan.evaluate(vec![candidate(1, -0.5)], 2, &[], false) else { panic!("short") };
        assert_eq!(next.form, Form::Exact);
        let exact = Plan { form: Form::Exact, take: 64 };
        assert_eq!(ids(exact.evaluate(vec![candidate(1, -0.5)], 2, &[], false)), Some(vec![1]));
    }

    #[test]
    fn a_filter_that_lets_too_few_through_asks_exactly() {
        let plan = Plan { form: Form::Approximate(95), take: 3 };
        let mut rows = vec![candidate(1, -0.9), candidate(2, -0.8), candidate(3, -0.7)];
        rows[0].passes = false;
        let Outcome::Widen(next) = plan.evaluate(rows, 2, &[], true) else { panic!("one passes, two are needed") };
        assert_eq!(next.form, Form::Exact);
    }

    #[test]
    fn there_is_no_negative_zero() {
        assert!(distance(-0.0).is_sign_positive());
    }
}
