//! Where the rows of an index lie: in inverted lists once those are trained, in plain slices before.

use std::collections::HashMap;
use std::sync::Arc;

use super::codes::{Cell, Code, dot};

/// Rows of a slice while there are no lists: what an insertion copies when a search is reading it.
const SLICE_ROWS: usize = 1024;

/// The trained lists: for each, the mean of the vectors it held when it was trained.
#[derive(Debug)]
pub(super) struct Lists {
    /// The directions of the means. The id of a row is its list's number.
    pub(super) directions: Cell,
    /// The lengths of the means, 0 to 1: the closer to 1, the closer together a list's vectors.
    pub(super) lengths: Vec<f32>,
    /// How many vectors the index held then.
    pub(super) trained_on: usize,
}

impl Lists {
    /// The list whose direction is nearest.
    pub(super) fn nearest(&self, code: &Code) -> usize {
        let scores = (0..self.directions.len()).zip(self.directions.scales());
        scores
            .map(|(list, scale)| (list, scale * dot(&code.codes, self.directions.row(list))))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(0, |(list, _)| list)
    }
}

/// The rows of an index at one moment. Cloning one copies pointers; changing a clone copies only the
/// cells it touches, so a search reads its own unchanging layout while others insert.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    pub(super) cells: Vec<Arc<Cell>>,
    /// One for each cell, or none while rows lie in slices.
    pub(super) lists: Option<Arc<Lists>>,
    /// All rows of all cells.
    pub(super) rows: usize,
    /// No row's step is longer.
    pub(super) largest_scale: f32,
}

/// The cell and row of a vector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Location {
    pub(super) cell: u32,
    pub(super) row: u32,
}

/// The cell and row of each id in one layout.
#[derive(Debug, Default)]
pub(super) struct Locations(HashMap<i64, Location>);

impl Locations {
    pub(super) fn get(&self, id: i64) -> Option<Location> {
        self.0.get(&id).copied()
    }

    /// The places of all rows of `layout`, `None` when an id is there twice.
    pub(super) fn of(layout: &Layout) -> Option<Self> {
        let mut places = HashMap::with_capacity(layout.rows);
        for (cell, rows) in (0_u32..).zip(&layout.cells) {
            for (row, id) in (0_u32..).zip(rows.ids()) {
                if places.insert(*id, Location { cell, row }).is_some() {
                    return None;
                }
            }
        }
        Some(Self(places))
    }
}

impl Layout {
    /// The code stored at `location`.
    pub(super) fn code(&self, location: Location) -> Option<Code> {
        self.cells.get(location.cell as usize)?.code(location.row as usize)
    }

    /// The list that `code` belongs into; `None` while there are none.
    pub(super) fn list_for(&self, code: &Code) -> Option<usize> {
        self.lists.as_ref().map(|lists| lists.nearest(code))
    }

    /// Adds a vector or replaces the one of the same id. `list` is what [`Self::list_for`] says.
    pub(super) fn insert(&mut self, locations: &mut Locations, id: i64, list: Option<usize>, code: &Code) {
        self.largest_scale = self.largest_scale.max(code.scale);
        let Some(list) = list else {
            return self.insert_into_slices(locations, id, code);
        };
        self.remove(locations, id);
        self.append(locations, list, id, code);
    }

    fn insert_into_slices(&mut self, locations: &mut Locations, id: i64, code: &Code) {
        if let Some(at) = locations.get(id) {
            if let Some(cell) = self.cells.get_mut(at.cell as usize) {
                Arc::make_mut(cell).set(at.row as usize, id, code.scale, &code.codes);
            }
            return;
        }
        if self.cells.last().is_none_or(|cell| cell.len() >= SLICE_ROWS) {
            // Reserved whole: the system hands out the memory only as rows fill it.
            self.cells.push(Arc::new(Cell::with_capacity(SLICE_ROWS, code.codes.len())));
        }
        self.append(locations, self.cells.len() - 1, id, code);
    }

    fn append(&mut self, locations: &mut Locations, cell: usize, id: i64, code: &Code) {
        let Some(rows) = self.cells.get_mut(cell) else {
            return;
        };
        locations.0.insert(id, Location { cell: cell as u32, row: rows.len() as u32 });
        Arc::make_mut(rows).push(id, code.scale, &code.codes);
        self.rows += 1;
    }

    /// Removes a vector; whether there was one. The last row of its list, or of all slices, moves
    /// into the gap, so there are never holes to step over or to compact.
    pub(super) fn remove(&mut self, locations: &mut Locations, id: i64) -> bool {
        let Some(at) = locations.0.remove(&id) else {
            return false;
        };
        let from = if self.lists.is_some() { at.cell as usize } else { self.cells.len() - 1 };
        let Some((moved, code)) = self.cells.get_mut(from).and_then(|c| Arc::make_mut(c).pop()) else {
            return false;
        };
        self.rows -= 1;
        if moved != id {
            if let Some(cell) = self.cells.get_mut(at.cell as usize) {
                Arc::make_mut(cell).set(at.row as usize, moved, code.scale, &code.codes);
            }
            locations.0.insert(moved, at);
        }
        if self.lists.is_none() && self.cells.last().is_some_and(|cell| cell.len() == 0) {
            self.cells.pop();
        }
        true
    }
}
