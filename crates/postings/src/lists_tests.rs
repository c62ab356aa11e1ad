use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;

const WEIGHTS: [f64; 3] = [4.0, 2.0, 1.0];

/// The columns of a document, each a text of one letter tokens and of pairs of letters.
type Columns = Vec<Vec<String>>;

/// A source that is changed before the lists learn of it, as a database is.
#[derive(Debug, Clone, Default)]
struct Table(Rc<RefCell<BTreeMap<i64, Columns>>>);

impl Source for Table {
    type Error = Infallible;

    fn documents(&mut self, each: &mut dyn FnMut(i64, u32)) -> Result<(), Infallible> {
        self.0.borrow().iter().for_each(|(id, columns)| each(*id, columns.iter().map(Vec::len).sum::<usize>() as u32));
        Ok(())
    }

    fn occurrences(
        &mut self,
        token: &str,
        is_prefix: bool,
        each: &mut dyn FnMut(i64, u8, u32),
    ) -> Result<(), Infallible> {
        for (id, columns) in self.0.borrow().iter() {
            for Occurrence { token: found, column, offset } in occurrences(columns) {
                if found == token || is_prefix && found.starts_with(token) {
                    each(*id, column, offset);
                }
            }
        }
        Ok(())
    }
}

fn occurrences(columns: &Columns) -> impl Iterator<Item = Occurrence<'_>> {
    (0..)
        .zip(columns)
        .flat_map(|(column, tokens)| (0..).zip(tokens).map(move |(offset, token)| Occurrence { token, column, offset }))
}

/// Returns the sum of the weights of the columns in which a phrase occurs.
fn frequency(columns: &Columns, tokens: &[String], last_is_prefix: bool) -> f64 {
    let runs = |column: &Vec<String>| {
        column
            .windows(tokens.len().max(1))
            .filter(|run| {
                run.iter().zip(tokens).enumerate().all(|(at, (found, token))| {
                    found == token || last_is_prefix && at + 1 == tokens.len() && found.starts_with(token)
                })
            })
            .count()
    };
    columns.iter().zip(WEIGHTS).map(|(column, weight)| weight * runs(column) as f64).sum()
}

/// Returns the score of a document by the definition; `None` when it does not match.
fn score(table: &BTreeMap<i64, Columns>, columns: &Columns, query: &Expr) -> Option<f64> {
    match query {
        Expr::Phrase { tokens, last_is_prefix } => {
            let f = frequency(columns, tokens, *last_is_prefix);
            let all = table.len() as f64;
            let holding =
                table.values().filter(|columns| frequency(columns, tokens, *last_is_prefix) > 0.0).count() as f64;
            let idf = ((all - holding + 0.5) / (holding + 0.5)).ln();
            let idf = if idf > 0.0 { idf } else { 1e-6 };
            let length = |columns: &Columns| columns.iter().map(Vec::len).sum::<usize>() as f64;
            let mean = table.values().map(length).sum::<f64>() / all;
            (f > 0.0).then(|| idf * (f * 2.2) / (f + 1.2 * (0.25 + 0.75 * length(columns) / mean)))
        }
        Expr::Without(inner, token) => {
            score(table, columns, inner).filter(|_| !columns.iter().flatten().any(|found| found == token))
        }
        Expr::Any(parts) => parts.iter().filter_map(|part| score(table, columns, part)).reduce(|a, b| a + b),
        Expr::All(parts) if parts.is_empty() => None,
        Expr::All(parts) => parts.iter().map(|part| score(table, columns, part)).sum(),
    }
}

/// A change of the table, with the searches that come before the lists learn of it and after.
#[derive(Debug, Clone)]
struct Step {
    id: i64,
    columns: Option<Columns>,
    before: Option<Expr>,
    after: Option<Expr>,
    clear: bool,
}

fn token() -> impl Strategy<Value = String> {
    "[abc][abc]?"
}

fn expr() -> impl Strategy<Value = Expr> {
    let phrase = (proptest::collection::vec(token(), 1..4), any::<bool>())
        .prop_map(|(tokens, last_is_prefix)| Expr::Phrase { tokens, last_is_prefix });
    phrase.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            (inner.clone(), token()).prop_map(|(inner, token)| Expr::Without(Box::new(inner), token)),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Expr::Any),
            proptest::collection::vec(inner, 0..4).prop_map(Expr::All),
        ]
    })
}

fn step() -> impl Strategy<Value = Step> {
    let columns = proptest::collection::vec(proptest::collection::vec(token(), 0..6), 3);
    let (before, after) = (proptest::option::of(expr()), proptest::option::of(expr()));
    (0..8_i64, proptest::option::weighted(0.8, columns), before, after, proptest::bool::weighted(0.05))
        .prop_map(|(id, columns, before, after, clear)| Step { id, columns, before, after, clear })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The lists are read at any moment: also between a change of the table and the moment when they learn of it.
    #[test]
    fn lists_agree_with_a_search_of_all_documents(
        steps in proptest::collection::vec(step(), 1..30),
        allowed in proptest::option::of(proptest::collection::btree_set(0..8_i64, 0..8)),
        most in 0..9_usize,
        max_bytes in prop_oneof![Just(0), Just(2_000), Just(usize::MAX)],
    ) {
        let table = Table::default();
        let lists = Lists::new(table.clone(), &WEIGHTS, max_bytes);
        for Step { id, columns, before, after, clear } in steps {
            match &columns {
                Some(columns) => _ = table.0.borrow_mut().insert(id, columns.clone()),
                None => _ = table.0.borrow_mut().remove(&id),
            }
            if let Some(query) = before {
                lists.search(&query, None, most).unwrap();
            }
            match &columns {
                Some(columns) => lists.put(id, occurrences(columns)),
                None => lists.remove(id),
            }
            if clear {
                lists.clear();
            }
            let Some(query) = after else { continue };
            let table = table.0.borrow();
            let may = |id: i64| allowed.as_ref().is_none_or(|allowed: &BTreeSet<i64>| allowed.contains(&id));
            let mut expected: Vec<(i64, f64)> = table
                .iter()
                .filter(|(id, _)| may(**id))
                .filter_map(|(id, columns)| Some((*id, score(&table, columns, &query)?)))
                .collect();
            let found = lists.search(&query, Some(&may), usize::MAX).unwrap();
            prop_assert_eq!(found.total as usize, expected.len());
            let sorted = found.hits.is_sorted_by(|a, b| a.1 > b.1 || (a.1 == b.1 && a.0 > b.0));
            prop_assert!(sorted, "{:?}", found);
            let mut by_id = found.hits.clone();
            by_id.sort_by_key(|(id, _)| *id);
            expected.sort_by_key(|(id, _)| *id);
            for ((id, score), (expected_id, expected_score)) in by_id.iter().zip(&expected) {
                prop_assert_eq!(id, expected_id);
                prop_assert!((score - expected_score).abs() <= 1e-9 * expected_score.abs(), "{score} {expected_score}");
            }
            let page = lists.search(&query, Some(&may), most).unwrap();
            prop_assert_eq!(page.total, found.total);
            prop_assert_eq!(&page.hits[..], &found.hits[..most.min(found.hits.len())]);
            let mut matching = BTreeSet::new();
            lists.each_match(&query, &mut |id| _ = matching.insert(id)).unwrap();
            let all = table.iter().filter(|(_, columns)| score(&table, columns, &query).is_some());
            prop_assert_eq!(matching, all.map(|(id, _)| *id).collect::<BTreeSet<_>>());
        }
    }
}

#[test]
fn lists_beyond_the_bound_are_dropped_and_read_again() {
    let table = Table::default();
    for id in 1..=100 {
        table.0.borrow_mut().insert(id, vec![vec!["a".into(), format!("b{id}")]]);
    }
    let lists = Lists::new(table, &WEIGHTS, 4_000);
    let phrase = |token: &str| Expr::Phrase { tokens: vec![token.into()], last_is_prefix: false };
    let common = lists.search(&phrase("a"), None, 3).unwrap();
    for id in 1..=100 {
        assert_eq!(lists.search(&phrase(&format!("b{id}")), None, 3).unwrap().hits.len(), 1);
        assert!(lists.bytes() <= 4_000);
    }
    assert_eq!(lists.search(&phrase("a"), None, 3).unwrap(), common);
    assert_eq!(common.total, 100);
}

#[test]
fn many_changes_make_the_lists_be_read_anew() {
    let table = Table::default();
    let lists = Lists::new(table.clone(), &WEIGHTS, usize::MAX);
    let query = Expr::Phrase { tokens: vec!["a".into()], last_is_prefix: false };
    for n in 0..5_000_i64 {
        let columns = vec![vec![if n % 2 == 0 { "a" } else { "b" }.to_owned()]];
        table.0.borrow_mut().insert(n % 3, columns.clone());
        lists.put(n % 3, occurrences(&columns));
        if n % 500 == 0 {
            lists.search(&query, None, 1).unwrap();
        }
        assert!(lists.bytes() < 100_000);
    }
    // The last changes are those of 4,997 to 4,999.
    assert_eq!(lists.search(&query, None, 9).unwrap().total, 1);
}
