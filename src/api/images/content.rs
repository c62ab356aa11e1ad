//! GET /images/{image_id}/content.

use std::collections::BTreeMap;

use actix_web::http::header::{
    self, Charset, ContentDisposition, DispositionParam, DispositionType, EntityTag, ExtendedValue, IfNoneMatch,
};
use actix_web::{HttpResponse, web};
use mitsuke_image::FileType;
use utoipa::openapi::{Content, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema as _};

use crate::api::Services;
use crate::api::caching::{cached, matches};
use crate::api::path_id::PathId;
use crate::api::types::PictureBytes;
use crate::error::ApiError;

/// The answer with the bytes of an original: one content for each type of picture.
struct OriginalBytes;

impl IntoResponses for OriginalBytes {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let etag = HeaderBuilder::new().description(Some("The SHA-256 of the bytes")).build();
        let response = ResponseBuilder::new().description("The bytes, as uploaded").header("ETag", etag);
        let response = FileType::ALL.iter().fold(response, |response, file_type| {
            let bytes = Content::new(Some(Ref::from_schema_name(PictureBytes::name())));
            response.content(file_type.media_type(), bytes)
        });
        BTreeMap::from([("200".to_owned(), response.build().into())])
    }
}

/// Get an image's original bytes
#[utoipa::path(
    get, path = "/images/{image_id}/content", tag = "images", operation_id = "get_image_content",
    params(
        ("image_id" = i64, Path, description = "The image", example = 1),
        ("If-None-Match" = Option<String>, Header, description = "An ETag seen before"),
    ),
    responses(
        OriginalBytes,
        (status = 304, description = "Unchanged: the caller has these bytes"),
    )
)]
pub async fn get(
    services: web::Data<Services>,
    id: PathId,
    if_none_match: web::Header<IfNoneMatch>,
) -> Result<HttpResponse, ApiError> {
    let missing = || ApiError::image_not_found(id.0);
    let image = services.with_store(move |store| store.image(id.0)).await?.ok_or_else(missing)?;
    let etag = EntityTag::new_strong(image.sha256.to_string());
    if matches(&if_none_match, &etag) {
        return Ok(cached(HttpResponse::NotModified(), etag).finish());
    }
    let room = services.sending.reserve(image.bytes).ok_or_else(|| ApiError::too_many("downloads of pictures"))?;
    let content = services.with_store(move |store| store.content(id.0)).await?.ok_or_else(missing)?;
    let mitsuke_store::Content { bytes, file_type, file_name, .. } = content;
    Ok(cached(HttpResponse::Ok(), etag)
        .content_type(file_type)
        .insert_header(disposition(file_name))
        // The sandbox lets a picture do nothing even when a browser treats it as a document.
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .body(room.body(bytes.into())))
}

/// Names the file for a caller that saves it: in ASCII for old programs, and in full (RFC 6266).
fn disposition(file_name: String) -> ContentDisposition {
    let ascii: String = file_name.chars().map(|c| if c.is_ascii_graphic() && c != '"' { c } else { '_' }).collect();
    let utf8 =
        ExtendedValue { charset: Charset::Ext("UTF-8".to_owned()), language_tag: None, value: file_name.into_bytes() };
    ContentDisposition {
        disposition: DispositionType::Inline,
        parameters: vec![DispositionParam::Filename(ascii), DispositionParam::FilenameExt(utf8)],
    }
}
