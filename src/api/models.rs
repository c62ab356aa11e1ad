//! GET /models, /models/{model_id}, /models/current; PUT /models/current; POST /models/refresh.

use std::sync::Arc;

use actix_web::{HttpResponse, web};

use crate::api::Services;
use crate::api::images::PathId;
use crate::api::json::JsonBody;
use crate::api::types::{ModelBody, ModelList, SwitchRequest};
use crate::blocking;
use crate::error::{ApiError, Problem};
use crate::models::{Models, ModelsError};
use crate::store::ModelId;

/// List models
///
/// Every model that the store knows, and the model folders of this server that cannot be used.
#[utoipa::path(
    get, path = "/models", tag = "models", operation_id = "list_models",
    responses(
        (status = 200, description = "All models with their coverage", body = ModelList),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    let models = with_models(&services, Models::list).await?;
    let models = models.into_iter().map(|status| {
        let backfill = services.backfills.status(status.model.model_id);
        ModelBody::new(status, backfill)
    });
    let broken = services.models.broken().into_iter().map(Into::into).collect();
    Ok(HttpResponse::Ok().json(ModelList { models: models.collect(), broken }))
}

/// Read the model folders anew
///
/// Checks every folder of MITSUKE_MODELS_DIR and registers new models. Models in memory stay there and go on serving.
#[utoipa::path(
    post, path = "/models/refresh", tag = "models", operation_id = "refresh_models",
    responses(
        (status = 200, description = "All models, and the folders that cannot be used", body = ModelList),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The folders or the store cannot be read now", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn refresh(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    with_models(&services, Models::refresh).await?;
    list(services).await
}

/// Get a model
#[utoipa::path(
    get, path = "/models/{model_id}", tag = "models", operation_id = "get_model",
    params(("model_id" = i64, Path, description = "The model", example = 1)),
    responses(
        (status = 200, description = "The model", body = ModelBody),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get(services: web::Data<Services>, id: PathId) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(body(&services, id.0).await?))
}

/// Get the current model
#[utoipa::path(
    get, path = "/models/current", tag = "models", operation_id = "get_current_model",
    responses(
        (status = 200, description = "The model that searches use", body = ModelBody),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "There is none yet", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn current(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    let status = with_models(&services, Models::current_status).await?;
    let backfill = services.backfills.status(status.model.model_id);
    Ok(HttpResponse::Ok().json(ModelBody::new(status, backfill)))
}

/// Switch the current model
///
/// Atomic: every later search uses the new model's encoder and only its embeddings. The model is loaded and warm before
/// the switch. The old one stays maintained, so that switching back is as quick.
#[utoipa::path(
    put, path = "/models/current", tag = "models", operation_id = "set_current_model",
    request_body = SwitchRequest,
    responses(
        (status = 200, description = "The model that is current now", body = ModelBody),
        (status = 400, description = "The body is not usable", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The model does not cover all images yet (with `embedded`, `failed` and `total`), or it cannot be loaded", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn switch(
    services: web::Data<Services>,
    JsonBody(request): JsonBody<SwitchRequest>,
) -> Result<HttpResponse, ApiError> {
    let model = services.models.switch(request.model_id, request.allow_partial).await?;
    Ok(HttpResponse::Ok().json(body(&services, model.model_id).await?))
}

/// A model as it is now.
pub(crate) async fn body(services: &Services, model_id: ModelId) -> Result<ModelBody, ApiError> {
    let status = with_models(services, move |models| models.status(model_id)).await?;
    Ok(ModelBody::new(status, services.backfills.status(model_id)))
}

async fn with_models<T: Send + 'static>(
    services: &Services,
    work: impl FnOnce(&Models) -> Result<T, ModelsError> + Send + 'static,
) -> Result<T, ApiError> {
    let models = Arc::clone(&services.models);
    Ok(blocking::run(move || work(&models)).await??)
}
