//! The cell and row of each id.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cell::Cell;

/// The number of successive ids whose locations lie in one table. A change copies one table when a search reads it.
const TABLE_IDS: usize = 1024;

/// The cell and row of a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) cell: u32,
    pub(crate) row: u32,
}

impl Location {
    /// The entry of an id that has no vector.
    const NONE: Self = Self { cell: u32::MAX, row: u32::MAX };
}

/// The cell and row of each id. Ids mostly count up, so tables of successive ids are nearly full. A clone copies
/// pointers to the tables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Locations(BTreeMap<i64, Arc<[Location; TABLE_IDS]>>);

/// Returns the number of the table of an id, and the place of the id in it.
fn place(id: i64) -> (i64, usize) {
    (id.div_euclid(TABLE_IDS as i64), id.rem_euclid(TABLE_IDS as i64) as usize)
}

impl Locations {
    /// Returns the location of `id`.
    pub(crate) fn get(&self, id: i64) -> Option<Location> {
        let (table, at) = place(id);
        self.0.get(&table)?.get(at).copied().filter(|location| *location != Location::NONE)
    }

    /// Returns the locations of those of `ids` that have one. Ascending ids are found fastest.
    pub(crate) fn get_all(&self, ids: impl Iterator<Item = i64>) -> impl Iterator<Item = Location> {
        let mut last = None;
        ids.filter_map(move |id| {
            let (number, at) = place(id);
            let table = match last {
                Some((found, table)) if found == number => table,
                _ => self.0.get(&number),
            };
            last = Some((number, table));
            table?.get(at).copied().filter(|location| *location != Location::NONE)
        })
    }

    /// Sets the location of `id`, and returns the location before.
    pub(crate) fn insert(&mut self, id: i64, location: Location) -> Option<Location> {
        let (table, at) = place(id);
        let table = self.0.entry(table).or_insert_with(|| Arc::new([Location::NONE; TABLE_IDS]));
        let place = Arc::make_mut(table).get_mut(at)?;
        Some(std::mem::replace(place, location)).filter(|before| *before != Location::NONE)
    }

    /// Removes the location of `id`, and returns it.
    pub(crate) fn remove(&mut self, id: i64) -> Option<Location> {
        let (table, at) = place(id);
        let place = Arc::make_mut(self.0.get_mut(&table)?).get_mut(at)?;
        Some(std::mem::replace(place, Location::NONE)).filter(|before| *before != Location::NONE)
    }

    /// Collects the locations of all rows of `cells`; `None` when an id occurs twice.
    pub(crate) fn of_cells(cells: &[Arc<Cell>]) -> Option<Self> {
        let mut locations = Self::default();
        for (cell, rows) in (0_u32..).zip(cells) {
            for (row, id) in (0_u32..).zip(rows.ids()) {
                if locations.insert(*id, Location { cell, row }).is_some() {
                    return None;
                }
            }
        }
        Some(locations)
    }
}
