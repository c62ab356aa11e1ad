//! The number of images that a list or a search finds.

/// The largest number that every store counts exactly. Above it, a store may say that there are at least so many.
pub const EXACT_TOTAL: u64 = 10_000;

/// A number of images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// The number, or a number that there are at least.
    pub count: u64,
    /// Whether `count` is the number. It always is up to [`EXACT_TOTAL`].
    pub exact: bool,
}

impl Total {
    /// Makes the total of a set that has been counted to its end.
    #[must_use]
    pub fn exactly(count: u64) -> Self {
        Self { count, exact: true }
    }
}
