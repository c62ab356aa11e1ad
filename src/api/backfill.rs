//! POST and DELETE /models/{model_id}/backfill, GET /models/{model_id}/failures, DELETE /models/{model_id}/embeddings.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::Services;
use crate::api::checks::page_size;
use crate::api::images::PathId;
use crate::api::json::OptionalJson;
use crate::api::models::body;
use crate::api::query::QueryString;
use crate::api::types::{BackfillRequest, FailureBody, FailurePage, ModelBody, RetireResponse};
use crate::blocking;
use crate::error::{ApiError, Problem};
use crate::store::{ImageId, StoreError};

/// Start a backfill
///
/// Embeds all images that lack an embedding of the model, in the background and behind searches and uploads. From now on
/// new images get an embedding of it too. It goes on by itself after a restart; asking again while it runs changes
/// nothing.
#[utoipa::path(
    post, path = "/models/{model_id}/backfill", tag = "models", operation_id = "start_backfill",
    params(("model_id" = i64, Path, description = "The model", example = 1)),
    request_body = Option<BackfillRequest>,
    responses(
        (status = 202, description = "It runs; GET /models/{model_id} shows how far it is", body = ModelBody),
        (status = 400, description = "The body is not usable", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The model cannot be used on this server", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn start(
    services: web::Data<Services>,
    id: PathId,
    OptionalJson(request): OptionalJson<BackfillRequest>,
) -> Result<HttpResponse, ApiError> {
    services.backfills.start(id.0, request.retry_failed).await?;
    Ok(HttpResponse::Accepted().json(body(&services, id.0).await?))
}

/// Stop a backfill
///
/// Also ends the embedding of new images by this model, unless it is the current one. What is embedded stays, and a
/// later backfill goes on from there. Answered when nothing of it is on its way any more.
#[utoipa::path(
    delete, path = "/models/{model_id}/backfill", tag = "models", operation_id = "stop_backfill",
    params(("model_id" = i64, Path, description = "The model", example = 1)),
    responses(
        (status = 200, description = "It does not run", body = ModelBody),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn stop(services: web::Data<Services>, id: PathId) -> Result<HttpResponse, ApiError> {
    services.backfills.stop(id.0).await?;
    Ok(HttpResponse::Ok().json(body(&services, id.0).await?))
}

/// Which part of the failures is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FailureParams {
    /// Failures on a page, 16 unless told.
    #[param(example = 16, minimum = 1)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(example = "7")]
    cursor: Option<String>,
}

/// List failures
///
/// The images that a model could not embed, by ascending id, with the reason.
#[utoipa::path(
    get, path = "/models/{model_id}/failures", tag = "models", operation_id = "list_failures",
    params(("model_id" = i64, Path, description = "The model", example = 1), FailureParams),
    responses(
        (status = 200, description = "A page of failures", body = FailurePage),
        (status = 400, description = "A parameter is not usable", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn failures(
    services: web::Data<Services>,
    id: PathId,
    params: QueryString<FailureParams>,
) -> Result<HttpResponse, ApiError> {
    let FailureParams { limit, cursor } = params.0;
    let limit = page_size(limit, &services.limits)?;
    let after: Option<ImageId> = cursor.map(|text| text.parse()).transpose().map_err(|_| {
        ApiError::invalid("cursor", "The cursor is not one of ours. Use `next_cursor` of a page as it is.")
    })?;
    let store = Arc::clone(&services.store);
    let page = blocking::run(move || {
        let mut failures = store.embedding_failures(id.0, after, limit.saturating_add(1))?;
        let more = failures.len() > limit;
        failures.truncate(limit);
        let ids: Vec<_> = failures.iter().map(|failure| failure.image_id).collect();
        let mut names: HashMap<_, _> =
            store.images(&ids)?.into_iter().map(|image| (image.image_id, image.file_name)).collect();
        Ok::<_, StoreError>(FailurePage {
            next_cursor: ids.last().filter(|_| more).map(ToString::to_string),
            failures: failures
                .into_iter()
                .map(|failure| {
                    let name = names.remove(&failure.image_id);
                    FailureBody::new(failure, name)
                })
                .collect(),
        })
    })
    .await??;
    Ok(HttpResponse::Ok().json(page))
}

/// Retire a model
///
/// Stops its backfill, ends the embedding of new images by it, and removes all its embeddings and recorded failures.
/// Refused for the current model. Its folder stays; a backfill brings the embeddings back.
#[utoipa::path(
    delete, path = "/models/{model_id}/embeddings", tag = "models", operation_id = "retire_model",
    params(("model_id" = i64, Path, description = "The model", example = 1)),
    responses(
        (status = 200, description = "The embeddings are removed", body = RetireResponse),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is the current model, or another server does not stop its backfill", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn retire(services: web::Data<Services>, id: PathId) -> Result<HttpResponse, ApiError> {
    let removed = services.backfills.retire(id.0).await?;
    Ok(HttpResponse::Ok().json(RetireResponse { removed, model: body(&services, id.0).await? }))
}
