//! GET and DELETE /models/{model_id}/embeddings.

use actix_web::{HttpResponse, web};

use super::model::body;
use crate::api::path_id::PathId;
use crate::api::query::QueryString;
use crate::api::sending::Answering;
use crate::api::types::{EmbeddingsBody, EmbeddingsParams, RetireResponse};
use crate::api::{Services, checks};
use crate::error::ApiError;
use mitsuke_store::{ImageId, StoreError};

/// Get embeddings
///
/// Returns the embeddings of several images by a model, so that a caller can keep them or compare pictures itself.
#[utoipa::path(
    get, path = "/models/{model_id}/embeddings", tag = "models", operation_id = "get_embeddings",
    params(("model_id" = i64, Path, description = "The model", example = 1), EmbeddingsParams),
    responses((status = 200, description = "The embeddings", body = EmbeddingsBody))
)]
pub async fn get(
    services: web::Data<Services>,
    answering: Answering,
    id: PathId,
    QueryString(params): QueryString<EmbeddingsParams>,
) -> Result<HttpResponse, ApiError> {
    let ids = checks::ids(read(&params.image_ids)?, services.limits.page)?;
    let body = services
        .with_store(move |store| {
            let known = store.models()?.into_iter().find(|model| model.model_id == id.0);
            let model = known.ok_or(StoreError::UnknownModel(id.0))?;
            let embeddings = store.embeddings_of(id.0, &ids)?.into_iter();
            let embeddings = embeddings.map(|(image_id, vector)| (image_id, vector.to_le_bytes()));
            Ok::<_, StoreError>(EmbeddingsBody::new(model, embeddings))
        })
        .await?;
    answering.json(&body)
}

/// Reads ids that commas separate.
fn read(ids: &str) -> Result<Vec<ImageId>, ApiError> {
    let parts = ids.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| part.parse::<ImageId>()).collect::<Result<_, _>>().map_err(|_| {
        ApiError::invalid("image_ids", "`image_ids` must be whole numbers, separated by commas, such as `1,2,3`.")
    })
}

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
