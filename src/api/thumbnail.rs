//! GET /images/{image_id}/thumbnail.

use std::sync::Arc;

use actix_web::http::header::{EntityTag, IfNoneMatch};
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::Services;
use crate::api::images::{PathId, cached, matches};
use crate::api::query::QueryString;
use crate::api::types::PictureBytes;
use crate::blocking;
use crate::error::{ApiError, Problem};
use crate::image;
use crate::store::ImageId;

/// Sizes that are made, in pixels of the longer edge. A few fixed sizes keep the cache useful.
const SIZES: [u32; 4] = [128, 256, 512, 1024];

/// Memory that recent thumbnails may take.
const CACHE_BYTES: u64 = 64 << 20;

type Key = (ImageId, u32);

#[derive(Clone)]
struct BytesWeighter;

impl Weighter<Key, Bytes> for BytesWeighter {
    fn weight(&self, _: &Key, thumbnail: &Bytes) -> u64 {
        // Entry overhead included, so that many tiny thumbnails are bounded too.
        thumbnail.len() as u64 + 128
    }
}

/// Recently made thumbnails, bounded in bytes.
pub struct Thumbnails(Cache<Key, Bytes, BytesWeighter>);

impl Default for Thumbnails {
    fn default() -> Self {
        Self::new()
    }
}

impl Thumbnails {
    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self(Cache::with_weighter(4_096, CACHE_BYTES, BytesWeighter))
    }

    /// Drops the thumbnails of a deleted image.
    pub fn forget(&self, image_id: ImageId) {
        for size in SIZES {
            self.0.remove(&(image_id, size));
        }
    }
}

/// How large.
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
        (status = 400, description = "A size that is not made", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such image", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get(
    services: web::Data<Services>,
    id: PathId,
    params: QueryString<ThumbnailParams>,
    if_none_match: web::Header<IfNoneMatch>,
) -> Result<HttpResponse, ApiError> {
    let size = params.0.size.unwrap_or(256);
    if !SIZES.contains(&size) {
        return Err(ApiError::invalid("size", "`size` must be 128, 256, 512 or 1024."));
    }
    // The image may have been deleted since its thumbnail was made: the store has the last word.
    let store = Arc::clone(&services.store);
    let found = blocking::run(move || store.image(id.0)).await??;
    let sha256 = found.ok_or_else(|| ApiError::image_not_found(id.0))?.sha256;
    let etag = EntityTag::new_strong(format!("{sha256}-{size}"));
    if matches(&if_none_match, &etag) {
        return Ok(cached(HttpResponse::NotModified(), etag).finish());
    }
    let bytes = match services.thumbnails.0.get(&(id.0, size)) {
        Some(bytes) => bytes,
        None => make(&services, id.0, size).await?,
    };
    Ok(cached(HttpResponse::Ok(), etag).content_type("image/jpeg").body(bytes))
}

async fn make(services: &web::Data<Services>, image_id: ImageId, size: u32) -> Result<Bytes, ApiError> {
    let shared = web::Data::clone(services);
    let _slot = services.registrar.decoder_slot().await?;
    let bytes = blocking::run(move || {
        let content = shared.store.content(image_id)?.ok_or_else(|| ApiError::image_not_found(image_id))?;
        let decoded = image::decode(&content.bytes, shared.registrar.limits())?;
        let thumbnail = image::thumbnail(&decoded.pixels, size)?;
        Ok::<_, ApiError>(Bytes::from(thumbnail))
    })
    .await??;
    services.thumbnails.0.insert((image_id, size), bytes.clone());
    Ok(bytes)
}
