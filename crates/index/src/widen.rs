//! Which inverted lists a search scans, and when it has scanned enough.
//!
//! Lists are scanned from the one whose mean is most similar to the query. How far to go differs from
//! query to query: a text query lies in another part of the space than the pictures, its
//! neighbours are spread over many lists, and a rule tuned on picture queries stops far too early.
//! So each search measures its own spread. The similarities of a list's vectors scatter around that of
//! its mean; the scatter seen in the lists scanned so far predicts how many vectors of the remaining
//! lists are better than the `k`-th best found. When that expectation falls below the accepted
//! number of misses, the search ends.

use super::codes::dot;
use super::layout::{Layout, Lists};
use super::scan::Request;

/// A list that may be scanned.
#[derive(Debug, Clone, Copy)]
struct Prospect {
    list: usize,
    rows: usize,
    /// The similarity of the list's mean and the query.
    mean: f32,
    /// How widely the list's vectors lie around their mean, √(1 − ‖mean‖²).
    spread: f32,
}

/// The order of the lists for one search, and its statistics.
pub(super) struct Widening {
    prospects: Vec<Prospect>,
    /// How many of them have been handed out.
    scanned: usize,
    current: Prospect,
    /// Σ (similarity − mean)² over the vectors of the current list.
    current_squares: f32,
    /// Σ ((similarity − mean) / spread)² over the vectors of the lists before it, and their number.
    squares: f64,
    seen: f64,
    accepted_misses: f64,
    /// Ask whether it is enough when this many lists are scanned.
    check_at: usize,
}

/// Fewer lists than these say too little about the scatter.
const FIRST_CHECK: usize = 4;

/// The nearest lists are the most alike and scatter least, so this share of all lists (one in …) is scanned
/// before any conclusion. It costs little, and lifted recall for picture queries the most.
const FIRST_SHARE: usize = 32;

/// After that, whether it is enough is asked each time this share more (one in …) has been scanned.
const CHECK_SHARE: usize = 32;

/// Lists whose vectors are all but equal have no spread to divide by.
const LEAST_SPREAD: f32 = 1e-3;

impl Widening {
    pub(super) fn new(layout: &Layout, lists: &Lists, request: &Request<'_>) -> Self {
        let scales = lists.directions.scales().iter().zip(&lists.lengths);
        let mut prospects: Vec<_> = scales
            .zip(&layout.cells)
            .enumerate()
            .map(|(list, ((&scale, &length), cell))| {
                let steps = dot(&request.query.codes, lists.directions.row(list));
                let mean = request.query.scale * scale * length * steps;
                let spread = (1.0 - length * length).max(0.0).sqrt().max(LEAST_SPREAD);
                Prospect { list, rows: cell.len(), mean, spread }
            })
            .collect();
        prospects.sort_unstable_by(|a, b| b.mean.total_cmp(&a.mean).then(a.list.cmp(&b.list)));
        let check_at = FIRST_CHECK.max(prospects.len() / FIRST_SHARE);
        Self {
            prospects,
            scanned: 0,
            current: Prospect { list: 0, rows: 0, mean: 0.0, spread: 1.0 },
            current_squares: 0.0,
            squares: 0.0,
            seen: 0.0,
            accepted_misses: f64::from(request.miss_target) * request.k as f64,
            check_at,
        }
    }

    /// The next list to scan, `None` when no more is to be expected from the rest. `kth` is the
    /// `k`-th best similarity so far.
    pub(super) fn next_list(&mut self, kth: Option<f32>) -> Option<usize> {
        let spread = f64::from(self.current.spread);
        self.squares += f64::from(self.current_squares) / (spread * spread);
        self.seen += self.current.rows as f64;
        self.current_squares = 0.0;
        if self.scanned >= self.check_at {
            self.check_at += (self.scanned / CHECK_SHARE).max(1);
            if kth.is_some_and(|kth| self.is_enough(kth)) {
                return None;
            }
        }
        self.current = *self.prospects.get(self.scanned)?;
        self.scanned += 1;
        Some(self.current.list)
    }

    /// Takes note of the similarity of a vector in the current list.
    pub(super) fn observe(&mut self, similarity: f32) {
        let deviation = similarity - self.current.mean;
        self.current_squares += deviation * deviation;
    }

    /// Whether, by what was seen, the remaining lists hold no more vectors that are more similar than
    /// `kth` than may be missed.
    fn is_enough(&self, kth: f32) -> bool {
        let deviation = (self.squares / self.seen.max(1.0)).sqrt().max(1e-6);
        let mut misses = 0.0;
        // The likeliest lists come first, so when it is not enough, the first few terms mostly show it.
        self.prospects.get(self.scanned..).unwrap_or_default().iter().all(|p| {
            misses += p.rows as f64 * gaussian_tail(f64::from((kth - p.mean) / p.spread) / deviation);
            misses <= self.accepted_misses
        })
    }
}

/// The probability that a standard Gaussian variable is above `z`.
///
/// Method: Birnbaum's bound on Mills' ratio with 8/π for 4, 2 φ(z) / (z + √(z² + 8/π)): exact at 0, up to 6 %
/// too large elsewhere.
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
    fn tail_matches_the_table() {
        for (z, p) in [(-1.0, 0.8413), (0.0, 0.5), (1.0, 0.1587), (2.0, 0.02275), (4.0, 3.167e-5)] {
            assert!((gaussian_tail(z) / p - 1.0).abs() < 0.07, "{z}");
        }
    }
}
