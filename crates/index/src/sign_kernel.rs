//! The inner loop of a scan of sign codes, in a portable form and for some instruction sets. All forms count bits, so
//! they give equal sums.

/// The number of bit planes of a query's code.
pub(crate) const PLANES: usize = 4;

/// The weights of the planes: a number of four bits in two's complement.
pub(crate) const WEIGHTS: [i32; PLANES] = [1, 2, 4, -8];

/// Writes, for each row of `rows`, the sum of the components of a code at the row's set bits into `sums`. A row and a
/// plane are `width` words; `planes` holds the bits of the code's components, plane after plane, by [`WEIGHTS`].
pub(crate) fn sums(rows: &[u64], planes: &[u64], width: usize, sums: &mut [i32]) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512vpopcntdq") && is_x86_feature_detected!("avx512vl") {
            // SAFETY: the processor has the instructions that the called functions are compiled for.
            let done = unsafe {
                match width {
                    4 => x86::sums_avx512::<1>(rows, planes, sums),
                    8 => x86::sums_avx512::<2>(rows, planes, sums),
                    12 => x86::sums_avx512::<3>(rows, planes, sums),
                    16 => x86::sums_avx512::<4>(rows, planes, sums),
                    _ => 0,
                }
            };
            let rest = rows.get(done * width..).unwrap_or_default();
            return sums_popcnt(rest, planes, width, sums.get_mut(done..).unwrap_or_default());
        }
        sums_popcnt(rows, planes, width, sums);
    }
    #[cfg(not(target_arch = "x86_64"))]
    sums_portable(rows, planes, width, sums);
}

#[cfg(target_arch = "x86_64")]
fn sums_popcnt(rows: &[u64], planes: &[u64], width: usize, sums: &mut [i32]) {
    if is_x86_feature_detected!("popcnt") {
        // SAFETY: the processor has the instruction that the called function is compiled for.
        unsafe { x86::sums_popcnt(rows, planes, width, sums) }
    } else {
        sums_portable(rows, planes, width, sums);
    }
}

#[inline(always)]
fn sums_portable(rows: &[u64], planes: &[u64], width: usize, sums: &mut [i32]) {
    let width = width.max(1);
    for (row, sum) in rows.chunks_exact(width).zip(sums) {
        *sum = 0;
        for (plane, weight) in planes.chunks_exact(width).zip(WEIGHTS) {
            let ones: u32 = row.iter().zip(plane).map(|(row, plane)| (row & plane).count_ones()).sum();
            *sum += weight * ones as i32;
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;
    use std::array::from_fn;

    use super::PLANES;

    #[target_feature(enable = "popcnt")]
    pub(super) fn sums_popcnt(rows: &[u64], planes: &[u64], width: usize, sums: &mut [i32]) {
        super::sums_portable(rows, planes, width, sums);
    }

    /// Sums rows of `4 × PARTS` words, four rows at a time, and returns the number of rows done.
    #[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq")]
    pub(super) fn sums_avx512<const PARTS: usize>(rows: &[u64], planes: &[u64], sums: &mut [i32]) -> usize {
        let (parts, _) = planes.as_chunks::<4>();
        if parts.len() != PLANES * PARTS {
            return 0;
        }
        let planes: [[__m256i; PARTS]; PLANES] = from_fn(|p| from_fn(|i| load(&parts[p * PARTS + i])));
        let rows = rows.as_chunks::<4>().0.chunks_exact(4 * PARTS);
        let sums = sums.as_chunks_mut::<4>().0;
        let done = 4 * rows.len().min(sums.len());
        for (four, sums) in rows.zip(sums) {
            let [a, b, c, d]: [__m256i; 4] = from_fn(|row| {
                let words: [__m256i; PARTS] = from_fn(|i| load(&four[row * PARTS + i]));
                let ones = |p: usize| {
                    let counts = (0..PARTS).map(|i| _mm256_popcnt_epi64(_mm256_and_si256(words[i], planes[p][i])));
                    counts.fold(_mm256_setzero_si256(), |sum, count| _mm256_add_epi64(sum, count))
                };
                // By Horner's rule; the last plane is the negative one.
                let sum = _mm256_sub_epi64(_mm256_setzero_si256(), ones(PLANES - 1));
                (0..PLANES - 1).rev().fold(sum, |sum, p| _mm256_add_epi64(_mm256_add_epi64(sum, sum), ones(p)))
            });
            // The sums fit 32 bits, so the low halves of two rows share the lanes of one vector.
            let ab = _mm256_mask_shuffle_epi32::<0b10_10_00_00>(a, 0b1010_1010, b);
            let cd = _mm256_mask_shuffle_epi32::<0b10_10_00_00>(c, 0b1010_1010, d);
            let abcd = _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
            let total = _mm_add_epi32(_mm256_castsi256_si128(abcd), _mm256_extracti128_si256::<1>(abcd));
            // SAFETY: the four sums are 16 bytes, and the instruction needs no alignment.
            unsafe { _mm_storeu_si128(sums.as_mut_ptr().cast(), total) };
        }
        done
    }

    #[target_feature(enable = "avx512f,avx512vl,avx512vpopcntdq")]
    fn load(words: &[u64; 4]) -> __m256i {
        // SAFETY: four words are 32 bytes, and the instruction needs no alignment.
        unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_forms_agree(width in 0_usize..18, rows in 0_usize..11, seed in any::<u64>()) {
            let mut random = crate::random::SplitMix64::new(seed);
            let words: Vec<u64> = (0..rows * width).map(|_| random.next_u64()).collect();
            let planes: Vec<u64> = (0..PLANES * width).map(|_| random.next_u64()).collect();
            let mut expected = vec![0; rows];
            for (row, sum) in expected.iter_mut().enumerate() {
                for bit in 0..64 * width {
                    let at = |words: &[u64], row: usize| (words[row * width + bit / 64] >> (bit % 64) & 1) as i32;
                    *sum += at(&words, row) * (0..PLANES).map(|p| WEIGHTS[p] * at(&planes, p)).sum::<i32>();
                }
            }
            let mut found = [vec![7; rows], vec![7; rows]];
            if width > 0 {
                sums(&words, &planes, width, &mut found[0]);
                sums_portable(&words, &planes, width, &mut found[1]);
                prop_assert_eq!(&found[0], &expected);
                prop_assert_eq!(&found[1], &expected);
            }
        }
    }
}
