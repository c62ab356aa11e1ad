//! GET /models and POST /models/refresh.

use actix_web::{HttpResponse, web};

use crate::api::Services;
use crate::api::types::{ModelBody, ModelList};
use crate::error::ApiError;
use mitsuke_engine::models::Models;

/// List models
///
/// Lists every model that the store knows, and the model folders of this server that cannot be used.
#[utoipa::path(
    get, path = "/models", tag = "models", operation_id = "list_models",
    responses((status = 200, description = "All models with their coverage", body = ModelList))
)]
pub async fn list(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    let models = services.with_models(Models::list).await?;
    let models = models.into_iter().map(|status| {
        let backfill = services.backfills.status(status.model.model_id);
        ModelBody::new(status, backfill)
    });
    let broken = services.models.broken().into_iter().map(Into::into).collect();
    Ok(HttpResponse::Ok().json(ModelList { models: models.collect(), broken }))
}

/// Read the model folders again
///
/// Checks every folder of MITSUKE_MODELS_DIR and registers new models. Models in memory stay there and keep serving.
#[utoipa::path(
    post, path = "/models/refresh", tag = "models", operation_id = "refresh_models",
    responses((status = 200, description = "All models, and the folders that cannot be used", body = ModelList))
)]
pub async fn refresh(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    services.with_models(Models::refresh).await?;
    list(services).await
}
