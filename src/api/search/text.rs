//! POST /search/text.

use actix_web::{HttpResponse, web};

use crate::api::json::JsonBody;
use crate::api::ranking::{self, PageRequest};
use crate::api::sending::Answering;
use crate::api::types::{SearchResponse, TextSearchRequest};
use crate::api::{Services, checks};
use crate::config::Limits;
use crate::error::ApiError;
use mitsuke_engine::admission::Class;
use mitsuke_engine::search::{Mode, TextQuery};

/// Search by text
///
/// Finds images by what they show (`vector`), by their texts (`keyword`) or both (`hybrid`). A `hybrid` search fuses
/// the ranks of both legs: score = Σ weight / (60 + rank).
#[utoipa::path(
    post, path = "/search/text", tag = "search", operation_id = "search_by_text",
    request_body = TextSearchRequest,
    responses((status = 200, description = "A page of hits, best first", body = SearchResponse))
)]
pub async fn by_text(
    services: web::Data<Services>,
    answering: Answering,
    JsonBody(request): JsonBody<TextSearchRequest>,
) -> Result<HttpResponse, ApiError> {
    let query = text_query(request, &services.limits)?;
    let ticket = services.admission.admit(Class::TextSearch, 1)?;
    let answer = services.finder.by_text(query).await;
    ticket.finish();
    answering.json(&SearchResponse::of(answer?, &services.limits))
}

/// Checks every field of a search.
///
/// # Errors
/// See [`PageRequest::checked`]; also [`ErrorCode::InvalidRequest`](crate::error::ErrorCode::InvalidRequest) for a field
/// that the mode or a blank query has no use for.
pub(super) fn text_query(mut request: TextSearchRequest, limits: &Limits) -> Result<TextQuery, ApiError> {
    let mut cut = checks::cut("query", &mut request.query, limits.query_chars)?;
    if let Some(negative) = &mut request.negative_query {
        cut += checks::cut("negative_query", negative, limits.query_chars)?;
    }
    let mode = Mode::from(request.mode);
    let negative_query = request.negative_query.filter(|negative| !negative.trim().is_empty());
    let for_vectors = [
        ("negative_query", negative_query.is_some()),
        ("min_similarity", request.min_similarity.is_some()),
        ("max_gap", request.max_gap.is_some()),
    ];
    for (field, _) in for_vectors.into_iter().filter(|(_, given)| *given) {
        check_vector_field(field, &request.query, mode)?;
    }
    let (legs, parts) = ranking::text_weights(request.weights)?;
    let page = PageRequest {
        limit: request.limit,
        cursor: request.cursor,
        offset: request.offset,
        filter: request.filter,
        min_similarity: request.min_similarity,
        max_gap: request.max_gap,
        exact: request.exact,
    };
    let (page, cutoff) = page.checked(limits)?;
    Ok(TextQuery { query: request.query, terms: None, cut, negative_query, mode, legs, parts, page, cutoff })
}

/// Checks that a field which compares vectors has a query vector to compare.
fn check_vector_field(field: &str, query: &str, mode: Mode) -> Result<(), ApiError> {
    if mode == Mode::Keyword {
        return Err(ApiError::invalid(field, format!("`{field}` compares vectors. Use mode vector or hybrid.")));
    }
    if query.trim().is_empty() {
        return Err(ApiError::invalid(
            field,
            format!("`{field}` needs a `query` to compare with. A blank one gives the newest images."),
        ));
    }
    Ok(())
}
