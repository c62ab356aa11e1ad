//! The first stage of a search: scans int8 codes for every vector that can be among the `k` nearest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::codes::{Cell, dot};
use crate::layout::{Layout, Location};
use crate::probe::Probing;
use crate::request::Request;

/// The smallest number of candidates at which those below the floor are dropped.
const MIN_PRUNE_AT: usize = 4096;

/// A vector that can be among the nearest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) id: i64,
    /// The inner product of the codes.
    pub(crate) estimate: f32,
    /// The step of the code.
    pub(crate) scale: f32,
    pub(crate) location: Location,
}

/// Returns all vectors that can be among the `k` nearest: greatest estimate first, ties by descending id.
pub(crate) fn candidates(layout: &Layout, request: &Request<'_>) -> Vec<Candidate> {
    let mut selection = Selection::new(request, layout.largest_scale);
    match &layout.lists {
        Some(lists) if request.miss_target > 0.0 => {
            let mut probing = Probing::new(layout, lists, request);
            while let Some(list) = probing.next_list(selection.kth_estimate()) {
                if let Some(cell) = layout.cells.get(list) {
                    selection.scan(list, cell, |estimate| probing.observe(estimate));
                }
            }
        }
        _ => {
            for (number, cell) in layout.cells.iter().enumerate() {
                selection.scan(number, cell, |_| ());
            }
        }
    }
    selection.finish()
}

/// The candidates among the codes scanned so far.
struct Selection<'a> {
    request: &'a Request<'a>,
    /// The distance from which on two estimates prove the order of their vectors.
    window: f32,
    /// The `k` best estimates, with the least on top.
    best: BinaryHeap<Reverse<Ordered>>,
    /// The estimate below which no vector can be among the `k` nearest.
    floor: f32,
    candidates: Vec<Candidate>,
    /// The number of candidates at which those below the floor are dropped.
    prune_at: usize,
}

impl<'a> Selection<'a> {
    fn new(request: &'a Request<'a>, largest_scale: f32) -> Self {
        Self {
            request,
            window: 2.0 * request.margin.for_scale(largest_scale),
            best: BinaryHeap::new(),
            floor: f32::NEG_INFINITY,
            candidates: Vec::new(),
            prune_at: MIN_PRUNE_AT,
        }
    }

    /// Returns the `k`-th best estimate, once there are `k`.
    fn kth_estimate(&self) -> Option<f32> {
        let full = self.best.len() >= self.request.k;
        self.best.peek().filter(|_| full).map(|least| least.0.0)
    }

    /// Scans a cell and passes every estimate to `observe`.
    fn scan(&mut self, number: usize, cell: &Cell, mut observe: impl FnMut(f32)) {
        let query = self.request.query;
        let codes = cell.codes().chunks_exact(query.codes.len().max(1));
        let rows = codes.zip(cell.scales()).zip(cell.ids());
        for (row, ((codes, &scale), &id)) in (0_u32..).zip(rows) {
            let estimate = query.scale * scale * dot(&query.codes, codes);
            observe(estimate);
            if estimate >= self.floor && (self.request.allow)(id) {
                let location = Location { cell: number as u32, row };
                self.add(Candidate { id, estimate, scale, location });
            }
        }
    }

    fn add(&mut self, candidate: Candidate) {
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
            self.prune_at = MIN_PRUNE_AT.max(2 * self.candidates.len());
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
