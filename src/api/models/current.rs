//! GET and PUT /models/current.

use actix_web::{HttpResponse, web};

use super::model::body;
use crate::api::Services;
use crate::api::json::JsonBody;
use crate::api::types::{ModelBody, SwitchRequest};
use crate::error::ApiError;
use mitsuke_engine::models::Models;

/// Get the current model
#[utoipa::path(
    get, path = "/models/current", tag = "models", operation_id = "get_current_model",
    responses((status = 200, description = "The model that searches use", body = ModelBody))
)]
pub async fn get(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    let status = services.with_models(Models::current_status).await?;
    let backfill = services.backfills.status(status.model.model_id);
    Ok(HttpResponse::Ok().json(ModelBody::new(status, backfill)))
}

/// Switch the current model
///
/// Switches atomically: every later search uses the new model's encoder and only its embeddings. The model is loaded and
/// warm before the switch. The old model stays maintained, so that switching back is as quick.
///
/// A model that does not cover all images is refused with `embedded`, `failed` and `total`, unless `allow_partial` is
/// set.
#[utoipa::path(
    put, path = "/models/current", tag = "models", operation_id = "set_current_model",
    request_body = SwitchRequest,
    responses((status = 200, description = "The model that is current now", body = ModelBody))
)]
pub async fn switch(
    services: web::Data<Services>,
    JsonBody(request): JsonBody<SwitchRequest>,
) -> Result<HttpResponse, ApiError> {
    let model = services.models.switch(request.model_id, request.allow_partial).await?;
    Ok(HttpResponse::Ok().json(body(&services, model.model_id).await?))
}
