//! POST and DELETE /models/{model_id}/backfill.

use actix_web::{HttpResponse, web};

use super::model::body;
use crate::api::Services;
use crate::api::json::OptionalJson;
use crate::api::path_id::PathId;
use crate::api::types::{BackfillRequest, ModelBody};
use crate::error::ApiError;

/// Start a backfill
///
/// Embeds all images that lack an embedding of the model, in the background and behind searches and uploads. From now on
/// new images get an embedding of the model too. The backfill continues by itself after a restart; another request while
/// it runs changes nothing.
#[utoipa::path(
    post, path = "/models/{model_id}/backfill", tag = "models", operation_id = "start_backfill",
    params(("model_id" = i64, Path, description = "The model", example = 1)),
    request_body = Option<BackfillRequest>,
    responses((status = 202, description = "The backfill runs; GET /models/{model_id} shows how far it is", body = ModelBody))
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
/// Stops the backfill, and ends the embedding of new images by this model unless it is the current one. The embeddings
/// stay, and a later backfill continues from there. The answer comes when no work of the backfill is left.
#[utoipa::path(
    delete, path = "/models/{model_id}/backfill", tag = "models", operation_id = "stop_backfill",
    params(("model_id" = i64, Path, description = "The model", example = 1)),
    responses((status = 200, description = "The backfill does not run", body = ModelBody))
)]
pub async fn stop(services: web::Data<Services>, id: PathId) -> Result<HttpResponse, ApiError> {
    services.backfills.stop(id.0).await?;
    Ok(HttpResponse::Ok().json(body(&services, id.0).await?))
}
