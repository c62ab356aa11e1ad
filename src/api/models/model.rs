//! GET /models/{model_id}.

use actix_web::{HttpResponse, web};

use crate::api::Services;
use crate::api::path_id::PathId;
use crate::api::types::ModelBody;
use crate::error::ApiError;
use mitsuke_store::ModelId;

/// Get a model
#[utoipa::path(
    get, path = "/models/{model_id}", tag = "models", operation_id = "get_model",
    params(("model_id" = i64, Path, description = "The model", example = 1)),
    responses((status = 200, description = "The model", body = ModelBody))
)]
pub async fn get(services: web::Data<Services>, id: PathId) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(body(&services, id.0).await?))
}

/// Returns a model as it is now.
///
/// # Errors
/// When the store does not answer or does not know the model.
pub async fn body(services: &Services, model_id: ModelId) -> Result<ModelBody, ApiError> {
    let status = services.with_models(move |models| models.status(model_id)).await?;
    Ok(ModelBody::new(status, services.backfills.status(model_id)))
}
