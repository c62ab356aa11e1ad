//! The parts of a search request that shape its ranking: page, cutoffs and weights.

use crate::api::checks::page_size;
use crate::api::cursor;
use crate::api::types::{FilterRequest, ImageWeights, TextWeights};
use crate::config::Limits;
use crate::error::{ApiError, ErrorCode};
use mitsuke_engine::search::{Cutoff, PartWeights, Weights};
use mitsuke_store::{MAX_PAGE_DEPTH, Page};

/// The largest weight of a part.
const MAX_WEIGHT: f64 = 100.0;

/// The page of a ranking as a request asks for it.
#[derive(Debug, Default)]
pub struct PageRequest {
    /// Hits on the page.
    pub limit: Option<u32>,
    /// The place after which the page begins.
    pub cursor: Option<String>,
    /// Hits to skip, in place of a cursor.
    pub offset: u32,
    /// The images that may be found.
    pub filter: Option<FilterRequest>,
    /// The absolute cutoff.
    pub min_similarity: Option<f32>,
    /// The relative cutoff.
    pub max_gap: Option<f32>,
    /// Whether every embedding is compared.
    pub exact: bool,
}

impl PageRequest {
    /// Checks every field and returns the page and its cutoffs. A page that begins before [`MAX_PAGE_DEPTH`] ends there
    /// at the latest, so a caller who follows `next_offset` meets the end of a list and no error.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`] with the name of the field that is out of bounds; [`ErrorCode::PageTooDeep`] when
    /// the page begins at [`MAX_PAGE_DEPTH`] or deeper.
    pub fn checked(self, limits: &Limits) -> Result<(Page, Cutoff), ApiError> {
        if self.min_similarity.is_some_and(|floor| !(-1.0..=1.0).contains(&floor)) {
            return Err(ApiError::invalid("min_similarity", "`min_similarity` must be from -1 to 1."));
        }
        if self.max_gap.is_some_and(|gap| !(0.0..=2.0).contains(&gap)) {
            return Err(ApiError::invalid("max_gap", "`max_gap` must be from 0 to 2."));
        }
        let (offset, limit) = (self.first()?, page_size(self.limit, limits)?);
        if offset >= MAX_PAGE_DEPTH {
            return Err(ApiError::new(
                ErrorCode::PageTooDeep,
                format!(
                    "The pages of a search end with hit {MAX_PAGE_DEPTH}. Narrow the search by a filter, or list all \
                     images: GET /images follows `cursor` to the last one."
                ),
            )
            .with("field", if self.cursor.is_some() { "cursor" } else { "offset" })
            .with("limit", MAX_PAGE_DEPTH));
        }
        let page = Page {
            offset,
            limit: limit.min(MAX_PAGE_DEPTH - offset),
            filter: self.filter.unwrap_or_default().checked(limits.query_chars)?,
            exact: self.exact,
        };
        Ok((page, Cutoff { min_similarity: self.min_similarity, max_gap: self.max_gap }))
    }

    /// Returns the number of hits before the page.
    fn first(&self) -> Result<usize, ApiError> {
        match &self.cursor {
            None => Ok(self.offset as usize),
            Some(_) if self.offset > 0 => Err(ApiError::invalid("offset", "Send `cursor` or `offset`, not both.")),
            Some(cursor) => cursor::search_offset(cursor),
        }
    }
}

fn weight(name: &str, weight: Option<f64>, default: f64) -> Result<f64, ApiError> {
    let weight = weight.unwrap_or(default);
    if (0.0..=MAX_WEIGHT).contains(&weight) {
        Ok(weight)
    } else {
        Err(ApiError::invalid("weights", format!("`weights.{name}` must be from 0 to {MAX_WEIGHT}.")))
    }
}

fn part_weights(image: Option<f64>, text: Option<f64>, negative: Option<f64>) -> Result<PartWeights, ApiError> {
    let default = PartWeights::default();
    let part = |name, given, default: f32| weight(name, given, default.into()).map(|weight| weight as f32);
    Ok(PartWeights {
        image: part("image", image, default.image)?,
        text: part("text", text, default.text)?,
        negative: part("negative", negative, default.negative)?,
    })
}

/// Checks the weights of a search by image.
///
/// # Errors
/// When a weight is out of bounds.
pub fn image_weights(weights: Option<ImageWeights>) -> Result<PartWeights, ApiError> {
    let ImageWeights { image, text, negative } = weights.unwrap_or_default();
    part_weights(image, text, negative)
}

/// Checks the weights of a search by text.
///
/// # Errors
/// When a weight is out of bounds, or those of both legs are 0.
pub fn text_weights(weights: Option<TextWeights>) -> Result<(Weights, PartWeights), ApiError> {
    let TextWeights { vector, keyword, text, negative } = weights.unwrap_or_default();
    let default = Weights::default();
    let legs = Weights {
        vector: weight("vector", vector, default.vector)?,
        keyword: weight("keyword", keyword, default.keyword)?,
    };
    if legs.vector + legs.keyword <= 0.0 {
        return Err(ApiError::invalid("weights", "`weights.vector` and `weights.keyword` must not both be 0."));
    }
    Ok((legs, part_weights(None, text, negative)?))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Calls `check` with every part of a document that is named `offset`, or is the parameter of that name.
    fn offsets(value: &Value, check: &mut dyn FnMut(&Value)) {
        match value {
            Value::Object(fields) => {
                if value["name"] == "offset" {
                    check(&value["schema"]);
                }
                if let Some(offset) = fields.get("offset") {
                    check(offset);
                }
                fields.values().for_each(|value| offsets(value, check));
            }
            Value::Array(values) => values.iter().for_each(|value| offsets(value, check)),
            _ => {}
        }
    }

    #[test]
    fn the_document_tells_the_largest_offset() {
        let document = serde_json::to_value(crate::api::docs::document()).unwrap();
        let mut count = 0;
        offsets(&document, &mut |schema| {
            if schema["type"].is_null() {
                return; // an example
            }
            assert_eq!(schema["maximum"], MAX_PAGE_DEPTH - 1, "{schema}");
            count += 1;
        });
        assert_eq!(count, 4, "two bodies, a form and a query string have an offset");
    }
}
