//! The order that a list is asked for in, and the place after which its page begins.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use crate::api::cursor;
use crate::api::types::{OrderBody, SortBody};
use crate::error::ApiError;
use mitsuke_store::{Sort, SortCursor, SortKey};

/// The bits of a seed that is drawn: JavaScript reads numbers of so many bits exactly.
const SEED_BITS: u32 = 53;

/// The parameters of a list that say where its page begins.
pub struct Asked<'a> {
    pub sort: Option<SortBody>,
    pub order: Option<OrderBody>,
    pub random_seed: Option<u64>,
    pub cursor: Option<&'a str>,
}

impl Asked<'_> {
    /// Returns the order that is asked for, and the place after which the page begins.
    ///
    /// # Errors
    /// When the cursor is none, or one of another order.
    pub fn place(&self) -> Result<(Sort, Option<SortCursor>), ApiError> {
        let cursor = self.cursor.map(cursor::list).transpose()?;
        let seed = self.random_seed.or(match cursor {
            Some((Sort { key: SortKey::Random { seed }, .. }, _)) => Some(seed),
            _ => None,
        });
        let (key, descending) = match self.sort.unwrap_or_default() {
            SortBody::Uploaded => (SortKey::Uploaded, true),
            SortBody::Taken => (SortKey::Taken, true),
            SortBody::Name => (SortKey::Name, false),
            SortBody::Bytes => (SortKey::Bytes, true),
            SortBody::Random => (SortKey::Random { seed: seed.unwrap_or_else(drawn_seed) }, false),
        };
        let descending = self.order.map_or(descending, |order| order == OrderBody::Desc);
        let sort = Sort { key, descending };
        match cursor {
            Some((of, _)) if of != sort => Err(ApiError::invalid(
                "cursor",
                "The cursor is one of another order. Send it with the same `sort` and `order`.",
            )),
            cursor => Ok((sort, cursor.map(|(_, at)| at))),
        }
    }
}

/// Draws a seed. The keys of the standard library's hash maps are drawn anew for each of them.
fn drawn_seed() -> u64 {
    RandomState::new().hash_one(()) >> (u64::BITS - SEED_BITS)
}
