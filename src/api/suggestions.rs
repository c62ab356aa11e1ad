//! GET /suggestions.

use actix_web::{HttpResponse, web};

use crate::access::Scope;
use crate::api::Services;
use crate::api::checks::{self, choices};
use crate::api::query::QueryString;
use crate::api::route::errors::STORE;
use crate::api::route::{Route, route};
use crate::api::types::{SuggestionParams, SuggestionsResponse};
use crate::error::ApiError;
use crate::error::ErrorCode::TextTooLong;
use mitsuke_store::SuggestionKind;

/// Suggestions of a kind unless the caller asks for another number.
const DEFAULT_SUGGESTIONS: usize = 10;

/// The largest number of suggestions of a kind.
const MAX_SUGGESTIONS: usize = 20;

/// The largest number of characters of a prefix. No tag and no file name is longer.
const MAX_PREFIX_CHARS: usize = 255;

/// The kinds by their names in a query string.
const KINDS: [(&str, SuggestionKind); 3] =
    [("tag", SuggestionKind::Tag), ("word", SuggestionKind::Word), ("file_name", SuggestionKind::FileName)];

/// The routes of suggestions.
pub fn routes() -> Vec<Route> {
    vec![route!(suggestions).scope(Scope::Search).errors([STORE, &[TextTooLong]])]
}

/// Suggest what a text may become
///
/// Suggests tags, words of generation prompts and file names that begin with what somebody is typing.
#[utoipa::path(
    get, path = "/suggestions", tag = "search", operation_id = "suggestions",
    params(SuggestionParams),
    responses((status = 200, description = "The suggestions", body = SuggestionsResponse))
)]
async fn suggestions(
    services: web::Data<Services>,
    QueryString(params): QueryString<SuggestionParams>,
) -> Result<HttpResponse, ApiError> {
    checks::text("prefix", Some(&params.prefix), MAX_PREFIX_CHARS)?;
    let kinds = choices("kinds", params.kinds.as_deref(), &KINDS)?;
    let limit = checks::count(params.limit, DEFAULT_SUGGESTIONS, MAX_SUGGESTIONS)?;
    let found = services.with_store(move |store| store.suggestions(&params.prefix, &kinds, limit)).await?;
    let suggestions = found.into_iter().map(Into::into).collect();
    Ok(HttpResponse::Ok().json(SuggestionsResponse { suggestions }))
}
