//! DELETE /models/{model_id}/embeddings.

use actix_web::{HttpResponse, web};

use super::model::body;
use crate::api::Services;
use crate::api::path_id::PathId;
use crate::api::types::RetireResponse;
use crate::error::ApiError;

/// Retire a model
///
/// Stops the model's backfill, ends the embedding of new images by it, and removes all its embeddings and recorded
/// failures. The current model cannot be retired. The model's folder stays, and a backfill brings the embeddings back.
#[utoipa::path(
    delete, path = "/models/{model_id}/embeddings", tag = "models", operation_id = "retire_model",
    params(("model_id" = i64, Path, description = "The model", example = 1)),
    responses((status = 200, description = "The embeddings are removed", body = RetireResponse))
)]
pub async fn retire(services: web::Data<Services>, id: PathId) -> Result<HttpResponse, ApiError> {
    let removed = services.backfills.retire(id.0).await?;
    Ok(HttpResponse::Ok().json(RetireResponse { removed, model: body(&services, id.0).await? }))
}
