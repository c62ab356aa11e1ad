//! Sign codes: one bit for each component of a vector's difference from the mean of its list. A scan of sign codes
//! reads an eighth of the memory that a scan of int8 codes reads, and leaves few vectors to look at more closely.
//!
//! Method: RaBitQ (Gao and Long, "RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error Bound for
//! Approximate Nearest Neighbor Search", 2024). The sign vector `s` of a difference `r` estimates the inner product
//! with a query `q` as ⟨r, q⟩ ≈ ‖r‖² / ‖r‖₁ × ⟨s, q⟩. After a random rotation the error of the estimate is noise
//! whose deviation is known for each vector.

use std::sync::Arc;

use crate::sign_kernel::{self, PLANES};

/// The number of rows that are estimated at once.
pub(crate) const BLOCK: usize = 64;

/// The number of sums that one loop forms side by side, so that they fit the lanes of a vector.
const LANES: usize = 16;

/// The sign codes of the rows of one list.
#[derive(Debug, Clone)]
pub(crate) struct Signs {
    /// The mean that the rows are subtracted from.
    centre: Arc<[f32]>,
    /// One bit for each component, the bits of a row in whole words.
    words: Vec<u64>,
    /// ‖r‖² / ‖r‖₁ of each row.
    factors: Vec<f32>,
    /// The deviation of the estimate of each row for a query of length 1.
    errors: Vec<f32>,
}

impl Signs {
    /// Makes sign codes without rows.
    pub(crate) fn new(centre: Arc<[f32]>) -> Self {
        Self { centre, words: Vec::new(), factors: Vec::new(), errors: Vec::new() }
    }

    /// Reserves room for exactly `rows` more rows.
    pub(crate) fn reserve(&mut self, rows: usize) {
        self.words.reserve_exact(rows * self.width());
        self.factors.reserve_exact(rows);
        self.errors.reserve_exact(rows);
    }

    /// Appends the row that is `scale × codes`.
    pub(crate) fn push(&mut self, scale: f32, codes: &[i8]) {
        let at = self.words.len();
        self.words.resize(at + self.width(), 0);
        let (factor, error) = encode(scale, codes, &self.centre, self.words.get_mut(at..).unwrap_or_default());
        self.factors.push(factor);
        self.errors.push(error);
    }

    /// Overwrites a row; does nothing when there is no such row.
    pub(crate) fn set(&mut self, row: usize, scale: f32, codes: &[i8]) {
        let width = self.width();
        if let (Some(words), Some(factor), Some(error)) =
            (self.words.get_mut(row * width..(row + 1) * width), self.factors.get_mut(row), self.errors.get_mut(row))
        {
            (*factor, *error) = encode(scale, codes, &self.centre, words);
        }
    }

    /// Removes the last row.
    pub(crate) fn pop(&mut self) {
        self.words.truncate(self.words.len().saturating_sub(self.width()));
        self.factors.pop();
        self.errors.pop();
    }

    /// Estimates the inner products of a query with at most [`BLOCK`] rows from `first` on, beyond that with the mean.
    pub(crate) fn estimate(&self, query: &QuerySigns, first: usize, block: &mut Estimates) {
        let end = (first + BLOCK).min(self.factors.len());
        block.len = end.saturating_sub(first);
        let width = self.width();
        let words = self.words.get(first * width..end * width).unwrap_or_default();
        sign_kernel::sums(words, &query.planes, width, block.sums.get_mut(..block.len).unwrap_or_default());
        let stored = self.factors.iter().zip(&self.errors).skip(first);
        block.fill(query, stored.map(|(factor, error)| (*factor, *error)));
    }

    /// Estimates the inner products of a query with at most [`BLOCK`] rows, beyond that with the mean.
    pub(crate) fn estimate_rows(&self, query: &QuerySigns, rows: &[u32], block: &mut Estimates) {
        block.len = rows.len().min(BLOCK);
        let width = self.width();
        // The rows are gathered first, so that one loop sums all of them.
        let mut words = std::mem::take(&mut block.words);
        words.clear();
        for row in rows.iter().take(BLOCK) {
            let first = *row as usize * width;
            words.extend_from_slice(self.words.get(first..first + width).unwrap_or_default());
        }
        sign_kernel::sums(&words, &query.planes, width, block.sums.get_mut(..block.len).unwrap_or_default());
        block.words = words;
        let stored = rows.iter().map(|row| (self.factors.get(*row as usize), self.errors.get(*row as usize)));
        block
            .fill(query, stored.map(|(factor, error)| (factor.copied().unwrap_or(0.0), error.copied().unwrap_or(0.0))));
    }

    fn width(&self) -> usize {
        self.centre.len().div_ceil(64)
    }
}

/// Writes the signs of `scale × codes − centre` into `words`, and returns the factor and the error of the row.
fn encode(scale: f32, codes: &[i8], centre: &[f32], words: &mut [u64]) -> (f32, f32) {
    let (mut sums, mut squares) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    for ((codes, centre), word) in codes.chunks(64).zip(centre.chunks(64)).zip(words) {
        let mut signs = [0_u8; 64];
        for ((codes, centre), signs) in codes.chunks(LANES).zip(centre.chunks(LANES)).zip(signs.chunks_mut(LANES)) {
            let lanes = codes.iter().zip(centre).zip(signs).zip(sums.iter_mut().zip(&mut squares));
            for (((code, centre), sign), (sum, square)) in lanes {
                let difference = scale * f32::from(*code) - centre;
                *sign = u8::from(difference > 0.0);
                *sum += difference.abs();
                *square += difference * difference;
            }
        }
        *word = signs.as_chunks::<8>().0.iter().rev().fold(0, |word, eight| {
            // The product moves the eight bits into its highest byte.
            word << 8 | u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56
        });
    }
    let (sum, square): (f32, f32) = (sums.iter().sum(), squares.iter().sum());
    if sum <= f32::MIN_POSITIVE || square <= f32::MIN_POSITIVE {
        return (0.0, 0.0);
    }
    let dimension = centre.len() as f32;
    let factor = square / sum;
    let error = (dimension * factor * factor - square).max(0.0) / (dimension - 1.0).max(1.0);
    (factor, error.sqrt())
}

/// The estimates of a block of rows.
pub(crate) struct Estimates {
    pub(crate) len: usize,
    /// The sign codes of rows that do not lie side by side.
    words: Vec<u64>,
    sums: [i32; BLOCK],
    /// The estimates of ⟨r, q⟩.
    pub(crate) values: [f32; BLOCK],
    /// Their deviations.
    pub(crate) errors: [f32; BLOCK],
}

impl Estimates {
    pub(crate) fn new() -> Self {
        Self { len: 0, words: Vec::new(), sums: [0; BLOCK], values: [0.0; BLOCK], errors: [0.0; BLOCK] }
    }

    /// Turns the sums into estimates, with the factor and the error of each row.
    fn fill(&mut self, query: &QuerySigns, stored: impl Iterator<Item = (f32, f32)>) {
        let rows = self.sums.iter().zip(self.values.iter_mut().zip(&mut self.errors));
        for ((sum, (value, bound)), (factor, error)) in rows.zip(stored) {
            *value = factor * query.step * (2 * sum - query.total) as f32;
            *bound = error * query.noise;
        }
    }

    /// Returns Σ value² less what the errors add to it.
    pub(crate) fn squares(&self) -> f32 {
        let mut sums = [0.0_f32; LANES];
        let rows = self.values.get(..self.len).unwrap_or_default().chunks(LANES);
        for (values, errors) in rows.zip(self.errors.chunks(LANES)) {
            for ((sum, value), error) in sums.iter_mut().zip(values).zip(errors) {
                *sum += value * value - error * error;
            }
        }
        sums.iter().sum()
    }
}

/// A query, rounded to four bits for each component, in planes of one bit.
pub(crate) struct QuerySigns {
    planes: Vec<u64>,
    /// The length of one step.
    step: f32,
    /// The sum of all components, in steps.
    total: i32,
    /// The factor by which the rounding of the query makes errors larger.
    noise: f32,
}

impl QuerySigns {
    /// Rounds a rotated query of length 1.
    pub(crate) fn new(query: &[f32]) -> Self {
        let largest = query.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        let step = largest / 7.5;
        let inverse = if step > f32::MIN_POSITIVE { 1.0 / step } else { 0.0 };
        let width = query.len().div_ceil(64);
        let mut planes = vec![0; PLANES * width];
        let (mut total, mut squares) = (0, 0.0);
        for (i, x) in query.iter().enumerate() {
            let steps = ((x * inverse).round_ties_even() as i32).clamp(-8, 7);
            total += steps;
            squares += (x - step * steps as f32).powi(2);
            for plane in 0..PLANES {
                if let Some(word) = planes.get_mut(plane * width + i / 64) {
                    *word |= ((steps >> plane & 1) as u64) << (i % 64);
                }
            }
        }
        // The squared error of a sign code is 1 − 2/π for a vector of length 1, and that of the rounding adds to it.
        let noise = (1.0 + squares / (1.0 - std::f32::consts::FRAC_2_PI)).sqrt();
        Self { planes, step, total, noise }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Code;
    use crate::random::SplitMix64;
    use crate::rotation::Rotation;

    fn random_unit(random: &mut SplitMix64, dimension: usize) -> Vec<f32> {
        let vector: Vec<f32> = (0..dimension).map(|_| (random.next_u64() >> 40) as f32 - 8_388_608.0).collect();
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.iter().map(|x| x / length).collect()
    }

    #[test]
    fn errors_have_the_stated_deviation() {
        for dimension in [64, 100, 256, 768] {
            let mut random = SplitMix64::new(dimension as u64);
            let rotation = Rotation::new(dimension);
            let centre: Vec<f32> = random_unit(&mut random, dimension).iter().map(|x| 0.5 * x).collect();
            let mut signs = Signs::new(centre.clone().into());
            let mut rows = Vec::new();
            for _ in 0..300 {
                let code = Code::quantize(&rotation.apply(&random_unit(&mut random, dimension)));
                signs.push(code.scale, &code.codes);
                rows.push(code);
            }
            let query = rotation.apply(&random_unit(&mut random, dimension));
            let query_signs = QuerySigns::new(&query);
            let mut squares = 0.0;
            let mut block = Estimates::new();
            for first in (0..rows.len()).step_by(BLOCK) {
                signs.estimate(&query_signs, first, &mut block);
                assert_eq!(block.len, BLOCK.min(rows.len() - first));
                let numbers: Vec<u32> = (first as u32..).take(block.len).collect();
                let mut gathered = Estimates::new();
                signs.estimate_rows(&query_signs, &numbers, &mut gathered);
                let of = |estimates: &Estimates| {
                    (estimates.values[..estimates.len].to_vec(), estimates.errors[..estimates.len].to_vec())
                };
                assert_eq!(of(&gathered), of(&block));
                for (i, row) in rows[first..].iter().take(block.len).enumerate() {
                    let difference = row.codes.iter().zip(&centre).map(|(code, c)| row.scale * f32::from(*code) - c);
                    let exact: f32 = difference.zip(&query).map(|(r, q)| r * q).sum();
                    squares += ((block.values[i] - exact) / block.errors[i]).powi(2);
                }
            }
            let deviation = (squares / rows.len() as f32).sqrt();
            assert!((0.8..1.2).contains(&deviation), "{dimension}: {deviation}");
        }
    }

    #[test]
    fn rows_can_be_replaced_and_removed() {
        let mut random = SplitMix64::new(3);
        let codes: Vec<Code> = (0..4).map(|_| Code::quantize(&random_unit(&mut random, 70))).collect();
        let centre: Arc<[f32]> = vec![0.01; 70].into();
        let of = |rows: &[usize]| {
            let mut signs = Signs::new(Arc::clone(&centre));
            rows.iter().for_each(|row| signs.push(codes[*row].scale, &codes[*row].codes));
            signs
        };
        let mut signs = of(&[0, 1, 2]);
        signs.set(0, codes[3].scale, &codes[3].codes);
        signs.set(9, codes[3].scale, &codes[3].codes);
        signs.pop();
        let expected = of(&[3, 1]);
        assert_eq!((signs.words, signs.factors, signs.errors), (expected.words, expected.factors, expected.errors));
    }

    #[test]
    fn a_row_that_equals_the_mean_is_estimated_as_the_mean() {
        let mut signs = Signs::new(vec![0.0; 5].into());
        signs.push(1.0, &[0; 5]);
        let mut block = Estimates::new();
        signs.estimate(&QuerySigns::new(&[1.0, 0.0, 0.0, 0.0, 0.0]), 0, &mut block);
        assert_eq!((block.values[0], block.errors[0]), (0.0, 0.0));
    }
}
