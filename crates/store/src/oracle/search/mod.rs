//! Finding images: by vector, by keyword, by both, among those that pass a filter.

mod expression;
mod filter;
pub(crate) mod hybrid;
pub(crate) mod keyword;
pub(crate) mod newest;
pub(crate) mod vector;

/// No page starts behind this many hits.
const MOST_SKIPPED: usize = 10_000_000;
