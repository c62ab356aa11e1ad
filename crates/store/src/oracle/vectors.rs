//! Finding the nearest images.
//!
//! The index answers one form of question quickly: the first k rows of one table in the order of the distance alone. A
//! second sort key, a join or a condition costs the index. So that form is asked with some rows more than the page
//! needs, and what the contract wants beyond it (ties by id, filters, excluded images) is done with the rows that come
//! back. Where these do not settle the page (a narrow filter, many equals at its edge), the exact form answers.

use super::error::Stop;
use super::filter::Condition;
use super::models::VectorTable;
use super::session::Session;
use super::value::{Binds, Value};
use crate::{ImageId, VectorHit, VectorSearch};
use mitsuke_index::UnitVector;

/// Rows that are asked for at least. Few sizes: the pages of one query then mostly come from one ranking, which an
/// approximate index does not promise otherwise.
const LEAST: usize = 64;

/// How much more is asked for when that did not settle the page.
const WIDEN: usize = 4;

/// Rows of the approximate form at most; beyond, comparing all is not much dearer.
const MOST_APPROXIMATE: usize = 4_096;

/// No page starts behind this many hits.
pub(super) const MOST_SKIPPED: usize = 10_000_000;

/// How a vector search is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Through the index, aiming at so many percent of the true nearest.
    Approximate(u8),
    /// By comparing all embeddings.
    Exact,
}

impl Form {
    /// The form for a setting of `accuracy` percent.
    pub(super) fn of_accuracy(accuracy: u8) -> Self {
        if accuracy >= 100 { Self::Exact } else { Self::Approximate(accuracy) }
    }
}

/// A row of either form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) image_id: ImageId,
    pub(super) distance: f32,
    /// Whether it passes the filter.
    pub(super) passes: bool,
}

/// Which rows to ask for next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) form: Form,
    pub(super) take: usize,
}

/// What candidates come to.
pub(super) enum Settled {
    /// The nearest that pass, as many as were needed or as there are.
    Hits(Vec<VectorHit>),
    /// Not certain; ask for these.
    Ask(Plan),
}

impl Plan {
    /// The first question for `needed` hits.
    pub(super) fn first(form: Form, needed: usize, excluded: usize, filtered: bool) -> Self {
        // One more than needed shows whether the last of the page has equals behind it.
        let wanted = needed.saturating_add(excluded).saturating_add(1);
        let approximate = matches!(form, Form::Approximate(_)) && wanted <= MOST_APPROXIMATE;
        // Of a filter nothing is known; this much room lets one through that passes every fourth image.
        let wanted = if approximate && filtered { wanted.saturating_mul(4).min(MOST_APPROXIMATE) } else { wanted };
        Self { form: if approximate { form } else { Form::Exact }, take: rounded(wanted) }
    }

    /// Looks whether the candidates that this plan brought settle the question.
    pub(super) fn settle(
        self,
        candidates: Vec<Candidate>,
        needed: usize,
        exclude: &[ImageId],
        filtered: bool,
    ) -> Settled {
        let found = candidates.len();
        let cut_off = found >= self.take;
        // Behind the last candidate there may be more at its very distance.
        let edge = if cut_off { candidates.iter().map(|c| c.distance).reduce(f32::max) } else { None };
        let mut hits: Vec<VectorHit> = candidates
            .into_iter()
            .filter(|c| c.passes && !exclude.contains(&c.image_id) && edge.is_none_or(|edge| c.distance < edge))
            .map(|c| VectorHit { image_id: c.image_id, distance: c.distance })
            .collect();
        hits.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then(b.image_id.cmp(&a.image_id)));
        let all = self.form == Form::Exact && !cut_off;
        if hits.len() >= needed || all {
            return Settled::Hits(hits);
        }
        let wider = rounded(self.take.saturating_mul(WIDEN));
        Settled::Ask(match self.form {
            // Equals at the edge: a few more rows show the end of them.
            Form::Approximate(_) if cut_off && !filtered && wider <= MOST_APPROXIMATE => Self { take: wider, ..self },
            Form::Approximate(_) => {
                Self { form: Form::Exact, ..Self::first(Form::Exact, needed, exclude.len(), false) }
            }
            Form::Exact => Self { take: wider, ..self },
        })
    }
}

/// The next of a few sizes.
fn rounded(rows: usize) -> usize {
    let mut size = LEAST;
    while size < rows && size < usize::MAX / WIDEN {
        size *= WIDEN;
    }
    size
}

/// A page of the nearest.
pub(super) fn search(
    session: &Session<'_>,
    table: &VectorTable,
    search: &VectorSearch<'_>,
    form: Form,
) -> Result<Vec<VectorHit>, Stop> {
    if search.limit == 0 || search.offset > MOST_SKIPPED {
        return Ok(Vec::new());
    }
    let needed = search.offset.saturating_add(search.limit);
    let filtered = !search.filter.is_empty();
    let mut plan = Plan::first(form, needed, search.exclude.len(), filtered);
    loop {
        let candidates = candidates(session, table, search, plan)?;
        match plan.settle(candidates, needed, search.exclude, filtered) {
            Settled::Hits(hits) => return Ok(hits.into_iter().skip(search.offset).take(search.limit).collect()),
            Settled::Ask(next) => plan = next,
        }
    }
}

fn candidates(
    session: &Session<'_>,
    table: &VectorTable,
    search: &VectorSearch<'_>,
    plan: Plan,
) -> Result<Vec<Candidate>, Stop> {
    let condition = Condition::of(search.filter);
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

/// The images that pass a filter, for the WITH in front of [`nearest_sql`]. In front, because there the values of a
/// filter stand before the query vector: no text may follow a LOB among the placeholders (ORA-24816).
pub(super) fn passing_sql(filter: &str) -> String {
    format!("passing AS (SELECT i.image_id FROM images i WHERE 1 = 1{filter})")
}

/// The nearest rows of a model's table. Exact, it takes those of [`passing_sql`] only; approximate, it must not.
pub(super) fn nearest_sql(table: &VectorTable, form: Form, filtered: bool) -> String {
    let (name, distance) = (&table.name, distance_sql(table));
    match form {
        Form::Approximate(accuracy) => format!(
            "SELECT e.image_id, {distance} AS distance FROM {name} e ORDER BY distance \
             FETCH APPROX FIRST :take ROWS ONLY WITH TARGET ACCURACY {accuracy}"
        ),
        Form::Exact if filtered => format!(
            "SELECT e.image_id, {distance} AS distance FROM passing p JOIN {name} e ON e.image_id = p.image_id \
             ORDER BY distance FETCH FIRST :take ROWS ONLY"
        ),
        Form::Exact => format!(
            "SELECT e.image_id, {distance} AS distance FROM {name} e ORDER BY distance FETCH FIRST :take ROWS ONLY"
        ),
    }
}

/// Whether the image `i` of a row passes.
pub(super) fn passes(filter: &str) -> String {
    format!("CASE WHEN 1 = 1{filter} THEN 1 ELSE 0 END")
}

/// The distance of a row `e` to the query: the negated inner product, as the index has it.
pub(super) fn distance_sql(table: &VectorTable) -> String {
    format!("VECTOR_DISTANCE(e.embedding, TO_VECTOR(:query, {}, FLOAT32), DOT)", table.dimension)
}

/// The values of [`nearest_sql`].
pub(super) fn query_binds(query: &UnitVector, take: usize) -> Binds<'static> {
    Binds::none().with("take", Value::count(take)).with("query", Value::vector(query))
}

/// A distance as it is answered: without a negative zero, and not beyond ±1 by rounding.
pub(super) fn distance(distance: f64) -> f32 {
    distance.clamp(-1.0, 1.0) as f32 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(image_id: ImageId, distance: f32) -> Candidate {
        Candidate { image_id, distance, passes: true }
    }

    fn ids(settled: Settled) -> Option<Vec<ImageId>> {
        match settled {
            Settled::Hits(hits) => Some(hits.iter().map(|hit| hit.image_id).collect()),
            Settled::Ask(_) => None,
        }
    }

    #[test]
    fn the_index_is_asked_for_more_than_the_page_and_in_few_sizes() {
        let take = |needed, filtered| Plan::first(Form::Approximate(95), needed, 1, filtered).take;
        assert_eq!([take(1, false), take(16, false), take(62, false), take(63, false)], [64, 64, 64, 256]);
        assert_eq!(take(16, true), 256);
        assert_eq!(Plan::first(Form::Approximate(95), 100_000, 0, false).form, Form::Exact);
        assert_eq!(Form::of_accuracy(100), Form::Exact);
    }

    #[test]
    fn what_the_sort_of_the_index_leaves_open_is_settled_by_id() {
        let plan = Plan { form: Form::Approximate(95), take: 4 };
        let rows = vec![candidate(1, -0.9), candidate(2, -0.9), candidate(3, -0.8), candidate(4, -0.5)];
        assert_eq!(ids(plan.settle(rows.clone(), 3, &[], false)), Some(vec![2, 1, 3]));
        assert_eq!(ids(plan.settle(rows, 2, &[2], false)), Some(vec![1, 3]));
    }

    #[test]
    fn equals_at_the_edge_ask_for_more() {
        let plan = Plan { form: Form::Approximate(95), take: 2 };
        let rows = vec![candidate(1, -0.5), candidate(2, -0.5)];
        let Settled::Ask(next) = plan.settle(rows, 1, &[], false) else { panic!("the newest of equals is not known") };
        assert!(next.take > 2);
    }

    #[test]
    fn a_short_answer_of_the_index_is_never_the_last_word() {
        let plan = Plan { form: Form::Approximate(95), take: 64 };
        let Settled::Ask(next) = plan.settle(vec![candidate(1, -0.5)], 2, &[], false) else { panic!("short") };
        assert_eq!(next.form, Form::Exact);
        let exact = Plan { form: Form::Exact, take: 64 };
        assert_eq!(ids(exact.settle(vec![candidate(1, -0.5)], 2, &[], false)), Some(vec![1]));
    }

    #[test]
    fn a_filter_that_lets_too_few_through_asks_exactly() {
        let plan = Plan { form: Form::Approximate(95), take: 3 };
        let mut rows = vec![candidate(1, -0.9), candidate(2, -0.8), candidate(3, -0.7)];
        rows[0].passes = false;
        let Settled::Ask(next) = plan.settle(rows, 2, &[], true) else { panic!("one passes, two are needed") };
        assert_eq!(next.form, Form::Exact);
    }

    #[test]
    fn there_is_no_negative_zero() {
        assert!(distance(-0.0).is_sign_positive());
    }
}
