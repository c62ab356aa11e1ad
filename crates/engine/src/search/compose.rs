//! Vector arithmetic: makes the vector of a query from the parts of the query.

use mitsuke_index::{NotAUnitVector, UnitVector};

/// The length of a sum, as a share of its weights, below which the parts count as cancelling out: such a sum is a
/// rounding error, and its direction means nothing.
const MIN_RELATIVE_LENGTH: f64 = 1e-5;

/// The weights of the parts of a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PartWeights {
    /// The weight of all pictures together. It is divided evenly among them, so that many pictures do not drown a text.
    pub image: f32,
    /// The weight of the text.
    pub text: f32,
    /// The weight of the negative text.
    pub negative: f32,
}

/// Pictures and text count alike. A negative text pulls half as much: a full subtraction throws queries far from
/// every picture, because texts lie close together in CLIP spaces.
impl Default for PartWeights {
    fn default() -> Self {
        Self { image: 1.0, text: 1.0, negative: 0.5 }
    }
}

/// The parts of a query, as unit vectors of one model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parts {
    /// The vectors of the pictures.
    pub images: Vec<UnitVector>,
    /// The vector of the text.
    pub text: Option<UnitVector>,
    /// The vector of the negative text. Images near this vector are ranked lower.
    pub negative: Option<UnitVector>,
}

impl Parts {
    /// Returns the query vector: `image × mean of the pictures + text × text − negative × negative text`, scaled to
    /// length 1. A single picture or text is its own vector, whatever its weight.
    ///
    /// # Errors
    /// When the parts cancel out, or none has a weight.
    pub fn compose(&self, weights: PartWeights) -> Result<UnitVector, NotAUnitVector> {
        if let ([only], None, None) | ([], Some(only), None) = (self.images.as_slice(), &self.text, &self.negative) {
            return Ok(only.clone());
        }
        let weight_of_each = f64::from(weights.image) / self.images.len().max(1) as f64;
        let images = self.images.iter().map(|vector| (weight_of_each, vector));
        let text = self.text.iter().map(|vector| (f64::from(weights.text), vector));
        let negative = self.negative.iter().map(|vector| (-f64::from(weights.negative), vector));
        let weighted: Vec<_> = images.chain(text).chain(negative).collect();
        let mut sum = vec![0.0_f64; weighted.first().map_or(0, |(_, vector)| vector.dimension())];
        for (weight, vector) in &weighted {
            debug_assert_eq!(vector.dimension(), sum.len());
            for (sum, component) in sum.iter_mut().zip(vector.as_slice()) {
                *sum += weight * f64::from(*component);
            }
        }
        let length = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
        let weight: f64 = weighted.iter().map(|(weight, _)| weight.abs()).sum();
        if weight <= 0.0 || !length.is_finite() || length < MIN_RELATIVE_LENGTH * weight {
            return Err(NotAUnitVector::NoDirection);
        }
        UnitVector::normalize(sum.into_iter().map(|x| (x / length) as f32).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit(components: &[f32]) -> UnitVector {
        UnitVector::normalize(components.to_vec()).unwrap()
    }

    fn vector() -> impl Strategy<Value = UnitVector> {
        proptest::collection::vec(-1.0_f32..1.0, 6)
            .prop_filter_map("has a direction", |components| UnitVector::normalize(components).ok())
    }

    fn alike(a: &UnitVector, b: &UnitVector) -> bool {
        a.similarity(b) > 0.999_99
    }

    #[test]
    fn the_rule_holds_for_a_small_example() {
        let parts = Parts {
            images: vec![unit(&[1.0, 0.0, 0.0]), unit(&[0.0, 1.0, 0.0])],
            text: Some(unit(&[0.0, 0.0, 1.0])),
            negative: Some(unit(&[0.0, 1.0, 0.0])),
        };
        let query = parts.compose(PartWeights { image: 2.0, text: 3.0, negative: 0.5 }).unwrap();
        assert!(alike(&query, &unit(&[1.0, 0.5, 3.0])));
        assert!(alike(&parts.compose(PartWeights::default()).unwrap(), &unit(&[0.5, 0.0, 1.0])));
    }

    #[test]
    fn parts_that_cancel_out_have_no_direction() {
        let v = unit(&[0.3, 0.5, -0.2]);
        let parts = Parts { text: Some(v.clone()), negative: Some(v), ..Parts::default() };
        assert!(parts.compose(PartWeights { negative: 1.0, ..PartWeights::default() }).is_err());
        assert!(parts.compose(PartWeights { image: 0.0, text: 0.0, negative: 0.0 }).is_err());
        assert!(parts.compose(PartWeights::default()).is_ok());
        assert!(Parts::default().compose(PartWeights::default()).is_err());
    }

    proptest! {
        #[test]
        fn one_part_alone_is_its_own_vector(v in vector(), image in 0.0_f32..10.0, text in 0.0_f32..10.0) {
            let weights = PartWeights { image, text, negative: 0.5 };
            let picture = Parts { images: vec![v.clone()], ..Parts::default() };
            prop_assert_eq!(&picture.compose(weights).unwrap(), &v);
            let words = Parts { text: Some(v.clone()), ..Parts::default() };
            prop_assert_eq!(&words.compose(weights).unwrap(), &v);
        }

        #[test]
        fn a_picture_given_twice_counts_once(image in vector(), text in vector()) {
            let parts = |n| Parts { images: vec![image.clone(); n], text: Some(text.clone()), negative: None };
            if let (Ok(once), Ok(twice)) =
                (parts(1).compose(PartWeights::default()), parts(2).compose(PartWeights::default()))
            {
                prop_assert!(alike(&once, &twice));
            }
        }

        #[test]
        fn the_order_of_pictures_and_the_scale_of_weights_change_nothing(
            mut images in proptest::collection::vec(vector(), 2..5), text in vector(), factor in 0.1_f32..10.0,
        ) {
            let weights = PartWeights { image: 1.5, text: 0.7, negative: 0.5 };
            let scaled = PartWeights { image: 1.5 * factor, text: 0.7 * factor, negative: 0.5 * factor };
            let straight = Parts { images: images.clone(), text: Some(text.clone()), negative: None }.compose(weights);
            images.reverse();
            let reversed = Parts { images, text: Some(text), negative: None }.compose(scaled);
            if let (Ok(straight), Ok(reversed)) = (straight, reversed) {
                prop_assert!(alike(&straight, &reversed));
                prop_assert!((straight.similarity(&straight) - 1.0).abs() < 1e-5);
            }
        }

        #[test]
        fn a_negative_text_never_comes_nearer(text in vector(), negative in vector(), weight in 0.01_f32..3.0) {
            let parts = Parts { text: Some(text.clone()), negative: Some(negative.clone()), ..Parts::default() };
            if let Ok(query) = parts.compose(PartWeights { negative: weight, ..PartWeights::default() }) {
                prop_assert!(query.similarity(&negative) <= text.similarity(&negative) + 1e-4);
            }
        }
    }
}
