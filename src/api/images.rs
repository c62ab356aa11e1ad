//! GET /images, POST /images/known, GET, PATCH and DELETE /images/{image_id}, GET /images/{image_id}/content.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::http::header::{
    self, CacheControl, CacheDirective, Charset, ContentDisposition, DispositionParam, DispositionType, ETag,
    EntityTag, ExtendedValue, IfNoneMatch,
};
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::IntoParams;

use crate::api::Services;
use crate::api::checks::{self, page_size};
use crate::api::json::JsonBody;
use crate::api::query::FilteredQuery;
use crate::api::types::{
    FilterRequest, ImageBody, ImagePage, KnownImage, KnownRequest, KnownResponse, PatchRequest, PictureBytes,
};
use crate::blocking;
use crate::error::{ApiError, ErrorCode, Problem};
use crate::register::parse_generation;
use crate::store::{Content, Cursor, Image, ImageId, ImagePatch, MAX_HASHES, Sha256, Store};

/// Which page of images.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListParams {
    /// Images on the page, 16 unless told.
    #[param(minimum = 1, example = 16)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(example = "1767323045678901-1")]
    cursor: Option<String>,
}

/// List images
///
/// Newest first. Parameters of a filter leave out images; a page is never short while more match.
#[utoipa::path(
    get, path = "/images", tag = "images", operation_id = "list_images",
    params(ListParams, FilterRequest),
    responses(
        (status = 200, description = "A page of images", body = ImagePage),
        (status = 400, description = "A parameter is not usable", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    services: web::Data<Services>,
    FilteredQuery { params, filter }: FilteredQuery<ListParams>,
) -> Result<HttpResponse, ApiError> {
    let limit = page_size(params.limit, &services.limits)?;
    let cursor = params.cursor.as_deref().map(parse_cursor).transpose()?;
    let filter = filter.checked(services.limits.query_chars)?;
    let store = Arc::clone(&services.store);
    let mut images = blocking::run(move || store.newest(&filter, cursor, limit.saturating_add(1))).await??;
    let more = images.len() > limit;
    images.truncate(limit);
    let next_cursor = images.last().filter(|_| more).map(cursor_after);
    let images = images.into_iter().map(Into::into).collect();
    Ok(HttpResponse::Ok().json(ImagePage { images, next_cursor }))
}

/// Ask which files are known
///
/// Tells by their SHA-256 which files are images already, so that a bulk upload need not send them. (Sending one all
/// the same does no harm: it is answered with `known`, and stored once.)
#[utoipa::path(
    post, path = "/images/known", tag = "images", operation_id = "known_images",
    request_body = KnownRequest,
    responses(
        (status = 200, description = "Those that are known", body = KnownResponse),
        (status = 400, description = "A hash is not usable", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn known(
    services: web::Data<Services>,
    JsonBody(request): JsonBody<KnownRequest>,
) -> Result<HttpResponse, ApiError> {
    let asked = request.sha256.len();
    if asked == 0 || asked > MAX_HASHES {
        return Err(ApiError::invalid("sha256", format!("`sha256` must hold from 1 to {MAX_HASHES} hashes."))
            .with("limit", MAX_HASHES));
    }
    let mut hashes = Vec::with_capacity(asked);
    for text in &request.sha256 {
        let hash = Sha256::parse(text).ok_or_else(|| {
            ApiError::invalid("sha256", "Each of `sha256` must be 64 hexadecimal digits, as sha256sum prints them.")
        })?;
        if !hashes.contains(&hash) {
            hashes.push(hash);
        }
    }
    let (hashes, found) = with_store(&services, move |store| {
        let found = store.images_by_sha256(&hashes)?;
        Ok((hashes, found.into_iter().collect::<HashMap<_, _>>()))
    })
    .await?;
    let image = |hash: Sha256| found.get(&hash).map(|id| KnownImage { sha256: hash.to_string(), image_id: *id });
    Ok(HttpResponse::Ok().json(KnownResponse { known: hashes.into_iter().filter_map(image).collect() }))
}

/// Get an image's metadata
#[utoipa::path(
    get, path = "/images/{image_id}", tag = "images", operation_id = "get_image",
    params(("image_id" = i64, Path, description = "The image", example = 1)),
    responses(
        (status = 200, description = "The image", body = ImageBody),
        (status = 404, description = "No such image", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn get(services: web::Data<Services>, id: PathId) -> Result<HttpResponse, ApiError> {
    let image = with_store(&services, move |store| Ok(store.image(id.0)?)).await?;
    Ok(HttpResponse::Ok().json(found(image, id.0)?))
}

/// Change an image's texts
///
/// Sets or clears the caption and the generation prompt.
#[utoipa::path(
    patch, path = "/images/{image_id}", tag = "images", operation_id = "update_image",
    params(("image_id" = i64, Path, description = "The image", example = 1)),
    request_body = PatchRequest,
    responses(
        (status = 200, description = "The changed image", body = ImageBody),
        (status = 400, description = "The body is not usable", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such image", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn patch(
    services: web::Data<Services>,
    id: PathId,
    JsonBody(request): JsonBody<PatchRequest>,
) -> Result<HttpResponse, ApiError> {
    let max = services.limits.text_chars;
    checks::text("caption", request.caption.as_ref().and_then(Option::as_deref), max)?;
    checks::text("generation_prompt", request.generation_prompt.as_ref().and_then(Option::as_deref), max)?;
    let image = with_store(&services, move |store| {
        let with_parts = |prompt: String| {
            let parts = parse_generation(&prompt);
            (prompt, parts)
        };
        let patch = ImagePatch {
            caption: request.caption,
            generation_prompt: request.generation_prompt.map(|prompt| prompt.map(with_parts)),
        };
        Ok(store.update_image(id.0, &patch)?)
    })
    .await?;
    Ok(HttpResponse::Ok().json(found(image, id.0)?))
}

/// Delete an image
///
/// Removes it everywhere: bytes, texts, embeddings, index entries.
#[utoipa::path(
    delete, path = "/images/{image_id}", tag = "images", operation_id = "delete_image",
    params(("image_id" = i64, Path, description = "The image", example = 1)),
    responses(
        (status = 204, description = "It is gone"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such image", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn delete(services: web::Data<Services>, id: PathId) -> Result<HttpResponse, ApiError> {
    let deleted = with_store(&services, move |store| Ok(store.delete_image(id.0)?)).await?;
    if !deleted {
        return Err(ApiError::image_not_found(id.0));
    }
    services.thumbnails.forget(id.0);
    Ok(HttpResponse::NoContent().finish())
}

/// Get an image's original bytes
#[utoipa::path(
    get, path = "/images/{image_id}/content", tag = "images", operation_id = "get_image_content",
    params(
        ("image_id" = i64, Path, description = "The image", example = 1),
        ("If-None-Match" = Option<String>, Header, description = "An ETag seen before"),
    ),
    responses(
        (status = 200, description = "The bytes, as uploaded",
            headers(("ETag" = String, description = "The SHA-256 of the bytes")),
            content(
                (PictureBytes = "image/jpeg"), (PictureBytes = "image/png"), (PictureBytes = "image/gif"),
                (PictureBytes = "image/webp"), (PictureBytes = "image/bmp"), (PictureBytes = "image/tiff"),
            )),
        (status = 304, description = "Unchanged: the caller has these bytes"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such image", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy: try again after the seconds of Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn content(
    services: web::Data<Services>,
    id: PathId,
    if_none_match: web::Header<IfNoneMatch>,
) -> Result<HttpResponse, ApiError> {
    let image = with_store(&services, move |store| Ok(store.image(id.0)?)).await?;
    let image = found(image, id.0)?;
    let etag = EntityTag::new_strong(image.sha256);
    if matches(&if_none_match, &etag) {
        return Ok(cached(HttpResponse::NotModified(), etag).finish());
    }
    let room = services.sending.reserve(image.bytes).ok_or_else(|| ApiError::too_many("pictures on their way"))?;
    let content = with_store(&services, move |store| Ok(store.content(id.0)?)).await?;
    let Content { bytes, file_type, file_name, .. } = content.ok_or_else(|| ApiError::image_not_found(id.0))?;
    Ok(cached(HttpResponse::Ok(), etag)
        .content_type(file_type)
        .insert_header(disposition(file_name))
        // Should a browser ever treat a picture as a document, it can do nothing.
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .body(room.body(bytes.into())))
}

/// The bytes of an image never change: its id is never used again.
pub fn cached(mut response: actix_web::HttpResponseBuilder, etag: EntityTag) -> actix_web::HttpResponseBuilder {
    let immutable = CacheDirective::Extension("immutable".to_owned(), None);
    let directives = vec![CacheDirective::Private, CacheDirective::MaxAge(31_536_000), immutable];
    response.insert_header(ETag(etag)).insert_header(CacheControl(directives));
    response
}

/// Whether the caller has the bytes with this tag already.
pub fn matches(if_none_match: &IfNoneMatch, etag: &EntityTag) -> bool {
    match if_none_match {
        // An absent header reads as `Any` only when the caller sent `*`.
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|tag| tag.weak_eq(etag)),
    }
}

fn disposition(file_name: String) -> ContentDisposition {
    let ascii: String = file_name.chars().map(|c| if c.is_ascii_graphic() && c != '"' { c } else { '_' }).collect();
    let utf8 =
        ExtendedValue { charset: Charset::Ext("UTF-8".to_owned()), language_tag: None, value: file_name.into_bytes() };
    ContentDisposition {
        disposition: DispositionType::Inline,
        parameters: vec![DispositionParam::Filename(ascii), DispositionParam::FilenameExt(utf8)],
    }
}

fn found(image: Option<Image>, image_id: ImageId) -> Result<ImageBody, ApiError> {
    image.map(Into::into).ok_or_else(|| ApiError::image_not_found(image_id))
}

/// Runs work on the store off the async workers.
pub async fn with_store<T: Send + 'static>(
    services: &Services,
    work: impl FnOnce(&dyn Store) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let store = Arc::clone(&services.store);
    blocking::run(move || work(store.as_ref())).await?
}

fn cursor_after(image: &Image) -> String {
    format!("{}-{}", image.upload_date.unix_timestamp_nanos() / 1_000, image.image_id)
}

fn parse_cursor(text: &str) -> Result<Cursor, ApiError> {
    let parts = text.rsplit_once('-').and_then(|(micros, id)| {
        let nanos = micros.parse::<i64>().ok().map(|micros| i128::from(micros) * 1_000)?;
        let upload_date = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
        Some(Cursor { upload_date, image_id: id.parse().ok()? })
    });
    parts.ok_or_else(|| {
        ApiError::invalid("cursor", "The cursor is not one of ours. Use `next_cursor` of a page as it is.")
    })
}

/// An id in a path. What is no number is no image.
#[derive(Debug, Clone, Copy)]
pub struct PathId(pub i64);

impl actix_web::FromRequest for PathId {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &actix_web::HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        let info = request.match_info();
        let (code, text) = match info.get("image_id") {
            Some(text) => (ErrorCode::ImageNotFound, text),
            None => (ErrorCode::ModelNotFound, info.get("model_id").unwrap_or_default()),
        };
        std::future::ready(
            text.parse().map(Self).map_err(|_| ApiError::new(code, "The id in the path must be a whole number.")),
        )
    }
}
