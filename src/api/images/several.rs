//! POST /images/get.

use std::collections::HashSet;

use actix_web::{HttpResponse, web};

use crate::api::json::JsonBody;
use crate::api::sending::Answering;
use crate::api::types::{ImageBody, ImagesRequest, ImagesResponse};
use crate::api::{Services, checks};
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
    let ids = checks::ids(request.image_ids, services.limits.page)?;
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
