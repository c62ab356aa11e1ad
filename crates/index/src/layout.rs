//! The layout of an index: its rows lie in plain slices until inverted lists are trained, and in inverted lists
//! afterwards.

use std::sync::Arc;

use crate::cell::Cell;
use crate::codes::{Code, dot};
use crate::locations::{Location, Locations};

/// The number of rows of a slice. An insertion copies one slice when a search is reading it.
const SLICE_ROWS: usize = 1024;

/// The trained lists, each described by the mean of the vectors that it held after training.
#[derive(Debug)]
pub(crate) struct Lists {
    /// The directions of the means. The id of a row is the number of its list.
    pub(crate) directions: Cell,
    /// The lengths of the means, 0 to 1. A length near 1 means that the vectors of the list are close together.
    pub(crate) lengths: Vec<f32>,
    /// The number of vectors in the index at the time of the training.
    pub(crate) trained_on: usize,
}

impl Lists {
    /// Returns the number of the list with the nearest direction.
    pub(crate) fn nearest(&self, code: &Code) -> usize {
        let scores = (0..self.directions.len()).zip(self.directions.scales());
        scores
            .map(|(list, scale)| (list, scale * dot(&code.codes, self.directions.row(list))))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(0, |(list, _)| list)
    }

    /// Returns the mean of a list.
    pub(crate) fn mean(&self, list: usize) -> Arc<[f32]> {
        let scale = self.directions.scales().get(list).zip(self.lengths.get(list)).map_or(0.0, |(s, l)| s * l);
        self.directions.row(list).iter().map(|code| scale * f32::from(*code)).collect()
    }
}

/// The rows of an index at one moment. A clone copies pointers, and a change of a clone copies only the cells that it
/// touches, so a search reads its own unchanging layout while other threads insert.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layout {
    pub(crate) cells: Vec<Arc<Cell>>,
    /// The cell and row of each id.
    pub(crate) locations: Locations,
    /// The lists, one for each cell; `None` while rows lie in slices.
    pub(crate) lists: Option<Arc<Lists>>,
    /// The number of rows of all cells.
    pub(crate) rows: usize,
    /// The longest step that any row has or has had.
    pub(crate) largest_scale: f32,
}

impl Layout {
    /// Copies the code at `location`.
    pub(crate) fn code(&self, location: Location) -> Option<Code> {
        self.cells.get(location.cell as usize)?.code(location.row as usize)
    }

    /// Returns the number of the list that `code` belongs to; `None` while there are no lists.
    pub(crate) fn list_for(&self, code: &Code) -> Option<usize> {
        self.lists.as_ref().map(|lists| lists.nearest(code))
    }

    /// Adds a vector, or replaces the vector of the same id. `list` is the answer of [`Self::list_for`].
    pub(crate) fn insert(&mut self, id: i64, list: Option<usize>, code: &Code) {
        self.largest_scale = self.largest_scale.max(code.scale);
        let Some(list) = list else {
            return self.insert_into_slices(id, code);
        };
        self.remove(id);
        self.append(list, id, code);
    }

    fn insert_into_slices(&mut self, id: i64, code: &Code) {
        if let Some(at) = self.locations.get(id) {
            if let Some(cell) = self.cells.get_mut(at.cell as usize) {
                Arc::make_mut(cell).set(at.row as usize, id, code.scale, &code.codes);
            }
            return;
        }
        if self.cells.last().is_none_or(|cell| cell.len() >= SLICE_ROWS) {
            // The whole slice is reserved at once, because the system hands out memory only when rows fill it.
            self.cells.push(Arc::new(Cell::with_capacity(SLICE_ROWS, code.codes.len())));
        }
        self.append(self.cells.len() - 1, id, code);
    }

    fn append(&mut self, cell: usize, id: i64, code: &Code) {
        let Some(rows) = self.cells.get_mut(cell) else {
            return;
        };
        self.locations.insert(id, Location { cell: cell as u32, row: rows.len() as u32 });
        Arc::make_mut(rows).push(id, code.scale, &code.codes);
        self.rows += 1;
    }

    /// Removes a vector, and returns whether there was one. The last row of its list, or of all slices, moves into the
    /// gap, so that cells never have holes.
    pub(crate) fn remove(&mut self, id: i64) -> bool {
        let Some(at) = self.locations.remove(id) else {
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
            self.locations.insert(moved, at);
        }
        if self.lists.is_none() && self.cells.last().is_some_and(|cell| cell.len() == 0) {
            self.cells.pop();
        }
        true
    }
}
