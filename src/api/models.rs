//! GET /models, GET /models/{model_id}, GET and PUT /models/current.

use std::sync::Arc;

use actix_web::{HttpResponse, web};

use crate::api::Services;
use crate::api::images::PathId;
use crate::api::json::JsonBody;
use crate::api::types::{ModelBody, ModelList, SwitchRequest};
use crate::blocking;
use crate::error::{ApiError, ErrorCode, Problem};
use crate::models::{Models, ModelsError};
use crate::store::Model;

/// List models
#[utoipa::path(
    get, path = "/models", tag = "models", operation_id = "list_models",
    responses(
        (status = 200, description = "All models with their coverage", body = ModelList),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    let models = with_models(&services, |models| models.list()).await?;
    let models = models.into_iter().map(|(model, coverage, state)| ModelBody::new(model, coverage, state)).collect();
    Ok(HttpResponse::Ok().json(ModelList { models }))
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
    let model = with_models(&services, move |models| models.row(id.0)).await?;
    body(&services, model).await
}

/// Get the current model
#[utoipa::path(
    get, path = "/models/current", tag = "models", operation_id = "get_current_model",
    responses(
        (status = 200, description = "The model that searches use", body = ModelBody),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is none", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn current(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    let store = Arc::clone(&services.store);
    let model = blocking::run(move || store.current_model()).await??;
    let model = model
        .ok_or_else(|| ApiError::new(ErrorCode::ModelNotFound, "No model is current. PUT /models/current sets one."))?;
    body(&services, model).await
}

/// Switch the current model
///
/// Atomic: every later search uses the new model's encoder and only its embeddings.
#[utoipa::path(
    put, path = "/models/current", tag = "models", operation_id = "set_current_model",
    request_body = SwitchRequest,
    responses(
        (status = 200, description = "The model that is current now", body = ModelBody),
        (status = 400, description = "The body is not usable", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The model does not cover all images yet", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The model cannot be loaded", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn switch(
    services: web::Data<Services>,
    JsonBody(request): JsonBody<SwitchRequest>,
) -> Result<HttpResponse, ApiError> {
    let model = with_models(&services, move |models| models.switch(request.model_id, request.allow_partial)).await?;
    body(&services, model).await
}

async fn body(services: &Services, model: Model) -> Result<HttpResponse, ApiError> {
    let model_id = model.model_id;
    let coverage = with_models(services, move |models| models.coverage(model_id)).await?;
    Ok(HttpResponse::Ok().json(ModelBody::new(model, coverage, services.models.state(model_id))))
}

async fn with_models<T: Send + 'static>(
    services: &Services,
    work: impl FnOnce(&Models) -> Result<T, ModelsError> + Send + 'static,
) -> Result<T, ApiError> {
    let models = Arc::clone(&services.models);
    Ok(blocking::run(move || work(&models)).await??)
}
