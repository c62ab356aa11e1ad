//! The conditions of a query line and of filter parameters together.

use crate::error::ApiError;
use mitsuke_engine::search::line::Line;
use mitsuke_store::{Filter, MAX_NONE_OF};

/// The largest number of values of one kind: each one is a look-up for every image.
const MAX_VALUES: usize = 32;

/// Adds the conditions of a query line to a filter.
///
/// # Errors
/// When line and filter hold more values of one kind than a filter may have.
pub fn narrowed(line: &Line, mut filter: Filter) -> Result<Filter, ApiError> {
    line.narrow(&mut filter);
    let lists = [&filter.checkpoints, &filter.samplers, &filter.cameras, &filter.folders, &filter.loras, &filter.tags];
    if lists.iter().any(|list| list.len() > MAX_VALUES) {
        return Err(ApiError::invalid("q", format!("`q` may hold {MAX_VALUES} fields of one name at most.")));
    }
    if filter.none_of.len() > MAX_NONE_OF {
        return Err(ApiError::invalid("q", format!("`q` may leave out {MAX_NONE_OF} words and fields at most.")));
    }
    Ok(filter)
}
