//! The first stage of a search: int8 codes are scanned for every vector that could be among the
//! `k` nearest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::codes::{Cell, Code, Margin, dot};
use super::layout::{Layout, Location};
use super::widen::Widening;

/// A vector that could be among the nearest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) id: i64,
    /// The inner product of the codes.
    pub(super) estimate: f32,
    /// The step of its code.
    pub(super) scale: f32,
    pub(super) location: Location,
}

/// What to look for.
pub(super) struct Request<'a> {
    /// The code of the rotated query.
    pub(super) query: &'a Code,
    pub(super) margin: Margin,
    /// How many are wanted, at least 1.
    pub(super) k: usize,
    /// Which ids count.
    pub(super) allow: &'a dyn Fn(i64) -> bool,
    /// The fraction of the `k` nearest that may be missed; 0 scans everything.
    pub(super) miss_target: f32,
}

/// All vectors that could be among the `k` nearest, most promising first; of equals, the greater id first.
pub(super) fn candidates(layout: &Layout, request: &Request<'_>) -> Vec<Candidate> {
    let mut kept = Kept::new(request, layout.largest_scale);
    match &layout.lists {
        Some(lists) if request.miss_target > 0.0 => {
            let mut widening = Widening::new(layout, lists, request);
            while let Some(list) = widening.next_list(kept.kth_estimate()) {
                if let Some(cell) = layout.cells.get(list) {
                    kept.scan(list, cell, |estimate| widening.observe(estimate));
                }
            }
        }
        _ => {
            for (number, cell) in layout.cells.iter().enumerate() {
                kept.scan(number, cell, |_| ());
            }
        }
    }
    kept.finish()
}

/// The candidates so far.
struct Kept<'a> {
    request: &'a Request<'a>,
    /// Two vectors whose estimates are further apart than this are in that order.
    window: f32,
    /// The `k` best estimates, the least on top.
    best: BinaryHeap<Reverse<Ordered>>,
    /// Estimates below this are out.
    floor: f32,
    candidates: Vec<Candidate>,
    /// When to drop the candidates that have fallen below the floor.
    prune_at: usize,
}

impl<'a> Kept<'a> {
    fn new(request: &'a Request<'a>, largest_scale: f32) -> Self {
        Self {
            request,
            window: 2.0 * request.margin.of(largest_scale),
            best: BinaryHeap::new(),
            floor: f32::NEG_INFINITY,
            candidates: Vec::new(),
            prune_at: 4096,
        }
    }

    /// The `k`-th best estimate, once there are `k`.
    fn kth_estimate(&self) -> Option<f32> {
        let full = self.best.len() >= self.request.k;
        self.best.peek().filter(|_| full).map(|least| least.0.0)
    }

    fn scan(&mut self, number: usize, cell: &Cell, mut observe: impl FnMut(f32)) {
        let query = self.request.query;
        let codes = cell.codes().chunks_exact(query.codes.len().max(1));
        let rows = codes.zip(cell.scales()).zip(cell.ids());
        for (row, ((codes, &scale), &id)) in (0_u32..).zip(rows) {
            let estimate = query.scale * scale * dot(&query.codes, codes);
            observe(estimate);
            if estimate >= self.floor && (self.request.allow)(id) {
                let location = Location { cell: number as u32, row };
                self.keep(Candidate { id, estimate, scale, location });
            }
        }
    }

    fn keep(&mut self, candidate: Candidate) {
        self.candidates.push(candidate);
        if self.best.len() < self.request.k {
            self.best.push(Reverse(Ordered(candidate.estimate)));
        } else if let Some(mut least) = self.best.peek_mut()
            && candidate.estimate > least.0.0
        {
            *least = Reverse(Ordered(candidate.estimate));
        }
        if let Some(kth) = self.kth_estimate() {
            self.floor = kth - self.window;
        }
        if self.candidates.len() >= self.prune_at {
            self.prune();
            self.prune_at = 4096.max(2 * self.candidates.len());
        }
    }

    fn prune(&mut self) {
        let floor = self.floor;
        self.candidates.retain(|candidate| candidate.estimate >= floor);
    }

    fn finish(mut self) -> Vec<Candidate> {
        self.prune();
        self.candidates.sort_unstable_by(|a, b| b.estimate.total_cmp(&a.estimate).then(b.id.cmp(&a.id)));
        self.candidates
    }
}

/// A float with the total order of IEEE 754.
#[derive(Debug, Clone, Copy)]
struct Ordered(f32);

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ordered {}
