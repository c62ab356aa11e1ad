//! GET /models/{model_id}/failures.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::Services;
use crate::api::checks::page_size;
use crate::api::path_id::PathId;
use crate::api::query::QueryString;
use crate::api::types::{FailureBody, FailurePage};
use crate::error::ApiError;
use mitsuke_store::{EmbeddingFailure, ImageId, ModelId, Store, StoreError};

/// The page of failures that is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FailureParams {
    /// Number of failures on the page. The default is 16.
    #[param(minimum = 1)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List failures
///
/// Lists the images that a model could not embed, by ascending id, with the reason.
#[utoipa::path(
    get, path = "/models/{model_id}/failures", tag = "models", operation_id = "list_failures",
    params(("model_id" = i64, Path, description = "The model", example = 1), FailureParams),
    responses((status = 200, description = "A page of failures", body = FailurePage))
)]
pub async fn failures(
    services: web::Data<Services>,
    id: PathId,
    params: QueryString<FailureParams>,
) -> Result<HttpResponse, ApiError> {
    let limit = page_size(params.0.limit, &services.limits)?;
    let after = params.0.cursor.map(|text| text.parse()).transpose().map_err(|_| ApiError::unknown_cursor())?;
    let page = services.with_store(move |store| page(store, id.0, after, limit)).await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Reads a page of failures with the names of their images.
fn page(store: &dyn Store, model_id: ModelId, after: Option<ImageId>, limit: usize) -> Result<FailurePage, StoreError> {
    // One more than the page holds shows whether another page follows.
    let mut failures = store.embedding_failures(model_id, after, limit.saturating_add(1))?;
    let more = failures.len() > limit;
    failures.truncate(limit);
    let ids: Vec<_> = failures.iter().map(|failure| failure.image_id).collect();
    let images = store.images(&ids)?;
    let mut names: HashMap<_, _> = images.into_iter().map(|image| (image.image_id, image.file_name)).collect();
    let body = |failure: EmbeddingFailure| {
        let name = names.remove(&failure.image_id);
        FailureBody::new(failure, name)
    };
    Ok(FailurePage {
        next_cursor: ids.last().filter(|_| more).map(ToString::to_string),
        failures: failures.into_iter().map(body).collect(),
    })
}
