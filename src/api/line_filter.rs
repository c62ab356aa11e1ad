//! The conditions of a query line and of filter parameters together.

use crate::api::checks;
use crate::api::types::FilterRequest;
use crate::config::Limits;
use crate::error::ApiError;
use mitsuke_engine::search::line::{self, Line};
use mitsuke_store::{Filter, MAX_NONE_OF};

/// The largest number of values of one kind: each one is a look-up for every image.
const MAX_VALUES: usize = 32;

/// Returns the condition of filter parameters and of a query line, all words of which an image must hold.
///
/// # Errors
/// When line or filter cannot be used, or hold more values of one kind than a filter may have.
pub fn of(filter: FilterRequest, q: Option<String>, limits: &Limits) -> Result<Filter, ApiError> {
    let filter = filter.checked(limits.query_chars)?;
    let Some(mut q) = q else { return Ok(filter) };
    checks::cut("q", &mut q, limits.query_chars)?;
    let line = line::parse(&q);
    let mut filter = narrowed(&line, filter)?;
    filter.terms.extend(line.terms());
    Ok(filter)
}

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
