//! What every endpoint checks in the same way.

use crate::api::types::{FilterRequest, ImageWeights, TextWeights};
use crate::config::Limits;
use crate::error::{ApiError, ErrorCode};
use crate::search::{Page, PartWeights, Weights};

/// Images on a page unless the caller says otherwise: the article's page of 16.
const DEFAULT_PAGE: usize = 16;

/// Largest weight of a part.
const MOST_WEIGHT: f64 = 100.0;

/// The page size asked for, within its limit.
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

/// A text within its limit and without U+0000, which no store and no model has a use for. Texts found in files come
/// without it.
///
/// # Errors
/// When it is too long, or holds U+0000.
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

/// The part of a ranking that a request asks for.
#[derive(Debug, Default)]
pub struct PageRequest {
    /// Hits on the page.
    pub limit: Option<u32>,
    /// Hits to skip.
    pub offset: u32,
    /// Which images may be found.
    pub filter: Option<FilterRequest>,
    /// The absolute cutoff.
    pub min_similarity: Option<f32>,
    /// The relative cutoff.
    pub max_gap: Option<f32>,
    /// Whether every embedding is compared.
    pub exact: bool,
}

impl PageRequest {
    /// The page, when all of it is usable.
    ///
    /// # Errors
    /// Names the field that is not.
    pub fn checked(self, limits: &Limits) -> Result<Page, ApiError> {
        if self.min_similarity.is_some_and(|floor| !(-1.0..=1.0).contains(&floor)) {
            return Err(ApiError::invalid("min_similarity", "`min_similarity` must be from -1 to 1."));
        }
        if self.max_gap.is_some_and(|gap| !(0.0..=2.0).contains(&gap)) {
            return Err(ApiError::invalid("max_gap", "`max_gap` must be from 0 to 2."));
        }
        Ok(Page {
            offset: self.offset as usize,
            limit: page_size(self.limit, limits)?,
            filter: self.filter.unwrap_or_default().checked(limits.query_chars)?,
            min_similarity: self.min_similarity,
            max_gap: self.max_gap,
            exact: self.exact,
        })
    }
}

fn weight(name: &str, weight: Option<f64>, default: f64) -> Result<f64, ApiError> {
    let weight = weight.unwrap_or(default);
    if (0.0..=MOST_WEIGHT).contains(&weight) {
        Ok(weight)
    } else {
        Err(ApiError::invalid("weights", format!("`weights.{name}` must be from 0 to {MOST_WEIGHT}.")))
    }
}

fn part_weights(image: Option<f64>, text: Option<f64>, negative: Option<f64>) -> Result<PartWeights, ApiError> {
    let default = PartWeights::default();
    let of = |name, given, default: f32| weight(name, given, default.into()).map(|weight| weight as f32);
    Ok(PartWeights {
        image: of("image", image, default.image)?,
        text: of("text", text, default.text)?,
        negative: of("negative", negative, default.negative)?,
    })
}

/// The weights of a search by image.
///
/// # Errors
/// When one is out of bounds.
pub fn image_weights(weights: Option<ImageWeights>) -> Result<PartWeights, ApiError> {
    let ImageWeights { image, text, negative } = weights.unwrap_or_default();
    part_weights(image, text, negative)
}

/// The weights of a search by text.
///
/// # Errors
/// When one is out of bounds, or both legs have none.
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
