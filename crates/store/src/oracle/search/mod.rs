//! Finding images: by vector, by keyword, by both, and newest first, among those that pass a filter.

mod expression;
mod filter;
pub(crate) mod hybrid;
pub(crate) mod keyword;
pub(crate) mod newest;
pub(crate) mod vector;

/// The largest number of hits that a page can skip.
const MAX_OFFSET: usize = 10_000_000;
