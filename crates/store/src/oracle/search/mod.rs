//! Finding images: by vector, by keyword, by both, among those that pass a filter.

pub(crate) mod filter;
pub(crate) mod hybrid;
pub(crate) mod keyword;
pub(crate) mod vector;
