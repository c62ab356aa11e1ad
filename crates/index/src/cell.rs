//! Rows of codes with their ids.

use std::sync::Arc;

use crate::codes::Code;
use crate::signs::Signs;

/// Rows of codes with their ids: an inverted list, or a slice of an index that has no lists yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    ids: Vec<i64>,
    scales: Vec<f32>,
    codes: Vec<i8>,
    /// The sign codes of the rows of an inverted list; `None` in a slice.
    signs: Option<Signs>,
}

impl Cell {
    /// Makes an empty cell with room for `rows` rows of `dimension` codes.
    pub(crate) fn with_capacity(rows: usize, dimension: usize) -> Self {
        Self {
            ids: Vec::with_capacity(rows),
            scales: Vec::with_capacity(rows),
            codes: Vec::with_capacity(rows * dimension),
            signs: None,
        }
    }

    /// Gives every row, also those appended later, a sign code of its difference from `centre`.
    pub(crate) fn with_signs(mut self, centre: Arc<[f32]>) -> Self {
        let mut signs = Signs::new(centre);
        signs.reserve(self.ids.len());
        for (row, scale) in self.scales.iter().enumerate() {
            signs.push(*scale, self.row(row));
        }
        self.signs = Some(signs);
        self
    }

    /// Puts a cell together from its parts. Returns `None` when their sizes disagree, or a scale is negative or not
    /// finite.
    pub(crate) fn from_parts(ids: Vec<i64>, scales: Vec<f32>, codes: Vec<i8>, dimension: usize) -> Option<Self> {
        let sizes_agree = scales.len() == ids.len() && Some(codes.len()) == ids.len().checked_mul(dimension);
        let scales_valid = scales.iter().all(|s| s.is_finite() && *s >= 0.0);
        (sizes_agree && scales_valid).then_some(Self { ids, scales, codes, signs: None })
    }

    /// Returns the number of rows.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns the ids of the rows, in the order of the rows.
    pub(crate) fn ids(&self) -> &[i64] {
        &self.ids
    }

    /// Returns the steps of the rows, in the order of the rows.
    pub(crate) fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// Returns all codes, row after row.
    pub(crate) fn codes(&self) -> &[i8] {
        &self.codes
    }

    /// Returns the sign codes of the rows; `None` in a slice.
    pub(crate) fn signs(&self) -> Option<&Signs> {
        self.signs.as_ref()
    }

    /// Returns the codes of one row; empty when there is no such row.
    pub(crate) fn row(&self, row: usize) -> &[i8] {
        let dimension = self.dimension();
        self.codes.get(row * dimension..(row + 1) * dimension).unwrap_or_default()
    }

    /// Copies one row; `None` when there is no such row.
    pub(crate) fn code(&self, row: usize) -> Option<Code> {
        let scale = *self.scales.get(row)?;
        Some(Code { scale, codes: self.row(row).into() })
    }

    /// Appends a row.
    pub(crate) fn push(&mut self, id: i64, scale: f32, codes: &[i8]) {
        if self.ids.len() == self.ids.capacity() {
            // The capacity grows by an eighth and does not double, because a list lives long and unused capacity is
            // lost.
            let more = (self.ids.len() / 8).max(8);
            self.ids.reserve_exact(more);
            self.scales.reserve_exact(more);
            self.codes.reserve_exact(more * codes.len());
            if let Some(signs) = &mut self.signs {
                signs.reserve(more);
            }
        }
        self.ids.push(id);
        self.scales.push(scale);
        self.codes.extend_from_slice(codes);
        if let Some(signs) = &mut self.signs {
            signs.push(scale, codes);
        }
    }

    /// Overwrites a row; does nothing when there is no such row.
    pub(crate) fn set(&mut self, row: usize, id: i64, scale: f32, codes: &[i8]) {
        let dimension = self.dimension();
        if let (Some(old_id), Some(old_scale), Some(old_codes)) = (
            self.ids.get_mut(row),
            self.scales.get_mut(row),
            self.codes.get_mut(row * dimension..(row + 1) * dimension),
        ) {
            *old_id = id;
            *old_scale = scale;
            old_codes.copy_from_slice(codes);
        }
        if let Some(signs) = &mut self.signs {
            signs.set(row, scale, codes);
        }
    }

    /// Removes the last row and returns it.
    pub(crate) fn pop(&mut self) -> Option<(i64, Code)> {
        let dimension = self.dimension();
        let (id, scale) = (self.ids.pop()?, self.scales.pop()?);
        let codes = self.codes.split_off(self.codes.len() - dimension);
        if let Some(signs) = &mut self.signs {
            signs.pop();
        }
        Some((id, Code { scale, codes: codes.into() }))
    }

    fn dimension(&self) -> usize {
        self.codes.len().checked_div(self.ids.len()).unwrap_or(0)
    }
}
