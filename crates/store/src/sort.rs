//! The orders of lists, and places in them.

use std::cmp::Ordering;

use crate::taken::{local_micros, micros};
use crate::text::natural_key;
use crate::{Image, ImageId};

/// The value that orders a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// The upload date.
    Uploaded,
    /// The time at which the picture was taken, by the clock of the camera. Images without it come last in both
    /// directions, by descending id.
    Taken,
    /// The file name, in its natural order: `a2` before `a10`.
    Name,
    /// The size of the original in bytes.
    Bytes,
    /// A shuffled order, the same whenever the seed is the same ([`random_key`]).
    Random {
        /// The number that chooses the order.
        seed: u64,
    },
}

/// The order of a list. Images of equal values are ordered by id, in the direction of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// The value.
    pub key: SortKey,
    /// Whether the greatest value comes first.
    pub descending: bool,
}

impl Sort {
    /// The order of newest images first.
    pub const NEWEST: Self = Self { key: SortKey::Uploaded, descending: true };

    /// Returns the place of an image.
    #[must_use]
    pub fn place(self, image: &Image) -> SortCursor {
        let value = match self.key {
            SortKey::Uploaded => SortValue::Micros(micros(image.upload_date)),
            SortKey::Taken => {
                image.taken.map_or(SortValue::NoDate, |taken| SortValue::Micros(local_micros(taken.local)))
            }
            SortKey::Name => SortValue::Name(natural_key(&image.file_name)),
            SortKey::Bytes => SortValue::Bytes(image.bytes),
            SortKey::Random { seed } => SortValue::Random(random_key(seed, image.image_id)),
        };
        SortCursor { value, image_id: image.image_id }
    }

    /// Returns how two places of this order follow each other.
    #[must_use]
    pub fn compare(self, a: &SortCursor, b: &SortCursor) -> Ordering {
        match (&a.value, &b.value) {
            (SortValue::NoDate, SortValue::NoDate) => b.image_id.cmp(&a.image_id),
            (SortValue::NoDate, _) => Ordering::Greater,
            (_, SortValue::NoDate) => Ordering::Less,
            (x, y) => {
                let ascending = x.cmp(y).then(a.image_id.cmp(&b.image_id));
                if self.descending { ascending.reverse() } else { ascending }
            }
        }
    }
}

/// A place in an order: the values of the last image before it. It stays valid when that image changes or is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortCursor {
    /// The value of the image.
    pub value: SortValue,
    /// The id of the image.
    pub image_id: ImageId,
}

/// A value that orders a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortValue {
    /// Microseconds since 1970: of the upload date, or of the clock of the camera as if it showed UTC.
    Micros(i64),
    /// The mark of an image without the time at which it was taken.
    NoDate,
    /// A size in bytes.
    Bytes(u64),
    /// The key of the natural order of a file name ([`natural_key`](crate::natural_key)).
    Name(Vec<u8>),
    /// A number of a shuffled order.
    Random(u64),
}

/// An image of a list, with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedImage {
    /// The image.
    pub image: Image,
    /// The place after which the list goes on.
    pub at: SortCursor,
}

/// The shape of an image of a list, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The place after which the list goes on. It holds the id of the image.
    pub at: SortCursor,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
}

/// The modulus of [`random_key`]: the greatest prime below 2³¹ that leaves 2 when divided by 3. Cubing is a permutation
/// of the numbers below such a prime, because 3 has an inverse modulo `P − 1`.
pub const RANDOM_MODULUS: u64 = 2_147_483_579;

/// The numbers `a` (from 1) and `b`, both below [`RANDOM_MODULUS`], that a seed stands for in [`random_key`].
#[must_use]
pub fn random_parameters(seed: u64) -> (u64, u64) {
    let mut state = seed;
    let mut next = || split_mix(&mut state);
    (next() % (RANDOM_MODULUS - 1) + 1, next() % RANDOM_MODULUS)
}

/// Returns the place of an image in the shuffled order of a seed: the cube of `id · a + b` modulo [`RANDOM_MODULUS`].
/// Ids below the modulus have different keys. Every product stays below 2⁶³, so SQL computes the same number. The order
/// looks shuffled and keeps no secret.
#[must_use]
pub fn random_key(seed: u64, image_id: ImageId) -> u64 {
    let (a, b) = random_parameters(seed);
    let id = image_id.unsigned_abs() % RANDOM_MODULUS;
    let x = (id * a + b) % RANDOM_MODULUS;
    x * x % RANDOM_MODULUS * x % RANDOM_MODULUS
}

/// Returns the next number of the generator SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number
/// Generators", 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_modulus_is_a_prime_that_leaves_two_when_divided_by_three() {
        let divisors = (2..).take_while(|divisor| divisor * divisor <= RANDOM_MODULUS);
        assert!(divisors.into_iter().all(|divisor| !RANDOM_MODULUS.is_multiple_of(divisor)));
        assert_eq!(RANDOM_MODULUS % 3, 2);
    }

    #[test]
    fn a_seed_gives_one_order_and_another_seed_another() {
        let order = |seed| {
            let mut ids: Vec<ImageId> = (1..=50).collect();
            ids.sort_by_key(|id| random_key(seed, *id));
            ids
        };
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
        assert_ne!(order(7), (1..=50).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn near_ids_have_different_keys_below_the_modulus(seed: u64, first in 1_i64..4_000_000_000) {
            let keys: HashSet<u64> = (first..first + 500).map(|id| random_key(seed, id)).collect();
            prop_assert_eq!(keys.len(), 500);
            prop_assert!(keys.iter().all(|key| *key < RANDOM_MODULUS));
        }
    }
}
