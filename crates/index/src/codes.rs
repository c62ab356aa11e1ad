//! Int8 codes of vectors: a quarter of the memory of `f32`, and one SIMD instruction multiplies
//! dozens of them.

use simsimd::SpatialSimilarity;

/// A code's largest value. −128 is left out so that codes are symmetric.
const STEPS: f32 = 127.0;

/// One vector as `scale × codes`.
#[derive(Debug, Clone)]
pub(super) struct Code {
    /// The length of one step, at least 0 and finite.
    pub(super) scale: f32,
    /// One per component, −127 to 127.
    pub(super) codes: Box<[i8]>,
}

impl Code {
    /// Rounds every component to the nearest of 255 steps between ± the largest component.
    pub(super) fn quantize(vector: &[f32]) -> Self {
        let largest = vector.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        let scale = largest / STEPS;
        // A scale of zero (or too small to invert) would divide to NaN or infinity; the code is then zero.
        let inverse = if scale > f32::MIN_POSITIVE { 1.0 / scale } else { 0.0 };
        let codes = vector.iter().map(|x| (x * inverse).round_ties_even() as i8).collect();
        Self { scale, codes }
    }
}

/// The inner product of two rows of codes, in steps. Lengths are equal.
pub(super) fn dot(a: &[i8], b: &[i8]) -> f32 {
    debug_assert_eq!(a.len(), b.len());
    // None only for unequal lengths, which the index never stores.
    i8::dot(a, b).map_or(0.0, |steps| steps as f32)
}

/// How far the inner product of two codes can be from that of the vectors they stand for.
///
/// Rounding shifts a component by at most half a step and, after [`super::rotation::Rotation`], evenly
/// and independently: the inner product of unit vectors `x` and `q` is off by noise of variance
/// (sₓ² + s_q²) / 12, where sₓ and s_q are their steps. Six standard deviations leave one vector in
/// 10⁹ outside; when `q` is all but equal to `x`, their errors are too, which makes it 4.2 deviations and
/// one in 40,000 of the few vectors that near. In few dimensions the noise is not Gaussian but
/// bounded: by Cauchy–Schwarz it cannot pass √d × (sₓ + s_q) / 2 (and a term of second order). The margin is
/// the smaller of the two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Margin {
    query_scale: f32,
    half_sqrt_dimension: f32,
}

impl Margin {
    const DEVIATIONS: f32 = 6.0;

    /// The margin for a query with step `query_scale`.
    pub(super) fn new(query_scale: f32, dimension: usize) -> Self {
        Self { query_scale, half_sqrt_dimension: (dimension as f32).sqrt() / 2.0 }
    }

    /// The margin for a vector with step `scale`. It grows with `scale`.
    pub(super) fn of(self, scale: f32) -> f32 {
        let gaussian = Self::DEVIATIONS * (self.query_scale.hypot(scale)) / 12.0_f32.sqrt();
        let (q, x) = (self.query_scale * self.half_sqrt_dimension, scale * self.half_sqrt_dimension);
        // 1e-5: both inner products are summed in f32, in a different order.
        gaussian.min(q + x + q * x) + 1e-5
    }
}

/// Codes with their ids, in rows: an inverted list, or a slice of an index that has none yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    ids: Vec<i64>,
    scales: Vec<f32>,
    codes: Vec<i8>,
}

impl Cell {
    /// Room for `rows` rows of `dimension` codes.
    pub(super) fn with_capacity(rows: usize, dimension: usize) -> Self {
        Self {
            ids: Vec::with_capacity(rows),
            scales: Vec::with_capacity(rows),
            codes: Vec::with_capacity(rows * dimension),
        }
    }

    /// Puts a cell together from its parts, `None` when their sizes disagree or a scale is no scale.
    pub(super) fn from_parts(ids: Vec<i64>, scales: Vec<f32>, codes: Vec<i8>, dimension: usize) -> Option<Self> {
        let whole = scales.len() == ids.len() && Some(codes.len()) == ids.len().checked_mul(dimension);
        let sound = scales.iter().all(|s| s.is_finite() && *s >= 0.0);
        (whole && sound).then_some(Self { ids, scales, codes })
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn ids(&self) -> &[i64] {
        &self.ids
    }

    pub(super) fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// All codes, row after row.
    pub(super) fn codes(&self) -> &[i8] {
        &self.codes
    }

    /// The codes of one row; empty when there is no such row.
    pub(super) fn row(&self, row: usize) -> &[i8] {
        let dimension = self.dimension();
        self.codes.get(row * dimension..(row + 1) * dimension).unwrap_or_default()
    }

    /// A copy of one row, `None` when there is no such row.
    pub(super) fn code(&self, row: usize) -> Option<Code> {
        let scale = *self.scales.get(row)?;
        Some(Code { scale, codes: self.row(row).into() })
    }

    /// Appends a row.
    pub(super) fn push(&mut self, id: i64, scale: f32, codes: &[i8]) {
        if self.ids.len() == self.ids.capacity() {
            // An eighth at a time, not double: a list is long-lived, and what it does not use is lost.
            let more = (self.ids.len() / 8).max(8);
            self.ids.reserve_exact(more);
            self.scales.reserve_exact(more);
            self.codes.reserve_exact(more * codes.len());
        }
        self.ids.push(id);
        self.scales.push(scale);
        self.codes.extend_from_slice(codes);
    }

    /// Overwrites a row; nothing when there is no such row.
    pub(super) fn set(&mut self, row: usize, id: i64, scale: f32, codes: &[i8]) {
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
    }

    /// Removes the last row and gives it back.
    pub(super) fn pop(&mut self) -> Option<(i64, Code)> {
        let dimension = self.dimension();
        let (id, scale) = (self.ids.pop()?, self.scales.pop()?);
        let codes = self.codes.split_off(self.codes.len() - dimension);
        Some((id, Code { scale, codes: codes.into() }))
    }

    fn dimension(&self) -> usize {
        self.codes.len().checked_div(self.ids.len()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simd_and_plain_products_agree() {
        for length in [0_usize, 1, 7, 31, 32, 33, 256, 768, 1000] {
            let a: Vec<i8> = (0..length).map(|i| ((i * 37 % 255) as i32 - 127) as i8).collect();
            let b: Vec<i8> = (0..length).map(|i| ((i * 91 % 255) as i32 - 127) as i8).collect();
            let plain: i32 = a.iter().zip(&b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
            assert_eq!(dot(&a, &b), plain as f32);
            let (low, high) = (vec![-127_i8; length], vec![127_i8; length]);
            assert_eq!(dot(&low, &high), -(127.0 * 127.0) * length as f32);
        }
    }

    #[test]
    fn a_vector_without_size_has_a_code_of_zeros() {
        for x in [0.0, 1e-40] {
            let code = Code::quantize(&[x, -x]);
            assert!(code.codes.iter().all(|c| *c == 0) && code.scale.is_finite());
        }
    }
}
