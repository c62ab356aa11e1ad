//! Checks that several endpoints share.

use std::collections::HashSet;

use crate::config::Limits;
use crate::error::{ApiError, ErrorCode};
use mitsuke_store::{ImageId, MAX_TAG_CHARS};

/// Images on a page unless the caller asks for another number: the page size of the original application.
const DEFAULT_PAGE: usize = 16;

/// Returns the page size that is asked for, within its limit.
///
/// # Errors
/// When it is 0 or over the limit.
pub fn page_size(limit: Option<u32>, limits: &Limits) -> Result<usize, ApiError> {
    let size = limit.map_or(DEFAULT_PAGE.min(limits.page), |limit| limit as usize);
    if size == 0 || size > limits.page {
        return Err(ApiError::invalid("limit", format!("`limit` must be from 1 to {}.", limits.page))
            .with("limit", limits.page));
    }
    Ok(size)
}

/// Returns the number of items that is asked for, from 1 to `most`.
///
/// # Errors
/// When it is 0 or over `most`.
pub fn count(limit: Option<u32>, default: usize, most: usize) -> Result<usize, ApiError> {
    let count = limit.map_or(default, |limit| limit as usize);
    if count == 0 || count > most {
        return Err(ApiError::invalid("limit", format!("`limit` must be from 1 to {most}.")).with("limit", most));
    }
    Ok(count)
}

/// Returns the ids of a request, each once, in their order.
///
/// # Errors
/// When there are none or more than `most`.
pub fn ids(mut ids: Vec<ImageId>, most: usize) -> Result<Vec<ImageId>, ApiError> {
    if ids.is_empty() || ids.len() > most {
        let detail = format!("Send `image_ids` with 1 to {most} images.");
        return Err(ApiError::invalid("image_ids", detail).with("limit", most));
    }
    let mut seen = HashSet::with_capacity(ids.len());
    ids.retain(|id| seen.insert(*id));
    Ok(ids)
}

/// Reads names that commas separate, each once; all of them when there is no name.
///
/// # Errors
/// When a name is not one of the table.
pub fn choices<T: Copy + PartialEq>(field: &str, names: Option<&str>, table: &[(&str, T)]) -> Result<Vec<T>, ApiError> {
    let mut chosen = Vec::new();
    for name in names.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let Some((_, choice)) = table.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
            let known: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
            return Err(ApiError::invalid(field, format!("`{name}` is none of {}.", known.join(", "))));
        };
        if !chosen.contains(choice) {
            chosen.push(*choice);
        }
    }
    Ok(if chosen.is_empty() { table.iter().map(|(_, choice)| *choice).collect() } else { chosen })
}

/// Cuts a query text to its limit, because a pasted prompt says what it is about in its beginning; returns the number of
/// characters that were cut off.
///
/// # Errors
/// [`ErrorCode::InvalidRequest`] when the text holds U+0000.
pub fn cut(field: &str, query: &mut String, max_chars: usize) -> Result<usize, ApiError> {
    text(field, Some(query.as_str()), usize::MAX)?;
    let Some((end, _)) = query.char_indices().nth(max_chars) else { return Ok(0) };
    Ok(query.split_off(end).chars().count())
}

/// Checks that a text is within its limit and without U+0000, which no store and no model has a use for. Texts found in
/// files have lost that character already.
///
/// # Errors
/// [`ErrorCode::TextTooLong`]; [`ErrorCode::InvalidRequest`] when the text holds U+0000.
pub fn text(field: &str, text: Option<&str>, max_chars: usize) -> Result<(), ApiError> {
    let Some(text) = text else { return Ok(()) };
    if text.chars().nth(max_chars).is_some() {
        return Err(ApiError::new(
            ErrorCode::TextTooLong,
            format!("`{field}` may have {max_chars} characters at most."),
        )
        .with("field", field)
        .with("limit", max_chars));
    }
    if text.contains('\0') {
        return Err(ApiError::invalid(field, format!("`{field}` may not hold the character U+0000. Leave it out.")));
    }
    Ok(())
}

/// Checks the tags of a field, and returns them without the blank ones.
///
/// # Errors
/// [`ErrorCode::TextTooLong`] for a tag that is too long; [`ErrorCode::InvalidRequest`] when there are more than `most`,
/// or one holds U+0000.
pub fn tags(field: &str, tags: Vec<String>, most: usize) -> Result<Vec<String>, ApiError> {
    if tags.len() > most {
        return Err(ApiError::invalid(field, format!("`{field}` may hold {most} tags at most.")).with("limit", most));
    }
    tags.iter().try_for_each(|tag| text(field, Some(tag.trim()), MAX_TAG_CHARS))?;
    Ok(tags.into_iter().filter(|tag| !tag.trim().is_empty()).collect())
}
