//! The request of one search to the stages that scan codes.

use crate::codes::{Code, Margin};

/// One search, as the stages that scan codes see it.
pub(crate) struct Request<'a> {
    /// The code of the rotated query.
    pub(crate) query: &'a Code,
    /// The bound of the error of an estimate.
    pub(crate) margin: Margin,
    /// The number of vectors wanted, at least 1.
    pub(crate) k: usize,
    /// Tells which ids may be found.
    pub(crate) allow: &'a dyn Fn(i64) -> bool,
    /// The fraction of the `k` nearest that may be missed; 0 scans everything.
    pub(crate) miss_target: f32,
}
