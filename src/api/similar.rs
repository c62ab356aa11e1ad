//! GET /images/{image_id}/similar and GET /images/duplicates.

use actix_web::{HttpResponse, web};

use crate::api::Services;
use crate::api::checks::{PageRequest, page_size};
use crate::api::images::PathId;
use crate::api::query::{FilteredQuery, QueryString};
use crate::api::types::{DuplicateParams, DuplicateResponse, FilterRequest, SearchResponse, SimilarParams};
use crate::error::{ApiError, Problem};
use crate::search::{DuplicateQuery, ImageQuery, ImageSource, PartWeights};

/// Similarity from which images are near-duplicates unless the caller says otherwise.
const NEAR_DUPLICATE: f32 = 0.98;

/// Find an image's relatives
///
/// More like this: the images nearest to a stored one, which itself is left out. Nothing is encoded. With
/// `min_similarity` near 1 these are its near-duplicates.
#[utoipa::path(
    get, path = "/images/{image_id}/similar", tag = "search", operation_id = "similar_images",
    params(("image_id" = i64, Path, description = "The image", example = 1), SimilarParams, FilterRequest),
    responses(
        (status = 200, description = "A page of hits, nearest first", body = SearchResponse),
        (status = 400, description = "A parameter is not usable", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such image", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The image has no embedding of the current model yet", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy: try again after the seconds of Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn similar(
    services: web::Data<Services>,
    id: PathId,
    FilteredQuery { params, filter }: FilteredQuery<SimilarParams>,
) -> Result<HttpResponse, ApiError> {
    let page = PageRequest {
        limit: params.limit,
        offset: params.offset,
        filter: Some(filter),
        min_similarity: params.min_similarity,
        max_gap: params.max_gap,
        exact: params.exact,
    };
    let query = ImageQuery {
        images: vec![ImageSource::Stored(id.0)],
        text: None,
        negative_query: None,
        parts: PartWeights::default(),
        page: page.checked(&services.limits)?,
    };
    Ok(HttpResponse::Ok().json(SearchResponse::from(services.finder.by_image(query).await?)))
}

/// Report near-duplicates
///
/// Groups of images that show almost the same: what pairs of at least `min_similarity` connect. Files with the same
/// bytes are never among them, since those are stored once (a second upload is answered with `known`).
///
/// The store is examined in the order of image ids, by one search for each image. One answer costs at most about 2,000
/// searches, 1,000 images or `limit` groups, whichever comes first, and may hold no group at all: go on with
/// `next_cursor` until that is null. Then every image has been examined once, and every group has been reported once.
/// A group of more than 200 images is shown in part (`truncated`). One report is made at a time, and it ends when its
/// caller leaves.
#[utoipa::path(
    get, path = "/images/duplicates", tag = "search", operation_id = "duplicate_images",
    params(DuplicateParams),
    responses(
        (status = 200, description = "A part of the report", body = DuplicateResponse),
        (status = 400, description = "A parameter is not usable", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy: try again after the seconds of Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn duplicates(
    services: web::Data<Services>,
    QueryString(params): QueryString<DuplicateParams>,
) -> Result<HttpResponse, ApiError> {
    let min_similarity = params.min_similarity.unwrap_or(NEAR_DUPLICATE);
    // Below that everything is connected with everything.
    if !(0.5..=1.0).contains(&min_similarity) {
        return Err(ApiError::invalid("min_similarity", "`min_similarity` must be from 0.5 to 1 here."));
    }
    let limit = page_size(params.limit, &services.limits)?;
    let after = params.cursor.map(|cursor| cursor.parse()).transpose().map_err(|_| {
        ApiError::invalid("cursor", "The cursor is not one of ours. Use `next_cursor` of an answer as it is.")
    })?;
    let (model, report) = services.finder.duplicates(DuplicateQuery { min_similarity, after, limit }).await?;
    Ok(HttpResponse::Ok().json(DuplicateResponse::new(model, min_similarity, report)))
}
