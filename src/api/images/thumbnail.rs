//! GET /images/{image_id}/thumbnail.

use actix_web::http::header::{EntityTag, IfNoneMatch};
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::Services;
use crate::api::caching::{cached, matches};
use crate::api::path_id::PathId;
use crate::api::query::QueryString;
use crate::api::thumbnails::SIZES;
use crate::api::types::PictureBytes;
use crate::error::ApiError;
use mitsuke_store::Image;

/// The size of a thumbnail unless the caller asks for another.
const DEFAULT_SIZE: u32 = 256;

/// The thumbnail that is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ThumbnailParams {
    /// Longer edge in pixels: 128, 256, 512 or 1024. A picture is never enlarged.
    #[param(example = 256, default = 256)]
    size: Option<u32>,
}

/// Get a small version of an image
#[utoipa::path(
    get, path = "/images/{image_id}/thumbnail", tag = "images", operation_id = "get_image_thumbnail",
    params(
        ("image_id" = i64, Path, description = "The image", example = 1),
        ThumbnailParams,
        ("If-None-Match" = Option<String>, Header, description = "An ETag seen before"),
    ),
    responses(
        (status = 200, description = "A JPEG picture", body = PictureBytes, content_type = "image/jpeg",
            headers(("ETag" = String, description = "Identifies the bytes"))),
        (status = 304, description = "Unchanged: the caller has these bytes"),
    )
)]
pub async fn get(
    services: web::Data<Services>,
    id: PathId,
    params: QueryString<ThumbnailParams>,
    if_none_match: web::Header<IfNoneMatch>,
) -> Result<HttpResponse, ApiError> {
    let size = params.0.size.unwrap_or(DEFAULT_SIZE);
    if !SIZES.contains(&size) {
        return Err(ApiError::invalid("size", "`size` must be 128, 256, 512 or 1024."));
    }
    // A kept thumbnail may belong to an image that has been deleted since, so the store is asked every time.
    let image = services.with_store(move |store| store.image(id.0)).await?;
    let image = image.ok_or_else(|| ApiError::image_not_found(id.0))?;
    let etag = EntityTag::new_strong(format!("{}-{size}", image.sha256));
    if matches(&if_none_match, &etag) {
        return Ok(cached(HttpResponse::NotModified(), etag).finish());
    }
    let bytes = match services.thumbnails.get(id.0, size) {
        Some(bytes) => bytes,
        None => make(&services, &image, size).await?,
    };
    Ok(cached(HttpResponse::Ok(), etag).content_type("image/jpeg").body(bytes))
}

async fn make(services: &Services, image: &Image, size: u32) -> Result<Bytes, ApiError> {
    let thumbnail = services.intake.thumbnail(image, size).await?;
    let bytes = thumbnail.ok_or_else(|| ApiError::image_not_found(image.image_id))?;
    services.thumbnails.keep(image.image_id, size, bytes.clone());
    Ok(bytes)
}
