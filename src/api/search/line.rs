//! GET /search.

use actix_web::{HttpResponse, web};

use super::text::text_query;
use crate::api::query::FilteredQuery;
use crate::api::sending::Answering;
use crate::api::types::{
    FilterRequest, ModeBody, QueryLineBody, SearchParams, SearchResponse, TextSearchRequest, TextWeights,
};
use crate::api::{Services, checks, line_filter};
use crate::config::Limits;
use crate::error::ApiError;
use mitsuke_engine::admission::Class;
use mitsuke_engine::search::line::{self, Line};
use mitsuke_engine::search::{Mode, TextQuery};

/// Search by a query line
///
/// Finds images by one line of text, as people type it: words, phrases in double quotes, fields such as `tag:海`, and what
/// to leave out, with a minus. The answer shows in `query` how the line was read. The parameters of a filter and the
/// fields of the line apply together; the lists of both are joined.
#[utoipa::path(
    get, path = "/search", tag = "search", operation_id = "search",
    params(SearchParams, FilterRequest),
    responses((status = 200, description = "A page of hits, best first", body = SearchResponse))
)]
pub async fn search(
    services: web::Data<Services>,
    answering: Answering,
    FilteredQuery { params, filter }: FilteredQuery<SearchParams>,
) -> Result<HttpResponse, ApiError> {
    let (query, line) = line_query(params, filter, &services.limits)?;
    let ticket = services.admission.admit(Class::TextSearch, 1)?;
    let answer = services.finder.by_text(query).await;
    ticket.finish();
    let query = Some(QueryLineBody::from(&line));
    answering.json(&SearchResponse { query, ..SearchResponse::of(answer?, &services.limits) })
}

fn line_query(mut params: SearchParams, filter: FilterRequest, limits: &Limits) -> Result<(TextQuery, Line), ApiError> {
    let cut = checks::cut("q", &mut params.q, limits.query_chars)?;
    let line = line::parse(&params.q);
    let mut query = text_query(request(params, filter, line.text()), limits)?;
    query.cut += cut;
    query.terms = Some(line.terms());
    query.page.filter = line_filter::narrowed(&line, query.page.filter)?;
    let without = line.without_text();
    if query.mode != Mode::Keyword && !query.query.trim().is_empty() && !without.is_empty() {
        query.negative_query = Some(match query.negative_query {
            Some(given) => format!("{without} {given}"),
            None => without,
        });
    }
    Ok((query, line))
}

/// Returns the search by text that the parameters stand for. A line without words has no vector, so that what compares
/// vectors changes nothing.
fn request(params: SearchParams, filter: FilterRequest, query: String) -> TextSearchRequest {
    let has_words = !query.trim().is_empty();
    TextSearchRequest {
        query,
        mode: params.mode.unwrap_or(ModeBody::Hybrid),
        negative_query: params.negative_query.filter(|_| has_words),
        weights: Some(TextWeights {
            vector: params.vector_weight,
            keyword: params.keyword_weight,
            text: params.text_weight,
            negative: params.negative_weight,
        }),
        limit: params.limit,
        cursor: params.cursor,
        offset: 0,
        filter: Some(filter),
        min_similarity: params.min_similarity.filter(|_| has_words),
        max_gap: params.max_gap.filter(|_| has_words),
        exact: params.exact,
    }
}
