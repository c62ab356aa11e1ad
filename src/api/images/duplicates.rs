//! GET /images/duplicates.

use actix_web::{HttpResponse, web};

use crate::api::Services;
use crate::api::checks::page_size;
use crate::api::query::QueryString;
use crate::api::sending::Answering;
use crate::api::types::{DuplicateParams, DuplicateResponse};
use crate::error::ApiError;
use mitsuke_engine::duplicates::DuplicateQuery;

/// The similarity from which images are near-duplicates unless the caller says otherwise.
const NEAR_DUPLICATE: f32 = 0.98;

/// Report near-duplicates
///
/// Groups images that show almost the same. Two images belong to one group when pairs of at least `min_similarity`
/// connect them. Files with the same bytes never appear, because they are stored once (a second upload is answered with
/// `known`).
///
/// The report examines the store in the order of image ids, with one search for each image. One answer costs at most
/// about 2,000 searches, 1,000 images or `limit` groups, whichever comes first, and may hold no group at all: go on with
/// `next_cursor` until it is null. Then every image has been examined once, and every group has been reported once.
/// A group of more than 200 images is shown in part (`truncated`). One report is made at a time, and it ends when its
/// caller leaves.
#[utoipa::path(
    get, path = "/images/duplicates", tag = "search", operation_id = "duplicate_images",
    params(DuplicateParams),
    responses((status = 200, description = "A part of the report", body = DuplicateResponse))
)]
pub async fn duplicates(
    services: web::Data<Services>,
    answering: Answering,
    QueryString(params): QueryString<DuplicateParams>,
) -> Result<HttpResponse, ApiError> {
    let min_similarity = params.min_similarity.unwrap_or(NEAR_DUPLICATE);
    // A lower similarity would connect every image with every other.
    if !(0.5..=1.0).contains(&min_similarity) {
        return Err(ApiError::invalid("min_similarity", "`min_similarity` must be from 0.5 to 1 here."));
    }
    let limit = page_size(params.limit, &services.limits)?;
    let after = params.cursor.map(|cursor| cursor.parse()).transpose().map_err(|_| ApiError::unknown_cursor())?;
    let (model, report) = services.duplicates.report(DuplicateQuery { min_similarity, after, limit }).await?;
    answering.json(&DuplicateResponse::new(model, min_similarity, report, &services.limits))
}
