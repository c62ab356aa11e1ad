//! Int8 codes of vectors. A code takes a quarter of the memory of an `f32` vector, and one SIMD instruction multiplies
//! dozens of its components.

use simsimd::SpatialSimilarity;

/// The largest value of a code. Codes leave −128 out, so that they are symmetric.
const STEPS: f32 = 127.0;

/// The code of one vector, which is about `scale × codes`.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    /// The length of one step, at least 0 and finite.
    pub(crate) scale: f32,
    /// One value for each component, −127 to 127.
    pub(crate) codes: Box<[i8]>,
}

impl Code {
    /// Rounds every component to the nearest of 255 steps between ± the largest component.
    pub(crate) fn quantize(vector: &[f32]) -> Self {
        let largest = vector.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        let scale = largest / STEPS;
        // A scale that is zero, or too small to invert, would give NaN or infinity, so the code is then all zeros.
        let inverse = if scale > f32::MIN_POSITIVE { 1.0 / scale } else { 0.0 };
        let codes = vector.iter().map(|x| (x * inverse).round_ties_even() as i8).collect();
        Self { scale, codes }
    }
}

/// Returns the inner product of two rows of codes, in steps. Both rows have the same length.
pub(crate) fn dot(a: &[i8], b: &[i8]) -> f32 {
    debug_assert_eq!(a.len(), b.len());
    // The product is `None` for unequal lengths, which the index never stores.
    i8::dot(a, b).map_or(0.0, |steps| steps as f32)
}

/// The bound of the difference between the inner product of two codes and that of their vectors.
///
/// Rounding shifts a component by at most half a step and, after [`crate::rotation::Rotation`], evenly and
/// independently. The error of the inner product of unit vectors `x` and `q` is therefore noise of variance (sₓ² +
/// s_q²) / 12, where sₓ and s_q are their steps. A bound of six standard deviations is exceeded by one vector in 10⁹.
/// When `q` almost equals `x`, their rounding errors are almost equal too; the bound is then 4.2 deviations, and one in
/// 40,000 of the few vectors that are so near exceeds the bound. In few dimensions the noise is not Gaussian, but the
/// inequality of Cauchy and Schwarz bounds it by √d × (sₓ + s_q) / 2 (and a term of second order). The margin is the
/// smaller of the two bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Margin {
    query_scale: f32,
    half_sqrt_dimension: f32,
}

impl Margin {
    const DEVIATIONS: f32 = 6.0;

    /// Makes the margin for a query with step `query_scale`, in vectors of `dimension` components.
    pub(crate) fn new(query_scale: f32, dimension: usize) -> Self {
        Self { query_scale, half_sqrt_dimension: (dimension as f32).sqrt() / 2.0 }
    }

    /// Returns the margin for a vector with step `scale`. It grows with `scale`.
    pub(crate) fn for_scale(self, scale: f32) -> f32 {
        let gaussian = Self::DEVIATIONS * (self.query_scale.hypot(scale)) / 12.0_f32.sqrt();
        let (q, x) = (self.query_scale * self.half_sqrt_dimension, scale * self.half_sqrt_dimension);
        // The addition of 1e-5 covers the rounding of the two inner products, which are sums of `f32` in different
        // orders.
        gaussian.min(q + x + q * x) + 1e-5
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
    fn a_vector_of_length_zero_has_a_code_of_zeros() {
        for x in [0.0, 1e-40] {
            let code = Code::quantize(&[x, -x]);
            assert!(code.codes.iter().all(|c| *c == 0) && code.scale.is_finite());
        }
    }
}
