//! Finding the nearest images.
//!
//! Every search is a query of one embedding table in the order of the distance alone, with its filter on that table's
//! own columns. Ties by id and excluded images are left to this module, which asks for some rows more than the page
//! needs. The vector index may find too few: it aims at an accuracy, and a filter after the index drops rows. When the
//! rows do not determine the page, the exact form answers.

use super::MAX_OFFSET;
use super::filter::Condition;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::{Binds, Value, to_vector};
use crate::oracle::rows::models::VectorTable;
use crate::oracle::rows::tags;
use crate::{ImageId, VectorHit, VectorSearch};
use mitsuke_index::UnitVector;

/// The smallest number of rows to ask for. The sizes are few, so that the pages of one query mostly come from one
/// ranking, which an approximate index does not guarantee otherwise.
const MIN_ROWS: usize = 64;

/// The factor by which the number of rows grows when they did not determine the page.
const GROWTH: usize = 4;

/// The largest number of rows of the approximate form: one of the sizes, and enough for every page down to
/// [`MAX_PAGE_DEPTH`](crate::MAX_PAGE_DEPTH).
const MAX_APPROXIMATE_ROWS: usize = 16_384;

/// The factor by which a filtered search through the index asks for more rows. A plan that filters after the index drops
/// rows from those that the index finds; with this factor, the rest fills the page when every fourth row passes.
const FILTER_ROOM: usize = 4;

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
        let room = if filtered { FILTER_ROOM } else { 1 };
        let wanted = if approximate { wanted.saturating_mul(room).min(MAX_APPROXIMATE_ROWS) } else { wanted };
        Self { form: if approximate { form } else { Form::Exact }, take: round_up(wanted) }
    }

    /// Returns the hits, if the candidates that this plan brought determine them.
    pub(crate) fn evaluate(self, candidates: Vec<Candidate>, needed: usize, exclude: &[ImageId]) -> Outcome {
        let found = candidates.len();
        let cut_off = found >= self.take;
        // There may be more images at the distance of the last candidate.
        let edge = if cut_off { candidates.iter().map(|c| c.distance).reduce(f32::max) } else { None };
        let mut hits: Vec<VectorHit> = candidates
            .into_iter()
            .filter(|c| !exclude.contains(&c.image_id) && edge.is_none_or(|edge| c.distance < edge))
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
            Form::Approximate(_) if cut_off && wider <= MAX_APPROXIMATE_ROWS => Self { take: wider, ..self },
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
    let mut condition = Condition::on_embeddings(&search.page.filter)?;
    let mut form = form;
    // Few images of many have a rare tag or LoRA, and the vector index would be walked for them in vain. The key of the table
    // finds all of them, so that comparing them is both exact and quick.
    if let Some(rare) = tags::rare(session, &search.page.filter)? {
        condition = condition.with_one_of(&rare);
        form = Form::Exact;
    }
    let mut plan = Plan::first(form, needed, search.exclude.len(), filtered);
    loop {
        let candidates = candidates(session, table, search, plan, &condition)?;
        match plan.evaluate(candidates, needed, search.exclude) {
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
    condition: &Condition<'_>,
) -> Result<Vec<Candidate>, OracleError> {
    let sql = nearest_sql(table, plan.form, &condition.where_clause());
    session.rows(&sql, &condition.binds.clone().and(query_binds(search.query, plan.take)), plan.take, |row| {
        Ok(Candidate { image_id: row.get(0)?, distance: distance(row.get(1)?) })
    })
}

/// The hints of an unfiltered search through the index. Without a filter the index is always the right plan, and an
/// optimizer with old statistics may think otherwise. The first hint is for an in-memory graph, the second for neighbor
/// partitions; where it does not apply, it changes nothing. A filtered search has no hint, because the second one forces
/// the use of the vector index, and a narrow filter is better read from the ordinary index of its column (AI Vector
/// Search User's Guide, "Vector Index Hints").
const INDEX_HINTS: &str = "/*+ VECTOR_INDEX_SCAN(e) VECTOR_INDEX_TRANSFORM(e) */ ";

/// Returns the statement that selects the nearest rows of a model's table, among those of a WHERE.
fn nearest_sql(table: &VectorTable, form: Form, filter: &str) -> String {
    let (name, distance) = (&table.name, distance_sql(table));
    let (hints, fetch, accuracy) = match form {
        Form::Approximate(accuracy) => {
            let hints = if filter.is_empty() { INDEX_HINTS } else { "" };
            (hints, "APPROX", format!(" WITH TARGET ACCURACY {accuracy}"))
        }
        Form::Exact => ("", "EXACT", String::new()),
    };
    format!(
        "SELECT {hints}e.image_id, {distance} AS distance FROM {name} e{filter} ORDER BY distance \
         FETCH {fetch} FIRST :take ROWS ONLY{accuracy}"
    )
}

/// Returns the distance of a row `e` to the query: the negated inner product, by which the index is made.
pub(crate) fn distance_sql(table: &VectorTable) -> String {
    format!("VECTOR_DISTANCE(e.embedding, {}, DOT)", to_vector("query", table.dimension))
}

/// Returns the values of [`nearest_sql`] besides those of the filter.
fn query_binds(query: &UnitVector, take: usize) -> Binds<'static> {
    Binds::none().with("take", Value::count(take)).with_vector("query", query)
}

/// Returns a distance without a negative zero, and within ±1 despite rounding.
pub(crate) fn distance(distance: f64) -> f32 {
    distance.clamp(-1.0, 1.0) as f32 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_PAGE_DEPTH;

    fn candidate(image_id: ImageId, distance: f32) -> Candidate {
        Candidate { image_id, distance }
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
        // One hit more than the deepest page shows that the page is the last one.
        let deepest = Plan::first(Form::Approximate(95), MAX_PAGE_DEPTH + 1, 16, true);
        assert_eq!((deepest.form, deepest.take), (Form::Approximate(95), 16_384));
        assert_eq!(Plan::first(Form::Approximate(95), 100_000, 0, false).form, Form::Exact);
        assert_eq!(Form::for_accuracy(100), Form::Exact);
    }

    #[test]
    fn what_the_sort_of_the_index_leaves_open_is_settled_by_id() {
        let plan = Plan { form: Form::Approximate(95), take: 4 };
        let rows = vec![candidate(1, -0.9), candidate(2, -0.9), candidate(3, -0.8), candidate(4, -0.5)];
        assert_eq!(ids(plan.evaluate(rows.clone(), 3, &[])), Some(vec![2, 1, 3]));
        assert_eq!(ids(plan.evaluate(rows, 2, &[2])), Some(vec![1, 3]));
    }

    #[test]
    fn equals_at_the_edge_ask_for_more() {
        let plan = Plan { form: Form::Approximate(95), take: 2 };
        let rows = vec![candidate(1, -0.5), candidate(2, -0.5)];
        let Outcome::Widen(next) = plan.evaluate(rows, 1, &[]) else { panic!("the newest of equals is not known") };
        assert!(next.take > 2);
    }

    #[test]
    fn a_short_answer_of_the_index_is_never_the_last_word() {
        let plan = Plan { form: Form::Approximate(95), take: 64 };
        let Outcome::Widen(next) = plan.evaluate(vec![candidate(1, -0.5)], 2, &[]) else { panic!("short") };
        assert_eq!(next.form, Form::Exact);
        let exact = Plan { form: Form::Exact, take: 64 };
        assert_eq!(ids(exact.evaluate(vec![candidate(1, -0.5)], 2, &[])), Some(vec![1]));
    }

    #[test]
    fn the_index_is_named_by_hints_only_where_no_filter_may_have_a_better_one() {
        let table = VectorTable::new(7, 3);
        let sql = |form, filter| nearest_sql(&table, form, filter);
        let unfiltered = sql(Form::Approximate(95), "");
        assert!(unfiltered.starts_with("SELECT /*+ VECTOR_INDEX_SCAN(e) VECTOR_INDEX_TRANSFORM(e) */ e.image_id, "));
        assert!(unfiltered.ends_with("ORDER BY distance FETCH APPROX FIRST :take ROWS ONLY WITH TARGET ACCURACY 95"));
        let filtered = sql(Form::Approximate(95), " WHERE e.width >= :min_width");
        assert!(
            filtered.contains(" FROM image_embeddings_7 e WHERE e.width >= :min_width ORDER BY distance FETCH APPROX")
        );
        assert!(!filtered.contains("/*+"));
        assert!(
            sql(Form::Exact, "")
                .ends_with("FROM image_embeddings_7 e ORDER BY distance FETCH EXACT FIRST :take ROWS ONLY")
        );
    }

    #[test]
    fn there_is_no_negative_zero() {
        assert!(distance(-0.0).is_sign_positive());
    }
}
