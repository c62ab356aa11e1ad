//! GET /images/{image_id}/similar.

use actix_web::{HttpResponse, web};

use crate::api::Services;
use crate::api::path_id::PathId;
use crate::api::query::FilteredQuery;
use crate::api::ranking::PageRequest;
use crate::api::sending::Answering;
use crate::api::types::{FilterRequest, SearchResponse, SimilarParams};
use crate::error::ApiError;
use mitsuke_engine::search::{ImageQuery, ImageSource, PartWeights};

/// Find an image's relatives
///
/// Finds the images nearest to a stored one, which itself is left out. Nothing is encoded. With `min_similarity` near 1
/// the answer holds its near-duplicates.
#[utoipa::path(
    get, path = "/images/{image_id}/similar", tag = "search", operation_id = "similar_images",
    params(("image_id" = i64, Path, description = "The image", example = 1), SimilarParams, FilterRequest),
    responses((status = 200, description = "A page of hits, nearest first", body = SearchResponse))
)]
pub async fn similar(
    services: web::Data<Services>,
    answering: Answering,
    id: PathId,
    FilteredQuery { params, filter }: FilteredQuery<SimilarParams>,
) -> Result<HttpResponse, ApiError> {
    let page = PageRequest {
        limit: params.limit,
        cursor: params.cursor,
        offset: params.offset,
        filter: Some(filter),
        min_similarity: params.min_similarity,
        max_gap: params.max_gap,
        exact: params.exact,
    };
    let (page, cutoff) = page.checked(&services.limits)?;
    let query = ImageQuery {
        images: vec![ImageSource::Stored(id.0)],
        text: None,
        cut: 0,
        negative_query: None,
        parts: PartWeights::default(),
        page,
        cutoff,
    };
    answering.json(&SearchResponse::of(services.finder.by_image(query).await?, &services.limits))
}
