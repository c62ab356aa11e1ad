//! POST /models/{model_id}/compare.

use actix_web::{HttpResponse, web};

use crate::api::images::PathId;
use crate::api::json::JsonBody;
use crate::api::types::{CompareRequest, CompareResponse};
use crate::api::{Services, checks};
use crate::config::Limits;
use crate::error::{ApiError, Problem};
use crate::models::{self, Compared};

/// Most queries of one comparison: each means two searches.
const MOST_QUERIES: usize = 100;

/// Hits compared unless the caller says otherwise.
const DEFAULT_K: u32 = 10;

/// Compare a model with the current one
///
/// Asks both the same queries and shows both answers with their overlap, so that a person can judge a model before
/// making it current. Changes nothing.
#[utoipa::path(
    post, path = "/models/{model_id}/compare", tag = "models", operation_id = "compare_models",
    params(("model_id" = i64, Path, description = "The candidate", example = 1)),
    request_body = CompareRequest,
    responses(
        (status = 200, description = "Both answers to every query", body = CompareResponse),
        (status = 400, description = "The queries are not usable", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model or image", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The model cannot be used on this server", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy: try again after the seconds of Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn compare(
    services: web::Data<Services>,
    id: PathId,
    JsonBody(request): JsonBody<CompareRequest>,
) -> Result<HttpResponse, ApiError> {
    let k = request.k.unwrap_or(DEFAULT_K) as usize;
    let queries = checked(request, k, &services.limits)?;
    let (store, registrar) = (&services.store, &services.registrar);
    let comparison = models::compare(&services.models, store, registrar, id.0, queries, k).await?;
    Ok(HttpResponse::Ok().json(CompareResponse::new(comparison, k)))
}

fn checked(request: CompareRequest, k: usize, limits: &Limits) -> Result<Vec<Compared>, ApiError> {
    if k == 0 || k > limits.page {
        return Err(
            ApiError::invalid("k", format!("`k` must be from 1 to {}.", limits.page)).with("limit", limits.page)
        );
    }
    let count = request.queries.len() + request.image_ids.len();
    if count == 0 || count > MOST_QUERIES {
        let detail = format!("Send from 1 to {MOST_QUERIES} queries, as texts in `queries` or ids in `image_ids`.");
        return Err(ApiError::invalid("queries", detail).with("limit", MOST_QUERIES));
    }
    if request.queries.iter().any(|query| query.trim().is_empty()) {
        return Err(ApiError::invalid("queries", "A query is blank. Leave it out."));
    }
    for query in &request.queries {
        checks::text("queries", Some(query), limits.query_chars)?;
    }
    let texts = request.queries.into_iter().map(Compared::Text);
    Ok(texts.chain(request.image_ids.into_iter().map(Compared::Image)).collect())
}
