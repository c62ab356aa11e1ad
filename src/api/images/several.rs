//! POST /images/get.

use std::collections::HashSet;

use actix_web::{HttpResponse, web};

use crate::api::Services;
use crate::api::json::JsonBody;
use crate::api::sending::Answering;
use crate::api::types::{ImageBody, ImagesRequest, ImagesResponse};
use crate::error::ApiError;
use mitsuke_store::ImageId;

/// Get several images' metadata
///
/// Returns the images of a list of ids, with texts shortened as in lists. An id that no image has is no error; the answer
/// names it.
#[utoipa::path(
    post, path = "/images/get", tag = "images", operation_id = "get_images",
    request_body = ImagesRequest,
    responses((status = 200, description = "The images", body = ImagesResponse))
)]
pub async fn get(
    services: web::Data<Services>,
    answering: Answering,
    JsonBody(request): JsonBody<ImagesRequest>,
) -> Result<HttpResponse, ApiError> {
    let ids = each_once(request.image_ids, services.limits.page)?;
    let most = request.max_text_chars.map_or(usize::MAX, |chars| chars as usize);
    let chars = services.limits.listed_chars(ids.len()).min(most);
    let asked = ids.clone();
    let found = services.with_store(move |store| store.images_short(&asked, chars)).await?;
    let known: HashSet<ImageId> = found.iter().map(|image| image.image_id).collect();
    answering.json(&ImagesResponse {
        images: found.into_iter().map(|image| ImageBody::from(image).shortened(chars)).collect(),
        unknown: ids.into_iter().filter(|id| !known.contains(id)).collect(),
    })
}

/// Returns the ids of a request, each once, in their order.
///
/// # Errors
/// When there are none or more than `most`.
pub fn each_once(mut ids: Vec<ImageId>, most: usize) -> Result<Vec<ImageId>, ApiError> {
    if ids.is_empty() || ids.len() > most {
        let detail = format!("Send `image_ids` with 1 to {most} images.");
        return Err(ApiError::invalid("image_ids", detail).with("limit", most));
    }
    let mut seen = HashSet::with_capacity(ids.len());
    ids.retain(|id| seen.insert(*id));
    Ok(ids)
}
