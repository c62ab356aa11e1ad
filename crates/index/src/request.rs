//! The request that one search passes to the stages that scan codes.

use crate::codes::{Code, Margin};

/// One search, with the values that the stages that scan codes need.
pub(crate) struct Request<'a> {
    /// The code of the rotated query.
    pub(crate) query: &'a Code,
    /// The bound of the error of an estimate.
    pub(crate) margin: Margin,
    /// The number of vectors wanted, at least 1.
    pub(crate) k: usize,
    /// The filter, which returns whether an id may be found.
    pub(crate) allow: &'a dyn Fn(i64) -> bool,
    /// The fraction of the `k` nearest vectors that may be missed; with 0 the search scans everything.
    pub(crate) miss_target: f32,
}
