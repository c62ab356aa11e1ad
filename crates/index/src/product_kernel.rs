//! The inner loop of a training: the nearest direction of each row. Products of int8 codes are whole numbers, so the
//! form for VNNI instructions and the portable form give equal answers.

use crate::cell::Cell;
use crate::codes::dot;

/// The number of rows that the portable form compares with one direction after another. So few rows stay in the
/// processor's nearest cache.
const TILE: usize = 16;

/// Directions that rows are compared with, in the order in which the kernel reads them.
pub(crate) struct Directions<'a> {
    directions: &'a Cell,
    #[cfg(target_arch = "x86_64")]
    packed: Option<x86::Packed>,
}

impl<'a> Directions<'a> {
    /// Prepares `directions` of `dimension` codes.
    pub(crate) fn new(directions: &'a Cell, dimension: usize) -> Self {
        #[cfg(not(target_arch = "x86_64"))]
        let _ = dimension;
        Self {
            directions,
            #[cfg(target_arch = "x86_64")]
            packed: x86::Packed::new(directions, dimension),
        }
    }

    /// Writes the number of the direction with the greatest inner product, the least number among equals, for each row
    /// of `codes`.
    pub(crate) fn nearest(&self, codes: &[i8], nearest: &mut [u32]) {
        #[cfg(target_arch = "x86_64")]
        if let Some(packed) = &self.packed {
            return packed.nearest(codes, nearest);
        }
        self.nearest_portable(codes, nearest);
    }

    fn nearest_portable(&self, codes: &[i8], nearest: &mut [u32]) {
        let dimension = codes.len().checked_div(nearest.len()).unwrap_or(0).max(1);
        for (codes, nearest) in codes.chunks(TILE * dimension).zip(nearest.chunks_mut(TILE)) {
            let mut best = [f32::NEG_INFINITY; TILE];
            for (list, scale) in (0..).zip(self.directions.scales()) {
                let direction = self.directions.row(list as usize);
                for ((row, best), nearest) in codes.chunks_exact(dimension).zip(&mut best).zip(nearest.iter_mut()) {
                    // The row's own scale is left out: it is the same for all directions, so it does not change the
                    // nearest.
                    let score = scale * dot(direction, row);
                    if score > *best {
                        (*best, *nearest) = (score, list);
                    }
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;
    use std::array::from_fn;

    use crate::cell::Cell;

    /// The number of directions in a block, three vectors of 16 lanes.
    const BLOCK: usize = 48;
    /// The number of rows that are multiplied at once: 24 of the 32 vector registers hold their sums.
    const ROWS: usize = 8;
    /// The number of rows for which a block of directions stays in a near cache.
    const CHUNK: usize = 64;

    /// Directions in blocks of 48: four successive codes of each direction side by side, shifted by 128 to unsigned
    /// numbers, as the instruction `vpdpbusd` multiplies them.
    pub(super) struct Packed {
        dimension: usize,
        codes: Vec<u8>,
        /// The steps of the directions; NaN, which is greater than nothing, beyond the last one.
        scales: Vec<f32>,
    }

    /// The best scores of one row and their directions, one of each lane.
    #[derive(Clone, Copy)]
    struct Best {
        scores: __m512,
        directions: __m512i,
    }

    impl Packed {
        /// Packs directions; `None` when the processor lacks the instructions, or the dimension does not fit them.
        pub(super) fn new(directions: &Cell, dimension: usize) -> Option<Self> {
            let has_vnni = is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512bw");
            if !has_vnni || dimension == 0 || !dimension.is_multiple_of(4) {
                return None;
            }
            let blocks = directions.len().div_ceil(BLOCK);
            let mut scales = directions.scales().to_vec();
            scales.resize(blocks * BLOCK, f32::NAN);
            let mut codes = vec![0_u8; blocks * BLOCK * dimension];
            for direction in 0..directions.len() {
                let block = codes.get_mut(direction / BLOCK * BLOCK * dimension..)?;
                let fours = block.chunks_exact_mut(4).skip(direction % BLOCK).step_by(BLOCK);
                for (target, four) in fours.zip(directions.row(direction).chunks_exact(4)) {
                    target.iter_mut().zip(four).for_each(|(to, code)| *to = code.cast_unsigned() ^ 0x80);
                }
            }
            Some(Self { dimension, codes, scales })
        }

        pub(super) fn nearest(&self, codes: &[i8], nearest: &mut [u32]) {
            let chunks = codes.chunks(CHUNK * self.dimension).zip(nearest.chunks_mut(CHUNK));
            for (codes, nearest) in chunks {
                // SAFETY: `new` has found that the processor has the instructions.
                unsafe { self.nearest_of_chunk(codes, nearest) }
            }
        }

        /// Finds the nearest directions of at most [`CHUNK`] rows.
        #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
        fn nearest_of_chunk(&self, codes: &[i8], nearest: &mut [u32]) {
            let none = Best { scores: _mm512_set1_ps(f32::NEG_INFINITY), directions: _mm512_setzero_si512() };
            let mut best = [none; CHUNK];
            let rows: Vec<&[i8]> = codes.chunks_exact(self.dimension).collect();
            let blocks = self.codes.chunks_exact(BLOCK * self.dimension).zip(self.scales.as_chunks::<BLOCK>().0);
            for (number, (block, scales)) in (0..).zip(blocks) {
                for (rows, best) in rows.chunks(ROWS).zip(best.chunks_mut(ROWS)) {
                    // The last rows fill up with the first of them, whose second result is left out.
                    let rows: [&[i8]; ROWS] = from_fn(|i| rows.get(i).copied().unwrap_or(rows[0]));
                    compare(rows, block, scales, number * BLOCK as i32, best);
                }
            }
            for (nearest, best) in nearest.iter_mut().zip(best) {
                *nearest = reduce(best);
            }
        }
    }

    /// Compares rows with a block of directions, the first of which has the number `first`.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn compare(rows: [&[i8]; ROWS], block: &[u8], scales: &[f32; BLOCK], first: i32, best: &mut [Best]) {
        let mut sums = [[_mm512_setzero_si512(); 3]; ROWS];
        let fours = rows.map(|row| row.as_chunks::<4>().0);
        for (at, columns) in block.as_chunks::<{ 4 * BLOCK }>().0.iter().enumerate() {
            // SAFETY: each of the three loads reads 64 of 192 bytes, and needs no alignment.
            let columns: [__m512i; 3] = from_fn(|j| unsafe { _mm512_loadu_si512(columns.as_ptr().add(64 * j).cast()) });
            for (row, sums) in fours.iter().zip(&mut sums) {
                let four = row[at].map(i8::cast_unsigned);
                let four = _mm512_set1_epi32(i32::from_le_bytes(four));
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = _mm512_dpbusd_epi32(*sum, column, four);
                }
            }
        }
        let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        for ((row, sums), best) in rows.iter().zip(sums).zip(best) {
            // The directions are shifted by 128, which adds 128 times the sum of the row to every product.
            let shift = 128 * row.iter().map(|code| i32::from(*code)).sum::<i32>();
            for (j, sum) in (0..).zip(sums) {
                let product = _mm512_cvtepi32_ps(_mm512_sub_epi32(sum, _mm512_set1_epi32(shift)));
                // SAFETY: each of the three loads reads 16 of 48 numbers, and needs no alignment.
                let scale = unsafe { _mm512_loadu_ps(scales.as_ptr().add(16 * j as usize)) };
                let score = _mm512_mul_ps(scale, product);
                let better = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(score, best.scores);
                best.scores = _mm512_mask_mov_ps(best.scores, better, score);
                let numbers = _mm512_add_epi32(lanes, _mm512_set1_epi32(first + 16 * j));
                best.directions = _mm512_mask_mov_epi32(best.directions, better, numbers);
            }
        }
    }

    /// Returns the direction of the best lane, the least number among equal scores.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn reduce(best: Best) -> u32 {
        let greatest = _mm512_reduce_max_ps(best.scores);
        let equal = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(best.scores, _mm512_set1_ps(greatest));
        _mm512_mask_reduce_min_epu32(equal, best.directions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn both_forms_agree(dimension in 1_usize..80, lists in 1_usize..120, rows in 1_usize..150, seed in any::<u64>()) {
            let mut random = crate::random::SplitMix64::new(seed);
            let mut codes = |count: usize| -> Vec<i8> { (0..count).map(|_| (random.below(255) as i32 - 127) as i8).collect() };
            let mut directions = Cell::default();
            for list in 0..lists {
                // Equal directions and scales of zero are among them.
                let code = if list % 7 == 3 { vec![5; dimension] } else { codes(dimension) };
                directions.push(list as i64, (list % 5) as f32 * 0.01, &code);
            }
            let codes = codes(rows * dimension);
            let mut found = [vec![0; rows], vec![0; rows]];
            let directions = Directions::new(&directions, dimension);
            directions.nearest(&codes, &mut found[0]);
            directions.nearest_portable(&codes, &mut found[1]);
            prop_assert_eq!(&found[0], &found[1]);
        }
    }
}
