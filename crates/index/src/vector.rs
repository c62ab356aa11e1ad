//! The vector type of the whole program: an embedding of length 1.

use std::fmt;

/// An L2-normalised embedding. Its length is always 1 and every component is finite, so the inner product of two such
/// vectors is their cosine similarity.
#[derive(Clone, PartialEq)]
pub struct UnitVector(Box<[f32]>);

/// The reason why numbers do not make a [`UnitVector`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAUnitVector {
    /// A component is NaN or infinite.
    #[error("the vector holds a number that is not finite")]
    NotFinite,
    /// The vector has no direction (all components zero, or no components).
    #[error("the vector has no direction")]
    NoDirection,
    /// The number of bytes, which this variant holds, is not a multiple of four.
    #[error("{0} bytes are not a whole number of 32-bit floats")]
    BadLength(usize),
}

impl UnitVector {
    /// Scales `components` to length 1.
    ///
    /// # Errors
    /// [`NotAUnitVector::NotFinite`]; [`NotAUnitVector::NoDirection`] when the length is zero.
    pub fn normalize(mut components: Vec<f32>) -> Result<Self, NotAUnitVector> {
        if components.iter().any(|x| !x.is_finite()) {
            return Err(NotAUnitVector::NotFinite);
        }
        let length = components.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        if length < 1e-12 {
            return Err(NotAUnitVector::NoDirection);
        }
        for x in &mut components {
            *x = (f64::from(*x) / length) as f32;
        }
        Ok(Self(components.into_boxed_slice()))
    }

    /// Reads little-endian `f32` bytes, as [`Self::to_le_bytes`] writes them, and scales them to length 1.
    ///
    /// # Errors
    /// The errors of [`Self::normalize`]; [`NotAUnitVector::BadLength`] when the number of bytes is not a multiple of
    /// four.
    pub fn from_le_bytes(bytes: &[u8]) -> Result<Self, NotAUnitVector> {
        let (chunks, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(NotAUnitVector::BadLength(bytes.len()));
        }
        Self::normalize(chunks.iter().map(|c| f32::from_le_bytes(*c)).collect())
    }

    /// Returns the components as little-endian `f32`, `4 × dimension` bytes.
    #[must_use]
    pub fn to_le_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    /// Returns the number of components.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.0.len()
    }

    /// Returns the components.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// Returns the cosine similarity: the inner product, from −1 to 1. Both vectors have the same dimension.
    #[must_use]
    pub fn similarity(&self, other: &Self) -> f32 {
        debug_assert_eq!(self.dimension(), other.dimension());
        // Rounding can give a value a little beyond ±1.
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum::<f32>().clamp(-1.0, 1.0)
    }

    /// Returns the distance: −1 × inner product, from −1 to 1. Smaller is nearer. Both vectors have the same dimension.
    #[must_use]
    pub fn distance(&self, other: &Self) -> f32 {
        // This is a subtraction, because a negation would turn 0 into −0.
        0.0 - self.similarity(other)
    }
}

impl fmt::Debug for UnitVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnitVector({} d)", self.dimension())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_a_round_trip() {
        let v = UnitVector::normalize(vec![3.0, 4.0]).unwrap();
        assert_eq!(v.as_slice(), [0.6, 0.8]);
        assert_eq!(UnitVector::from_le_bytes(&v.to_le_bytes()).unwrap(), v);
    }

    #[test]
    fn the_distance_is_the_negative_similarity_and_never_minus_zero() {
        let [x, y] = [[1.0, 0.0], [0.0, 1.0]].map(|v| UnitVector::normalize(v.to_vec()).unwrap());
        assert_eq!((x.distance(&x), x.similarity(&x)), (-1.0, 1.0));
        assert_eq!(x.distance(&y).to_bits(), 0.0_f32.to_bits());
    }

    #[test]
    fn numbers_without_a_direction_are_refused() {
        assert_eq!(UnitVector::normalize(vec![f32::NAN]), Err(NotAUnitVector::NotFinite));
        assert_eq!(UnitVector::normalize(vec![0.0; 3]), Err(NotAUnitVector::NoDirection));
        assert_eq!(UnitVector::from_le_bytes(&[0; 7]), Err(NotAUnitVector::BadLength(7)));
    }
}
