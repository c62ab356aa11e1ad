//! The first stage of a search: scans int8 codes for every vector that can be among the `k` nearest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::allowed_rows::AllowedRows;
use crate::cell::Cell;
use crate::codes::dot;
use crate::layout::Layout;
use crate::locations::Location;
use crate::probe::Probing;
use crate::request::Request;
use crate::signs::{BLOCK, Estimates, Signs};

/// The smallest number of candidates at which those below the floor are dropped.
const MIN_PRUNE_AT: usize = 4096;

/// The number of deviations by which a vector's similarity may be above the estimate of its sign code. One vector in 44
/// is further above, and such a vector is missed only if it is barely among the nearest. Three deviations would raise
/// recall by less than 0.001 and make a search half as fast.
const DEVIATIONS: f32 = 2.0;

/// The share of the rows of a list (one in this many) from which on a scan passes over all rows, which takes less time
/// than gathering those that may be found.
const DENSE: usize = 4;

/// The number of rows that are loaded at the same time. The processor's nearest cache holds them.
const PREFETCHED: usize = 16;

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
    let allowed = request.only.and_then(|only| AllowedRows::new(layout, only));
    match (&layout.lists, &allowed) {
        (_, Some(allowed)) if allowed.are_very_few() => scan_rows(layout, allowed, &mut selection),
        (Some(lists), allowed) if request.miss_target > 0.0 => {
            scan_lists(
                layout,
                Probing::new(layout, lists, request, allowed.as_ref()),
                allowed.as_ref(),
                &mut selection,
            );
        }
        (_, Some(allowed)) => scan_rows(layout, allowed, &mut selection),
        (_, None) => {
            for (number, cell) in layout.cells.iter().enumerate() {
                (0..cell.len() as u32).for_each(|row| selection.compare(number, cell, row));
            }
        }
    }
    selection.finish()
}

/// Scans the lists near the query.
fn scan_lists(layout: &Layout, mut probing: Probing, allowed: Option<&AllowedRows>, selection: &mut Selection<'_>) {
    while let Some((list, mean)) = probing.next_list(selection.kth_estimate(), || selection.best_cells()) {
        if let Some(cell) = layout.cells.get(list)
            && let Some(signs) = cell.signs()
        {
            let rows = allowed.map(|allowed| allowed.of_cell(list));
            let (squares, rows) = selection.scan_signs(list, cell, signs, mean, rows);
            probing.observe(squares, rows);
        }
    }
}

/// Compares all of the few rows that may be found.
fn scan_rows(layout: &Layout, allowed: &AllowedRows, selection: &mut Selection<'_>) {
    for (number, cell) in layout.cells.iter().enumerate() {
        // The rows lie far apart, so they are asked for in time.
        for rows in allowed.of_cell(number).chunks(PREFETCHED) {
            selection.compare_rows(number, cell, rows);
        }
    }
}

/// The candidates among the codes scanned so far.
struct Selection<'a> {
    request: &'a Request<'a>,
    /// The distance from which on two estimates prove the order of their vectors.
    window: f32,
    /// The `k` best estimates with the numbers of their cells, the least on top.
    best: BinaryHeap<Reverse<(Ordered, u32)>>,
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
        self.best.peek().filter(|_| full).map(|least| least.0.0.0)
    }

    /// Returns the numbers of the cells of the `k` best estimates.
    fn best_cells(&self) -> impl Iterator<Item = u32> {
        self.best.iter().map(|best| best.0.1)
    }

    /// Scans the sign codes of a list, or of some rows of it, and compares the vectors that can be near. `mean` is the
    /// similarity of the list's mean. Returns the sum of (similarity − mean)² over the scanned rows, and their number.
    fn scan_signs(
        &mut self,
        number: usize,
        cell: &Cell,
        signs: &Signs,
        mean: f32,
        rows: Option<&[u32]>,
    ) -> (f32, usize) {
        let mut block = Estimates::new();
        let mut squares = 0.0;
        if let Some(rows) = rows.filter(|rows| rows.len() * DENSE < cell.len()) {
            for rows in rows.chunks(BLOCK) {
                signs.estimate_rows(self.request.signs, rows, &mut block);
                squares += block.squares();
                self.compare_block(number, cell, &block, mean, |at| rows.get(at).copied().unwrap_or(0));
            }
            return (squares, rows.len());
        }
        for first in (0..cell.len()).step_by(BLOCK) {
            signs.estimate(self.request.signs, first, &mut block);
            squares += block.squares();
            self.compare_block(number, cell, &block, mean, |at| (first + at) as u32);
        }
        (squares, cell.len())
    }

    /// Compares those rows of a block that can be near.
    fn compare_block(&mut self, number: usize, cell: &Cell, block: &Estimates, mean: f32, row: impl Fn(usize) -> u32) {
        let mut near = [0_u32; BLOCK];
        let mut count = 0;
        for (at, (value, error)) in block.values.iter().zip(&block.errors).enumerate().take(block.len) {
            // A branch would be guessed wrongly too often: every row is written, and the next one overwrites it unless
            // it counts.
            if let Some(place) = near.get_mut(count) {
                *place = row(at);
            }
            count += usize::from(mean + value + DEVIATIONS * error >= self.floor);
        }
        for rows in near.get(..count).unwrap_or_default().chunks(PREFETCHED) {
            self.compare_rows(number, cell, rows);
        }
    }

    /// Compares some rows, which all are loaded at the same time.
    fn compare_rows(&mut self, number: usize, cell: &Cell, rows: &[u32]) {
        for row in rows {
            prefetch(cell.row(*row as usize));
        }
        for row in rows {
            self.compare(number, cell, *row);
        }
    }

    /// Compares one row with the query.
    fn compare(&mut self, number: usize, cell: &Cell, row: u32) {
        let query = self.request.query;
        let at = row as usize;
        let (Some(&scale), Some(&id)) = (cell.scales().get(at), cell.ids().get(at)) else { return };
        let estimate = query.scale * scale * dot(&query.codes, cell.row(at));
        if estimate >= self.floor && self.request.allows(id) {
            self.add(Candidate { id, estimate, scale, location: Location { cell: number as u32, row } });
        }
    }

    fn add(&mut self, candidate: Candidate) {
        self.candidates.push(candidate);
        if self.best.len() < self.request.k {
            self.best.push(Reverse((Ordered(candidate.estimate), candidate.location.cell)));
        } else if let Some(mut least) = self.best.peek_mut()
            && candidate.estimate > least.0.0.0
        {
            *least = Reverse((Ordered(candidate.estimate), candidate.location.cell));
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

/// Asks the processor to load codes that are read soon.
fn prefetch(codes: &[i8]) {
    #[cfg(target_arch = "x86_64")]
    for line in codes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch changes nothing that the program could notice, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = codes;
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
