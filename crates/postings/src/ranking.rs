//! The matches of a search and their scores.
//!
//! Method: BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009) as SQLite's FTS5
//! computes it. The score of a document is the sum, over the phrases of the condition that take part in the match, of
//! IDF · f · (k1 + 1) / (f + k1 · (1 − b + b · D / avgD)), where f is the sum of the weights of the columns in which the
//! phrase occurs, D the number of tokens of the document, and IDF = ln((N − n + 0.5) / (n + 0.5)), or 10⁻⁶ if that is not
//! positive, with N documents of which n hold the phrase.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::Expr;
use crate::documents::Documents;
use crate::list::{List, MAX_COLUMNS, column};
use crate::phrase::{each_document, gallop};

const K1: f64 = 1.2;
const B: f64 = 0.75;

/// The IDF of a phrase that half of all documents hold, or more.
const MIN_IDF: f64 = 1e-6;

/// The best matches of a search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ranked {
    /// The ids and scores: greatest score first, ties by descending id.
    pub hits: Vec<(i64, f64)>,
    /// The number of all documents that match and are allowed.
    pub total: u64,
}

/// The lists of a search, by token and by whether the token is a prefix.
pub(crate) type ListsOf<'a> = HashMap<(&'a str, bool), Arc<List>>;

/// A matching document, by number, and its score.
type Match = (u32, f64);

/// One search.
pub(crate) struct Ranking<'a> {
    pub(crate) documents: &'a Documents,
    pub(crate) lists: &'a ListsOf<'a>,
    /// The weights of the columns.
    pub(crate) weights: &'a [f64; MAX_COLUMNS],
    /// The test of the ids that may be found; `None` for all.
    pub(crate) allow: Option<&'a dyn Fn(i64) -> bool>,
    /// The matches of phrases, which may occur many times in a condition.
    known: HashMap<(&'a [String], bool), Rc<Vec<Match>>>,
}

impl<'a> Ranking<'a> {
    pub(crate) fn new(
        documents: &'a Documents,
        lists: &'a ListsOf<'a>,
        weights: &'a [f64; MAX_COLUMNS],
        allow: Option<&'a dyn Fn(i64) -> bool>,
    ) -> Self {
        Self { documents, lists, weights, allow, known: HashMap::new() }
    }

    /// Returns the best `most` matches.
    pub(crate) fn ranked(&mut self, query: &'a Expr, most: usize) -> Ranked {
        let matches = self.matches(query);
        let mut hits: Vec<(i64, f64)> =
            matches.iter().filter_map(|(number, score)| Some((self.documents.id(*number)?, *score))).collect();
        let total = hits.len() as u64;
        let better = |a: &(i64, f64), b: &(i64, f64)| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0));
        if most < hits.len() {
            hits.select_nth_unstable_by(most, better);
            hits.truncate(most);
        }
        hits.sort_unstable_by(better);
        Ranked { hits, total }
    }

    /// Returns the documents that match and are allowed, by ascending number.
    pub(crate) fn matches(&mut self, query: &'a Expr) -> Rc<Vec<Match>> {
        match query {
            Expr::Phrase { tokens, last_is_prefix } => {
                if let Some(known) = self.known.get(&(tokens.as_slice(), *last_is_prefix)) {
                    return Rc::clone(known);
                }
                let matches = Rc::new(self.of_phrase(tokens, *last_is_prefix));
                self.known.insert((tokens, *last_is_prefix), Rc::clone(&matches));
                matches
            }
            Expr::Without(inner, token) => {
                let matches = self.matches(inner);
                let without = self.lists.get(&(token.as_str(), false));
                without.map_or_else(|| Rc::clone(&matches), |list| Rc::new(difference(&matches, list.numbers())))
            }
            Expr::Any(parts) => {
                let mut parts = parts.iter().map(|part| self.matches(part)).collect::<Vec<_>>().into_iter();
                let first = parts.next().unwrap_or_default();
                parts.fold(first, |all, part| Rc::new(union(&all, &part)))
            }
            Expr::All(parts) => {
                let mut parts: Vec<_> = parts.iter().map(|part| self.matches(part)).collect();
                parts.sort_by_key(|part| part.len());
                let mut parts = parts.into_iter();
                let first = parts.next().unwrap_or_default();
                parts.fold(first, |all, part| Rc::new(intersection(&all, &part)))
            }
        }
    }

    fn of_phrase(&self, tokens: &'a [String], last_is_prefix: bool) -> Vec<Match> {
        let last = tokens.len().saturating_sub(1);
        let lists = tokens.iter().enumerate().map(|(at, token)| {
            self.lists.get(&(token.as_str(), last_is_prefix && at == last)).cloned().unwrap_or_default()
        });
        let lists: Vec<_> = lists.collect();
        let (mut holding, mut matches) = (0_usize, Vec::new());
        each_document(&lists, |number, places| {
            let Some(id) = self.documents.id(number) else { return };
            holding += 1;
            if self.allow.is_none_or(|allow| allow(id)) {
                let weight = |place: &u32| self.weights.get(column(*place)).copied().unwrap_or_default();
                matches.push((number, places.iter().map(weight).sum()));
            }
        });
        let others = self.documents.len().saturating_sub(holding) as f64;
        let idf = ((others + 0.5) / (holding as f64 + 0.5)).ln();
        let idf = if idf > 0.0 { idf } else { MIN_IDF };
        let mean = self.documents.mean_length();
        for (number, score) in &mut matches {
            let (f, length) = (*score, f64::from(self.documents.length(*number)));
            *score = idf * (f * (K1 + 1.0) / (f + K1 * (1.0 - B + B * length / mean)));
        }
        matches
    }
}

/// Returns the matches of both, with the sums of their scores.
fn intersection(small: &[Match], large: &[Match]) -> Vec<Match> {
    let mut both = Vec::new();
    let mut rest = large;
    for (number, score) in small {
        rest = rest.get(gallop(rest, |(other, _)| other < number)..).unwrap_or_default();
        match rest.first() {
            Some((other, more)) if other == number => both.push((*number, score + more)),
            Some(_) => {}
            None => break,
        }
    }
    both
}

/// Returns the matches of either, with the sums of their scores.
fn union(left: &[Match], right: &[Match]) -> Vec<Match> {
    let mut all = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    loop {
        all.push(match (left.peek(), right.peek()) {
            (Some((a, score)), Some((b, more))) if a == b => {
                let both = (*a, score + more);
                left.next();
                right.next();
                both
            }
            (Some((a, score)), other) if other.is_none_or(|(b, _)| a < b) => {
                let one = (*a, *score);
                left.next();
                one
            }
            (_, Some(&&one)) => {
                right.next();
                one
            }
            (_, None) => return all,
        });
    }
}

/// Returns the matches whose numbers are not in a sorted list.
fn difference(matches: &[Match], without: &[u32]) -> Vec<Match> {
    let mut rest = without;
    let mut kept = matches.to_vec();
    kept.retain(|(number, _)| {
        rest = rest.get(gallop(rest, |other| other < number)..).unwrap_or_default();
        rest.first() != Some(number)
    });
    kept
}
