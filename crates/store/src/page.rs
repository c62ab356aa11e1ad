//! The page of a ranking: one type from the API to the statements of the store.

use crate::Filter;

/// The deepest rank that a page of a search of the service reaches. A page costs as much as all pages before it, so a
/// bound keeps every search cheap; callers who look for more narrow the search by a filter. Stores answer deeper pages
/// too, more slowly.
pub const MAX_PAGE_DEPTH: usize = 10_000;

/// The part of a ranking, or of the list of newest images, that a caller reads. The default is an empty page of all
/// images.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The number of images to skip.
    pub offset: usize,
    /// The largest number of images to return.
    pub limit: usize,
    /// The condition on the images. Images that fail it are not counted by `offset`.
    pub filter: Filter,
    /// Whether the query of a vector search is compared with every embedding. Otherwise an index may miss a few of the
    /// nearest images. An exact search is slower the more images there are. Rankings without vectors ignore this
    /// setting.
    pub exact: bool,
}

impl Page {
    /// Makes the page of the first `limit` images without a filter.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }
}
