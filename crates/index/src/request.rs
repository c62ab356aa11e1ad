//! The request that one search passes to the stages that scan codes.

use std::collections::HashSet;

use crate::IdSet;
use crate::codes::{Code, Margin};
use crate::signs::QuerySigns;

/// One search, with the values that the stages that scan codes need.
pub(crate) struct Request<'a> {
    /// The code of the rotated query.
    pub(crate) query: &'a Code,
    /// The rotated query for sign codes.
    pub(crate) signs: &'a QuerySigns,
    /// The bound of the error of an estimate.
    pub(crate) margin: Margin,
    /// The number of vectors wanted, at least 1.
    pub(crate) k: usize,
    /// The only ids that may be found; `None` for all ids.
    pub(crate) only: Option<&'a IdSet>,
    /// A few ids that may not be found.
    pub(crate) except: HashSet<i64>,
    /// The fraction of the `k` nearest vectors that may be missed; with 0 the search scans everything.
    pub(crate) miss_target: f32,
}

impl Request<'_> {
    /// Returns whether `id` may be found.
    pub(crate) fn allows(&self, id: i64) -> bool {
        self.only.is_none_or(|only| only.contains(id)) && (self.except.is_empty() || !self.except.contains(&id))
    }
}
