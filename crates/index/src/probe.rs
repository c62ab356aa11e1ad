//! Probing: the order in which a search scans the inverted lists, and the rule that ends it.
//!
//! A search scans the lists by descending similarity of their means to the query. The number of lists that it needs
//! differs from query to query: a text query lies in another part of the space than the pictures, its neighbours are
//! spread over many lists, and a rule that suits picture queries stops far too early. Each search therefore measures
//! its own spread. The similarities of a list's vectors scatter around the similarity of its mean. The scatter in the
//! lists scanned so far predicts how many vectors of the remaining lists are better than the `k`-th best found, as if
//! they scattered like a Gaussian. Where the farther of the scanned lists held fewer or more such vectors than predicted,
//! so will the remaining ones. When the expectation falls below the accepted number of misses, the search ends.

use crate::allowed_rows::AllowedRows;
use crate::codes::dot;
use crate::layout::{Layout, Lists};
use crate::request::Request;

/// The expectation of one list before it is scanned.
#[derive(Debug, Clone, Copy)]
struct Expectation {
    list: usize,
    /// The number of vectors that may be found.
    rows: f64,
    /// The similarity of the list's mean and the query.
    mean: f32,
    /// The spread of the list's vectors around their mean, √(1 − ‖mean‖²).
    spread: f32,
}

/// The order of the lists for one search, and its statistics.
pub(crate) struct Probing {
    /// All lists, in the order of scanning.
    order: Vec<Expectation>,
    /// The place of each list in the order.
    places: Vec<usize>,
    /// The number of lists handed out so far.
    scanned: usize,
    /// Σ ((similarity − mean) / spread)² over the vectors scanned so far.
    squares: f64,
    /// The number of vectors scanned so far.
    seen: f64,
    accepted_misses: f64,
    /// The number of scanned lists at which the rule is applied next.
    check_at: usize,
}

/// The number of lists scanned before the rule is applied. Fewer lists say too little about the scatter.
const FIRST_CHECK: usize = 4;

/// The share of all lists (one in this many) scanned before the rule is applied. The nearest lists are the most alike
/// and scatter least, so they mislead the rule: half of what picture queries would otherwise miss lies in these lists.
/// Scanning them takes a fraction of the time of the slowest searches.
const FIRST_SHARE: usize = 6;

/// The share of the scanned lists (one in this many) scanned between two applications of the rule.
const CHECK_SHARE: usize = 32;

/// The number of vectors that counts as both expected and found before any is, so that a few expected ones that are not
/// found say little.
const PRIOR: f64 = 2.0;

/// The smallest spread, for lists whose vectors are almost equal: the rule divides by it.
const MIN_SPREAD: f32 = 1e-3;

impl Probing {
    /// Puts the lists of `layout` in order for `request`, of which only `rows` may be found.
    pub(crate) fn new(layout: &Layout, lists: &Lists, request: &Request<'_>, rows: Option<&AllowedRows>) -> Self {
        let share = request.only.map_or(1.0, |only| only.len() as f64 / layout.rows.max(1) as f64).min(1.0);
        let scales = lists.directions.scales().iter().zip(&lists.lengths);
        let mut order: Vec<_> = scales
            .zip(&layout.cells)
            .enumerate()
            .map(|(list, ((&scale, &length), cell))| {
                let steps = dot(&request.query.codes, lists.directions.row(list));
                let mean = request.query.scale * scale * length * steps;
                let spread = (1.0 - length * length).max(0.0).sqrt().max(MIN_SPREAD);
                let rows = rows.map_or(cell.len() as f64 * share, |rows| rows.of_cell(list).len() as f64);
                Expectation { list, rows, mean, spread }
            })
            .filter(|expectation| expectation.rows > 0.0)
            .collect();
        order.sort_unstable_by(|a, b| b.mean.total_cmp(&a.mean).then(a.list.cmp(&b.list)));
        let mut places = vec![usize::MAX; layout.cells.len()];
        for (place, expectation) in order.iter().enumerate() {
            if let Some(of_list) = places.get_mut(expectation.list) {
                *of_list = place;
            }
        }
        let check_at = FIRST_CHECK.max(order.len() / FIRST_SHARE);
        let accepted_misses = f64::from(request.miss_target) * request.k as f64;
        Self { order, places, scanned: 0, squares: 0.0, seen: 0.0, accepted_misses, check_at }
    }

    /// Returns the number of the next list to scan, and the similarity of its mean; `None` when the search has seen
    /// enough. `kth` is the `k`-th best similarity so far, and `best_lists` returns the lists of the `k` best vectors.
    pub(crate) fn next_list<I: Iterator<Item = u32>>(
        &mut self,
        kth: Option<f32>,
        best_lists: impl FnOnce() -> I,
    ) -> Option<(usize, f32)> {
        if self.scanned >= self.check_at {
            self.check_at += (self.scanned / CHECK_SHARE).max(1);
            if kth.is_some_and(|kth| self.is_enough(kth, best_lists())) {
                return None;
            }
        }
        let next = self.order.get(self.scanned)?;
        self.scanned += 1;
        Some((next.list, next.mean))
    }

    /// Adds the vectors of the current list to the statistics: the sum of (similarity − mean)², and their number.
    pub(crate) fn observe(&mut self, squares: f32, rows: usize) {
        if let Some(current) = self.scanned.checked_sub(1).and_then(|at| self.order.get(at)) {
            self.squares += f64::from(squares) / f64::from(current.spread).powi(2);
            self.seen += rows as f64;
        }
    }

    /// Estimates whether the remaining lists hold at most the accepted number of vectors that are more similar than
    /// `kth`.
    fn is_enough(&self, kth: f32, best_lists: impl Iterator<Item = u32>) -> bool {
        let deviation = (self.squares / self.seen.max(1.0)).max(1e-12).sqrt();
        let expected = |p: &Expectation| p.rows * gaussian_tail(f64::from((kth - p.mean) / p.spread) / deviation);
        // The farther half of the scanned lists shows how many of the expected vectors there really are.
        let far = self.order.get(self.scanned / 2..self.scanned).unwrap_or_default();
        let predicted: f64 = far.iter().map(expected).sum();
        let is_far = |list: &u32| self.places.get(*list as usize).is_some_and(|place| *place >= self.scanned / 2);
        let found = best_lists.filter(is_far).count() as f64;
        let accepted = self.accepted_misses * (predicted + PRIOR) / (found + PRIOR);
        let mut misses = 0.0;
        // The lists with the greatest expectation come first, so the first few mostly decide when the answer is no.
        self.order.get(self.scanned..).unwrap_or_default().iter().all(|p| {
            misses += expected(p);
            misses <= accepted
        })
    }
}

/// Returns the probability that a standard Gaussian variable is above `z`.
///
/// Method: Birnbaum's bound on Mills' ratio with 8/π for 4, 2 φ(z) / (z + √(z² + 8/π)): exact at 0, and at most
/// 6 % too large elsewhere.
fn gaussian_tail(z: f64) -> f64 {
    if z < 0.0 {
        return 1.0 - gaussian_tail(-z);
    }
    let density = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
    2.0 * density / (z + (z * z + 8.0 / std::f64::consts::PI).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_matches_a_table_of_the_gaussian() {
        for (z, p) in [(-1.0, 0.8413), (0.0, 0.5), (1.0, 0.1587), (2.0, 0.02275), (4.0, 3.167e-5)] {
            assert!((gaussian_tail(z) / p - 1.0).abs() < 0.07, "{z}");
        }
    }
}
