//! Training: finds the inverted lists, and the list of each vector.
//!
//! Method: spherical k-means (Dhillon and Modha, "Concept Decompositions for Large Sparse Text Data Using
//! Clustering", 2001) on a sample. It runs on the int8 codes themselves: a product of two codes costs a quarter of the
//! memory traffic of `f32`, and the sample needs no decoded copy.

use std::sync::Arc;

use crate::cell::Cell;
use crate::codes::Code;
use crate::layout::{Layout, Lists};
use crate::locations::{Location, Locations};
use crate::params::IndexParams;
use crate::product_kernel::Directions;
use crate::random::SplitMix64;
use crate::workers::{self, Priority};

/// The number of rows that a worker compares with all directions at a time: some milliseconds of work.
const PORTION: usize = 1024;

/// Trains lists for the vectors of `layout` and moves the vectors into them. Returns `None` when there are no vectors.
pub(crate) fn train(layout: &Layout, dimension: usize, params: &IndexParams) -> Option<Layout> {
    let wanted = (params.lists_factor * (layout.rows as f32).sqrt()) as usize;
    let count = wanted.clamp(1, layout.rows.max(1));
    let mut random = SplitMix64::new(layout.rows as u64);
    let sample = sample(layout, count.saturating_mul(params.sample_per_list), dimension, &mut random);
    let mut directions = first_directions(&sample, count, &mut random)?;
    for _ in 0..params.training_rounds {
        let mut sums = ListSums::new(directions.len(), dimension);
        for (row, list) in assign(&[&sample], &directions, dimension).into_iter().enumerate() {
            sums.add(list as usize, sample.scales().get(row).copied().unwrap_or(0.0), sample.row(row));
        }
        directions = sums.means(&sample, &mut random).0;
    }
    distribute(layout, &directions, &sample, dimension, &mut random)
}

/// Draws `wanted` rows (all, if there are fewer), spread evenly over the layout.
fn sample(layout: &Layout, wanted: usize, dimension: usize, random: &mut SplitMix64) -> Cell {
    let wanted = wanted.min(layout.rows);
    let mut sample = Cell::with_capacity(wanted, dimension);
    // The rows are divided into `wanted` equal parts, and one row is drawn from each part.
    let mut first_of_cell = 0;
    let mut next = draw(0, wanted, layout.rows, random);
    for cell in &layout.cells {
        while sample.len() < wanted && next < first_of_cell + cell.len() {
            let row = next - first_of_cell;
            if let (Some(id), Some(scale)) = (cell.ids().get(row), cell.scales().get(row)) {
                sample.push(*id, *scale, cell.row(row));
            }
            next = draw(sample.len(), wanted, layout.rows, random);
        }
        first_of_cell += cell.len();
    }
    sample
}

/// Draws a random row number from the `part`-th of `parts` equal parts of `rows`.
fn draw(part: usize, parts: usize, rows: usize, random: &mut SplitMix64) -> usize {
    let boundary = |i: usize| (i as u128 * rows as u128 / parts.max(1) as u128) as usize;
    let (first, end) = (boundary(part), boundary(part + 1));
    first + random.below(end.saturating_sub(first))
}

/// Draws `count` different rows of the sample, spread evenly; `None` when the sample is empty.
fn first_directions(sample: &Cell, count: usize, random: &mut SplitMix64) -> Option<Cell> {
    let count = count.min(sample.len());
    let mut directions = Cell::default();
    for list in 0..count {
        let row = draw(list, count, sample.len(), random);
        directions.push(list as i64, *sample.scales().get(row)?, sample.row(row));
    }
    (count > 0).then_some(directions)
}

/// Returns, for each row of each cell, the number of the direction with the greatest inner product.
fn assign(cells: &[&Cell], directions: &Cell, dimension: usize) -> Vec<u32> {
    let directions = Directions::new(directions, dimension);
    let portions: Vec<&[i8]> = cells.iter().flat_map(|cell| cell.codes().chunks(PORTION * dimension.max(1))).collect();
    let nearest = workers::map(portions.into_iter(), Priority::Low, |codes| {
        let mut nearest = vec![0; codes.len() / dimension.max(1)];
        directions.nearest(codes, &mut nearest);
        nearest
    });
    nearest.concat()
}

/// Puts every row of `layout` into the list with the nearest direction. The directions of the new layout are the means
/// of the rows that each list then holds.
fn distribute(
    layout: &Layout,
    directions: &Cell,
    sample: &Cell,
    dimension: usize,
    random: &mut SplitMix64,
) -> Option<Layout> {
    let cells: Vec<&Cell> = layout.cells.iter().map(|cell| &**cell).collect();
    let assigned = assign(&cells, directions, dimension);
    let mut rows: Vec<Vec<Location>> = vec![Vec::new(); directions.len()];
    let mut sums = ListSums::new(directions.len(), dimension);
    let locations = (0_u32..).zip(&cells).flat_map(|(cell, rows)| (0..rows.len() as u32).map(move |row| (cell, row)));
    for ((cell, row), list) in locations.zip(assigned) {
        let rows = rows.get_mut(list as usize)?;
        rows.push(Location { cell, row });
        let from = cells.get(cell as usize)?;
        sums.add(list as usize, *from.scales().get(row as usize)?, from.row(row as usize));
    }
    let (directions, lengths) = sums.means(sample, random);
    let lists = Lists { directions, lengths, trained_on: layout.rows };
    let cells = workers::map(rows.into_iter().enumerate(), Priority::Low, |(list, rows)| {
        let mut cell = Cell::with_capacity(rows.len(), dimension);
        for at in rows {
            if let Some(from) = cells.get(at.cell as usize)
                && let (Some(id), Some(scale)) = (from.ids().get(at.row as usize), from.scales().get(at.row as usize))
            {
                cell.push(*id, *scale, from.row(at.row as usize));
            }
        }
        Arc::new(cell.with_signs(lists.mean(list)))
    });
    let largest_scale = cells.iter().flat_map(|cell| cell.scales()).fold(0.0_f32, |m, s| m.max(*s));
    let locations = Locations::of_cells(&cells)?;
    Some(Layout { cells, locations, lists: Some(Arc::new(lists)), rows: layout.rows, largest_scale })
}

/// The sums of the vectors of each list.
struct ListSums {
    dimension: usize,
    sums: Vec<f32>,
    counts: Vec<usize>,
}

impl ListSums {
    fn new(lists: usize, dimension: usize) -> Self {
        Self { dimension, sums: vec![0.0; lists * dimension], counts: vec![0; lists] }
    }

    fn add(&mut self, list: usize, scale: f32, codes: &[i8]) {
        let (Some(sum), Some(count)) =
            (self.sums.get_mut(list * self.dimension..(list + 1) * self.dimension), self.counts.get_mut(list))
        else {
            return;
        };
        for (x, code) in sum.iter_mut().zip(codes) {
            *x += scale * f32::from(*code);
        }
        *count += 1;
    }

    /// Returns the directions and lengths of the means. A list without vectors gets the direction of a random row of
    /// the sample, so that the next round splits a crowded list.
    fn means(&self, sample: &Cell, random: &mut SplitMix64) -> (Cell, Vec<f32>) {
        let mut directions = Cell::with_capacity(self.counts.len(), self.dimension);
        let mut lengths = Vec::with_capacity(self.counts.len());
        for (list, (sum, count)) in self.sums.chunks_exact(self.dimension.max(1)).zip(&self.counts).enumerate() {
            let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
            let code = if *count > 0 && length > f32::MIN_POSITIVE {
                lengths.push((length / *count as f32).min(1.0));
                Some(Code::quantize(&sum.iter().map(|x| x / length).collect::<Vec<f32>>()))
            } else {
                lengths.push(1.0);
                sample.code(random.below(sample.len()))
            };
            let code = code.unwrap_or_else(|| Code::quantize(sum));
            directions.push(list as i64, code.scale, &code.codes);
        }
        (directions, lengths)
    }
}
