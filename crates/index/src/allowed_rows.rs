//! The rows of a few ids, by cell.

use crate::IdSet;
use crate::layout::Layout;

/// The share of the rows (one in this many) up to which a filter lets through few ids. The rows of few ids are looked
/// up beforehand; otherwise a scan passes over all rows, and looks at the ids of those that can be near.
const FEW: usize = 8;

/// The number of rows up to which a search compares all rows that its filter lets through, which takes less time than
/// choosing among them.
const VERY_FEW: usize = 6144;

/// The rows that a search may find, if these are few.
pub(crate) struct AllowedRows {
    /// The place in `rows` of the first row of each cell, and the number of all rows at the end.
    starts: Vec<usize>,
    rows: Vec<u32>,
}

impl AllowedRows {
    /// Looks up the rows of `only`; `None` when they are too many.
    pub(crate) fn new(layout: &Layout, only: &IdSet) -> Option<Self> {
        if only.len() > layout.rows / FEW {
            return None;
        }
        // A counting sort by cell, which keeps the order of the ids within a cell.
        let locations: Vec<_> = layout.locations.get_all(only.iter()).collect();
        let mut starts = vec![0; layout.cells.len() + 1];
        for location in &locations {
            if let Some(count) = starts.get_mut(location.cell as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut next = starts.clone();
        let mut rows = vec![0; locations.len()];
        for location in locations {
            if let Some(next) = next.get_mut(location.cell as usize) {
                if let Some(place) = rows.get_mut(*next) {
                    *place = location.row;
                }
                *next += 1;
            }
        }
        Some(Self { starts, rows })
    }

    /// Returns whether the rows are so few that a search compares all of them.
    pub(crate) fn are_very_few(&self) -> bool {
        self.rows.len() <= VERY_FEW
    }

    /// Returns the rows of a cell.
    pub(crate) fn of_cell(&self, cell: usize) -> &[u32] {
        let range = self.starts.get(cell).zip(self.starts.get(cell + 1));
        range.and_then(|(start, end)| self.rows.get(*start..*end)).unwrap_or_default()
    }
}
