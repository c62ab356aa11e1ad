//! Both legs of a hybrid search in one statement, which takes one round trip and shows both legs the same rows.
//!
//! The statement returns the hits of both legs, those of the keyword leg with their distances. The code that also
//! serves the embedded store ranks and fuses them. Fusion in SQL would state a second time, in another language, how
//! ties are ordered and what a weight of zero means.

use std::collections::HashMap;

use super::MAX_OFFSET;
use super::expression::expression;
use super::filter::Condition;
use super::keyword::Step;
use super::vector::{self, Candidate, Form, Outcome, Plan, distance_sql, nearest_sql, passes, passing_sql};
use crate::fusion::fuse_hits;
use crate::oracle::connection::error::OracleError;
use crate::oracle::connection::session::Session;
use crate::oracle::connection::value::{Binds, Value};
use crate::oracle::rows::models::VectorTable;
use crate::{HybridSearch, ImageId, KeywordHit, RankedImage};

/// The rows of both legs.
#[derive(Debug, Default)]
struct Legs {
    vector_hits: Vec<Candidate>,
    keyword_hits: Vec<KeywordHit>,
    /// The distances of the keyword hits that have an embedding.
    distances: HashMap<ImageId, f32>,
}

/// Returns a page of the fused ranking.
pub(crate) fn search(
    session: &Session<'_>,
    table: &VectorTable,
    search: &HybridSearch<'_>,
    form: Form,
) -> Result<Vec<RankedImage>, OracleError> {
    let page = search.leg_page();
    let terms = search.keyword_leg(&page).map(|leg| expression(leg.terms)).transpose()?.flatten();
    let vector = search.vector_leg(&page).is_some();
    if search.depth == 0 || search.page.limit == 0 || search.page.offset > MAX_OFFSET || !(vector || terms.is_some()) {
        return Ok(Vec::new());
    }
    let filtered = !search.page.filter.is_empty();
    let mut plan = Plan::first(form, search.depth, search.exclude.len(), filtered);
    loop {
        let mut step = Step::first(search.depth);
        let words = |step| terms.as_deref().map(|terms| (terms, step));
        let mut legs = Statement { table, search, words: words(step), plan: vector.then_some(plan) }.run(session)?;
        let vector_hits = if vector {
            match plan.evaluate(std::mem::take(&mut legs.vector_hits), search.depth, search.exclude, filtered) {
                Outcome::Hits(mut hits) => {
                    hits.truncate(search.depth);
                    hits
                }
                Outcome::Widen(next) => {
                    plan = next;
                    continue;
                }
            }
        } else {
            Vec::new()
        };
        while let Some(next) = step.next(&mut legs.keyword_hits, search.depth) {
            step = next;
            legs = Statement { table, search, words: words(step), plan: None }.run(session)?;
        }
        return Ok(fuse_hits(search, &vector_hits, &legs.keyword_hits, |image_id| {
            Ok(legs.distances.get(&image_id).copied())
        })?);
    }
}

/// The statement of the legs that take part.
struct Statement<'a> {
    table: &'a VectorTable,
    search: &'a HybridSearch<'a>,
    /// The expression and the step of the keyword leg, if it takes part.
    words: Option<(&'a str, Step)>,
    /// The plan of the vector leg, if it takes part.
    plan: Option<Plan>,
}

impl Statement<'_> {
    fn run(&self, session: &Session<'_>) -> Result<Legs, OracleError> {
        let mut legs = Legs::default();
        let words = self.words.map_or(0, |(_, step)| step.most(self.search.depth));
        let most = self.plan.map_or(0, |plan| plan.take) + words;
        session.rows(&self.sql(), &self.binds(), most, |row| {
            let image_id = row.get(1)?;
            let distance = row.get::<_, Option<f64>>(2)?.map(vector::distance);
            match (row.get::<_, String>(0)?.as_str(), distance) {
                ("V", Some(distance)) => {
                    legs.vector_hits.push(Candidate { image_id, distance, passes: row.get::<_, i64>(4)? == 1 });
                }
                (_, distance) => {
                    legs.keyword_hits.push(KeywordHit { image_id, score: row.get(3)? });
                    legs.distances.extend(distance.map(|distance| (image_id, distance)));
                }
            }
            Ok(())
        })?;
        // UNION ALL guarantees no order; `Step::next` orders the keyword hits.
        Ok(legs)
    }

    fn sql(&self) -> String {
        let filter = Condition::new(&self.search.page.filter).sql;
        let (mut with, mut legs) = (Vec::new(), Vec::new());
        if let Some((_, step)) = self.words {
            let condition = Condition::new(&self.search.page.filter).excluding(self.search.exclude).sql;
            with.push(format!("words AS ({})", step.sql(&condition, self.search.depth)));
            legs.push(format!(
                "SELECT 'K' AS leg, w.image_id, {} AS distance, w.relevance, 1 AS passes \
                 FROM words w LEFT JOIN {} e ON e.image_id = w.image_id",
                distance_sql(self.table),
                self.table.name
            ));
        }
        if let Some(plan) = self.plan {
            let filtered = !filter.is_empty();
            if filtered && plan.form == Form::Exact {
                with.push(passing_sql(&filter));
            }
            with.push(format!("near AS ({})", nearest_sql(self.table, plan.form, filtered)));
            legs.push(match plan.form {
                Form::Approximate(_) if !filter.is_empty() => format!(
                    "SELECT 'V' AS leg, n.image_id, n.distance, 0 AS relevance, {} AS passes \
                     FROM near n JOIN images i ON i.image_id = n.image_id",
                    passes(&filter)
                ),
                _ => "SELECT 'V' AS leg, n.image_id, n.distance, 0 AS relevance, 1 AS passes FROM near n".to_owned(),
            });
        }
        format!("WITH {} {}", with.join(", "), legs.join(" UNION ALL "))
    }

    fn binds(&self) -> Binds<'_> {
        let mut binds = Binds::none();
        let mut condition = Condition::new(&self.search.page.filter);
        if let Some((terms, step)) = self.words {
            binds.push("terms", Value::Text(Some(step.expression(terms))));
            binds.push("best", Value::count(step.most(self.search.depth)));
            condition = condition.excluding(self.search.exclude);
        }
        if let Some(plan) = self.plan {
            binds.push("take", Value::count(plan.take));
        }
        binds.and(condition.binds).with_vector("query", self.search.query)
    }
}
