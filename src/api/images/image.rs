//! GET, PATCH and DELETE /images/{image_id}.

use actix_web::{HttpResponse, web};

use crate::api::Services;
use crate::api::json::JsonBody;
use crate::api::path_id::PathId;
use crate::api::sending::Answering;
use crate::api::types::{ImageBody, PatchRequest};
use crate::error::ApiError;
use mitsuke_store::{Image, ImageId};

/// Get an image's metadata
#[utoipa::path(
    get, path = "/images/{image_id}", tag = "images", operation_id = "get_image",
    params(("image_id" = i64, Path, description = "The image", example = 1)),
    responses((status = 200, description = "The image", body = ImageBody))
)]
pub async fn get(services: web::Data<Services>, answering: Answering, id: PathId) -> Result<HttpResponse, ApiError> {
    let image = services.with_store(move |store| store.image(id.0)).await?;
    answering.json(&found(image, id.0)?)
}

/// Change an image's facts and texts
///
/// Sets or clears the caption, the generation prompt, the tags, the path in its folder and the time at which the picture
/// was taken, and sets the file name.
#[utoipa::path(
    patch, path = "/images/{image_id}", tag = "images", operation_id = "update_image",
    params(("image_id" = i64, Path, description = "The image", example = 1)),
    request_body = PatchRequest,
    responses((status = 200, description = "The changed image", body = ImageBody))
)]
pub async fn patch(
    services: web::Data<Services>,
    answering: Answering,
    id: PathId,
    JsonBody(request): JsonBody<PatchRequest>,
) -> Result<HttpResponse, ApiError> {
    let patch = request.checked(&services.limits)?;
    let image = services.with_store(move |store| store.update_image(id.0, &patch.parsed())).await?;
    answering.json(&found(image, id.0)?)
}

/// Delete an image
///
/// Removes the image everywhere: its bytes, texts, embeddings and index entries.
#[utoipa::path(
    delete, path = "/images/{image_id}", tag = "images", operation_id = "delete_image",
    params(("image_id" = i64, Path, description = "The image", example = 1)),
    responses((status = 204, description = "The image is deleted"))
)]
pub async fn delete(services: web::Data<Services>, id: PathId) -> Result<HttpResponse, ApiError> {
    if !services.with_store(move |store| store.delete_image(id.0)).await? {
        return Err(ApiError::image_not_found(id.0));
    }
    services.thumbnails.forget(id.0);
    Ok(HttpResponse::NoContent().finish())
}

fn found(image: Option<Image>, image_id: ImageId) -> Result<ImageBody, ApiError> {
    image.map(Into::into).ok_or_else(|| ApiError::image_not_found(image_id))
}
