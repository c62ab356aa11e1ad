//! GET /images/{image_id}/content.

use std::collections::BTreeMap;

use actix_web::http::header::{
    self, Charset, ContentDisposition, DispositionParam, DispositionType, EntityTag, ExtendedValue, IfNoneMatch,
    TryIntoHeaderValue as _,
};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use bytes::Bytes;
use mitsuke_image::FileType;
use mitsuke_store::{CHUNK_BYTES, ContentPart, Store};
use utoipa::openapi::{Content, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema as _};

use crate::api::Services;
use crate::api::caching::{cached, matches};
use crate::api::path_id::PathId;
use crate::api::range::{Part, content_range};
use crate::api::sending::Answering;
use crate::api::types::PictureBytes;
use crate::error::{ApiError, ErrorCode};

/// The answer with the bytes of an original: one content for each type of picture.
struct OriginalBytes;

impl IntoResponses for OriginalBytes {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let etag = HeaderBuilder::new().description(Some("The SHA-256 of the bytes")).build();
        let range = HeaderBuilder::new().description(Some("The place of the bytes, and the size of the whole")).build();
        let described = |description: &str| {
            let response = ResponseBuilder::new().description(description).header("ETag", etag.clone());
            FileType::ALL.iter().fold(response, |response, file_type| {
                let bytes = Content::new(Some(Ref::from_schema_name(PictureBytes::name())));
                response.content(file_type.media_type(), bytes)
            })
        };
        let part = described("The part that the request asks for").header("Content-Range", range);
        BTreeMap::from([
            ("200".to_owned(), described("The bytes, as uploaded").build().into()),
            ("206".to_owned(), part.build().into()),
        ])
    }
}

/// Get an image's original bytes
///
/// The answer has all bytes, or the range that the request asks for, so that a download can be resumed.
#[utoipa::path(
    get, path = "/images/{image_id}/content", tag = "images", operation_id = "get_image_content",
    params(
        ("image_id" = i64, Path, description = "The image", example = 1),
        ("If-None-Match" = Option<String>, Header, description = "An ETag seen before"),
        ("Range" = Option<String>, Header, description = "One range of bytes, such as `bytes=0-1023`"),
        ("If-Range" = Option<String>, Header, description = "The ETag that the range belongs to"),
    ),
    responses(
        OriginalBytes,
        (status = 304, description = "Unchanged: the caller has these bytes"),
    )
)]
pub async fn get(
    services: web::Data<Services>,
    answering: Answering,
    id: PathId,
    if_none_match: web::Header<IfNoneMatch>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let missing = || ApiError::image_not_found(id.0);
    let image = services.with_store(move |store| store.image(id.0)).await?.ok_or_else(missing)?;
    let etag = EntityTag::new_strong(image.sha256.to_string());
    if matches(&if_none_match, &etag) {
        return Ok(cached(HttpResponse::NotModified(), etag).finish());
    }
    let part = Part::of(&request, image.bytes, &etag);
    if part == Part::Outside {
        return Ok(outside(image.bytes));
    }
    let asked_for = match part {
        // The bytes are compared with the hashes of the chunks that they lie in, and these chunks are read whole.
        Part::Bytes(first, last) => (last - first + 2 * CHUNK_BYTES as u64).min(image.bytes),
        Part::Whole | Part::Outside => image.bytes,
    };
    let room = services.sending.reserve(asked_for).ok_or_else(|| ApiError::too_many("downloads of pictures"))?;
    let (mut response, bytes, file_type, file_name) = match part {
        Part::Bytes(first, last) => {
            let read = move |store: &dyn Store| store.content_part(id.0, first, last);
            let ContentPart { bytes, total, file_type, file_name, .. } =
                services.with_store(read).await?.ok_or_else(missing)?;
            let mut response = HttpResponse::PartialContent();
            response.insert_header(content_range(Some((first, last)), total));
            (response, Bytes::from(bytes), file_type, file_name)
        }
        Part::Whole | Part::Outside => {
            let content = services.with_store(move |store| store.content(id.0)).await?.ok_or_else(missing)?;
            (HttpResponse::Ok(), Bytes::from(content.bytes), content.file_type, content.file_name)
        }
    };
    response.insert_header((header::ACCEPT_RANGES, "bytes"));
    Ok(cached(response, etag)
        .content_type(file_type)
        .insert_header(disposition(file_name))
        // The sandbox lets a picture do nothing even when a browser treats it as a document.
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .body(answering.body(room, bytes)))
}

/// Answers a request for a range that lies behind the end of the bytes.
fn outside(length: u64) -> HttpResponse {
    let detail = format!("The picture has {length} bytes. Ask for a range that begins before its end.");
    let mut response = ApiError::new(ErrorCode::RangeNotSatisfiable, detail).with("limit", length).error_response();
    if let Ok(range) = content_range(None, length).try_into_value() {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    response
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
