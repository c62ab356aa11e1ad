//! A fixed random rotation that spreads the length of a vector evenly over its components.
//!
//! CLIP embeddings have a few components that are much larger than the rest. An int8 code has one scale for the whole
//! vector, so the few large components would leave hardly any steps to the others. A rotation changes no inner product
//! and makes all components about equally large. After the rotation, rounding errors behave like independent noise,
//! whatever the data; [`crate::codes::Margin`] relies on that.
//!
//! Method: rounds of random sign flips and fast Walsh–Hadamard transforms, O(d log d); as in Ailon and
//! Chazelle, "The Fast Johnson–Lindenstrauss Transform", 2009. When the dimension is no power of two, a
//! transform of the first components and one of the last overlap and mix all of them.

/// The seed of the sign flips. It is part of the snapshot format: another seed needs another format version.
const SEED: u64 = 0x6d69_7473_756b_6531;

/// An orthogonal map of vectors of one dimension, the same in every process.
#[derive(Debug)]
pub(crate) struct Rotation {
    /// One row of ±1 for each transform.
    signs: Vec<Vec<f32>>,
    /// The largest power of two that is not above the dimension.
    width: usize,
}

impl Rotation {
    /// Makes the rotation for vectors of `dimension` components.
    pub(crate) fn new(dimension: usize) -> Self {
        let width = if dimension == 0 { 0 } else { 1 << dimension.ilog2() };
        let mut random = crate::random::SplitMix64::new(SEED);
        // One transform mixes a power of two completely. For other dimensions two overlapping transforms run twice.
        let transforms = if width == dimension { 1 } else { 4 };
        let signs = (0..transforms)
            .map(|_| (0..dimension).map(|_| if random.next_u64() >> 63 == 0 { 1.0 } else { -1.0 }).collect())
            .collect();
        Self { signs, width }
    }

    /// Returns the rotated vector. `vector` has the dimension of the rotation.
    pub(crate) fn apply(&self, vector: &[f32]) -> Vec<f32> {
        let mut rotated = vector.to_vec();
        for (transform, signs) in self.signs.iter().enumerate() {
            for (x, sign) in rotated.iter_mut().zip(signs) {
                *x *= sign;
            }
            let first = if transform % 2 == 0 { 0 } else { rotated.len() - self.width };
            if let Some(part) = rotated.get_mut(first..first + self.width) {
                walsh_hadamard(part);
            }
        }
        rotated
    }
}

/// Applies the orthonormal Walsh–Hadamard transform in place. The length is a power of two, or zero.
fn walsh_hadamard(values: &mut [f32]) {
    let mut half = 1;
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
    let scale = 1.0 / (values.len() as f32).sqrt();
    for x in values {
        *x *= scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_products_stay_and_outliers_spread() {
        for dimension in [1, 2, 3, 5, 100, 256, 384, 512, 768, 1000, 1024] {
            let rotation = Rotation::new(dimension);
            let mut spike = vec![0.0_f32; dimension];
            spike[0] = 1.0;
            let ramp: Vec<f32> = (0..dimension).map(|i| (i as f32 * 0.7).sin()).collect();
            let (a, b) = (rotation.apply(&spike), rotation.apply(&ramp));
            let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
            assert!((dot(&a, &b) - dot(&spike, &ramp)).abs() < 1e-4, "{dimension}");
            assert!((dot(&a, &a) - 1.0).abs() < 1e-5, "{dimension}");
            let largest = a.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
            assert!(dimension < 100 || largest < 0.35, "{dimension}: {largest}");
        }
    }

    #[test]
    fn an_empty_vector_stays_empty() {
        assert!(Rotation::new(0).apply(&[]).is_empty());
    }
}
