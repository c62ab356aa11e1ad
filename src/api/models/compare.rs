//! POST /models/{model_id}/compare.

use actix_web::{HttpResponse, web};

use crate::api::json::JsonBody;
use crate::api::path_id::PathId;
use crate::api::types::{CompareRequest, CompareResponse};
use crate::api::{Services, checks};
use crate::config::Limits;
use crate::error::ApiError;
use mitsuke_engine::compare::{self, CompareQuery};

/// Queries of one comparison at most: each costs two searches.
const MAX_QUERIES: usize = 100;

/// Hits that are compared unless the caller asks for another number.
const DEFAULT_K: u32 = 10;

/// Compare a model with the current one
///
/// Asks both models the same queries and shows both answers with their overlap, so that a person can judge a model
/// before making it current. Nothing is changed.
#[utoipa::path(
    post, path = "/models/{model_id}/compare", tag = "models", operation_id = "compare_models",
    params(("model_id" = i64, Path, description = "The candidate", example = 1)),
    request_body = CompareRequest,
    responses((status = 200, description = "The answers of both models to every query", body = CompareResponse))
)]
pub async fn compare(
    services: web::Data<Services>,
    id: PathId,
    JsonBody(request): JsonBody<CompareRequest>,
) -> Result<HttpResponse, ApiError> {
    let k = request.k.unwrap_or(DEFAULT_K) as usize;
    let queries = checked(request, k, &services.limits)?;
    let comparison = compare::compare(&services.models, &services.store, &services.intake, id.0, queries, k).await?;
    Ok(HttpResponse::Ok().json(CompareResponse::new(comparison, k)))
}

fn checked(request: CompareRequest, k: usize, limits: &Limits) -> Result<Vec<CompareQuery>, ApiError> {
    if k == 0 || k > limits.page {
        return Err(
            ApiError::invalid("k", format!("`k` must be from 1 to {}.", limits.page)).with("limit", limits.page)
        );
    }
    let count = request.queries.len() + request.image_ids.len();
    if count == 0 || count > MAX_QUERIES {
        let detail = format!("Send from 1 to {MAX_QUERIES} queries, as texts in `queries` or ids in `image_ids`.");
        return Err(ApiError::invalid("queries", detail).with("limit", MAX_QUERIES));
    }
    if request.queries.iter().any(|query| query.trim().is_empty()) {
        return Err(ApiError::invalid("queries", "A query is blank. Leave it out."));
    }
    for query in &request.queries {
        checks::text("queries", Some(query), limits.query_chars)?;
    }
    let texts = request.queries.into_iter().map(CompareQuery::Text);
    Ok(texts.chain(request.image_ids.into_iter().map(CompareQuery::Image)).collect())
}
