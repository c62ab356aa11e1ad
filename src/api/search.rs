//! POST /search/text and POST /search/image.

use actix_multipart::Multipart;
use actix_web::{HttpResponse, web};

use crate::api::json::JsonBody;
use crate::api::types::{FilterRequest, ImageSearchRequest, SearchResponse, TextSearchRequest};
use crate::api::{Services, health, multipart};
use crate::config::Limits;
use crate::error::{ApiError, ErrorCode, Problem};
use crate::search::{ImageQuery, ImageSource, Mode, Page, TextQuery};

/// Images on a page unless the caller says otherwise: the article's page of 16.
const DEFAULT_PAGE: usize = 16;

/// Search by text
///
/// Finds images by what they show (`vector`), by their texts (`keyword`) or both (`hybrid`).
#[utoipa::path(
    post, path = "/search/text", tag = "search", operation_id = "search_by_text",
    request_body = TextSearchRequest,
    responses(
        (status = 200, description = "A page of hits, best first", body = SearchResponse),
        (status = 400, description = "The query is not usable", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy: try again after the seconds of Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn by_text(
    services: web::Data<Services>,
    JsonBody(request): JsonBody<TextSearchRequest>,
) -> Result<HttpResponse, ApiError> {
    let limits = &services.limits;
    check_query("query", Some(&request.query), limits)?;
    check_query("negative_query", request.negative_query.as_ref(), limits)?;
    if request.mode == Mode::Keyword {
        let unused = [
            ("negative_query", request.negative_query.is_some()),
            ("min_similarity", request.min_similarity.is_some()),
        ];
        if let Some((field, _)) = unused.iter().find(|(_, given)| *given) {
            return Err(ApiError::invalid(field, format!("`{field}` compares vectors. Use mode vector or hybrid.")));
        }
    }
    let query = TextQuery {
        page: page(request.limit, request.offset, request.filter, request.min_similarity, limits)?,
        query: request.query,
        negative_query: request.negative_query,
        mode: request.mode,
    };
    Ok(HttpResponse::Ok().json(SearchResponse::from(services.finder.by_text(query).await?)))
}

/// A picture to search by.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the multipart form to callers; the form itself is read part by part")]
pub struct ImageSearchForm {
    /// The picture to search by; it is not stored.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
    /// A text whose vector is added to the picture's, with equal weight.
    #[schema(example = "夜")]
    text: Option<String>,
    /// Hits on a page, 16 unless told.
    #[schema(example = 16, minimum = 1)]
    limit: Option<u32>,
    /// Hits to skip.
    #[schema(example = 0)]
    offset: Option<u32>,
    /// Which images may be found, as a JSON text.
    #[schema(value_type = Option<String>, example = "{\"file_types\": [\"image/png\"]}")]
    filter: Option<FilterRequest>,
    /// Leaves out hits less similar than this.
    #[schema(example = 0.1, minimum = -1, maximum = 1)]
    min_similarity: Option<f32>,
}

/// Search by image
///
/// Finds the relatives of a picture: of an uploaded one (multipart) or of a stored one (JSON with `image_id`).
#[utoipa::path(
    post, path = "/search/image", tag = "search", operation_id = "search_by_image",
    request_body(
        description = "A picture as a multipart form, or the id of a stored image as JSON",
        content((ImageSearchForm = "multipart/form-data"), (ImageSearchRequest = "application/json"))
    ),
    responses(
        (status = 200, description = "A page of hits, nearest first", body = SearchResponse),
        (status = 400, description = "The query is not usable", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such image", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The image has no embedding of the current model yet", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not a picture of a supported type", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The picture cannot be decoded", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy: try again after the seconds of Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn by_uploaded_image(services: web::Data<Services>, form: Multipart) -> Result<HttpResponse, ApiError> {
    let _slot = services.upload_slots.try_acquire().map_err(|_| health::busy())?;
    let parts = ["text", "limit", "offset", "filter", "min_similarity"];
    let mut form = multipart::read(form, &services.limits, &parts).await?;
    let text = form.take("text");
    check_query("text", text.as_ref(), &services.limits)?;
    let page = page(
        form.take_json("limit")?,
        form.take_json("offset")?.unwrap_or(0),
        form.take_json("filter")?,
        form.take_json("min_similarity")?,
        &services.limits,
    )?;
    let file = match (form.files.pop(), form.files.len()) {
        (Some(file), 0) => file,
        _ => return Err(ApiError::invalid("file", "Send exactly one `file` part: the picture to search by.")),
    };
    let query = ImageQuery { source: ImageSource::Bytes(file.bytes?), text, page };
    Ok(HttpResponse::Ok().json(SearchResponse::from(services.finder.by_image(query).await?)))
}

/// The JSON form of a search by image.
pub async fn by_stored_image(
    services: web::Data<Services>,
    JsonBody(request): JsonBody<ImageSearchRequest>,
) -> Result<HttpResponse, ApiError> {
    check_query("text", request.text.as_ref(), &services.limits)?;
    let query = ImageQuery {
        page: page(request.limit, request.offset, request.filter, request.min_similarity, &services.limits)?,
        source: ImageSource::Stored(request.image_id),
        text: request.text,
    };
    Ok(HttpResponse::Ok().json(SearchResponse::from(services.finder.by_image(query).await?)))
}

/// The page size asked for, within its limit.
pub fn page_size(limit: Option<u32>, limits: &Limits) -> Result<usize, ApiError> {
    let size = limit.map_or(DEFAULT_PAGE.min(limits.page), |limit| limit as usize);
    if size == 0 || size > limits.page {
        return Err(ApiError::invalid("limit", format!("`limit` must be from 1 to {}.", limits.page))
            .with("limit", limits.page));
    }
    Ok(size)
}

fn page(
    limit: Option<u32>,
    offset: u32,
    filter: Option<FilterRequest>,
    min_similarity: Option<f32>,
    limits: &Limits,
) -> Result<Page, ApiError> {
    if min_similarity.is_some_and(|floor| !(-1.0..=1.0).contains(&floor)) {
        return Err(ApiError::invalid("min_similarity", "`min_similarity` must be from -1 to 1."));
    }
    let filter = filter.unwrap_or_default();
    if let Some(part) = &filter.file_name_contains {
        check_query("file_name_contains", Some(part), limits)?;
    }
    if filter.file_types.len() > 32 {
        return Err(ApiError::invalid("file_types", "`file_types` may name 32 types at most."));
    }
    Ok(Page { offset: offset as usize, limit: page_size(limit, limits)?, filter: filter.into(), min_similarity })
}

fn check_query(field: &str, text: Option<&String>, limits: &Limits) -> Result<(), ApiError> {
    let max = limits.query_chars;
    if text.is_some_and(|text| text.chars().count() > max) {
        return Err(ApiError::new(ErrorCode::TextTooLong, format!("`{field}` may have {max} characters at most."))
            .with("field", field)
            .with("limit", max));
    }
    Ok(())
}
