//! POST /search/text and POST /search/image.

use actix_multipart::Multipart;
use actix_web::{HttpResponse, web};

use crate::api::checks::{self, PageRequest};
use crate::api::json::JsonBody;
use crate::api::types::{FilterRequest, ImageSearchRequest, ImageWeights, SearchResponse, TextSearchRequest};
use crate::api::{Services, multipart};
use crate::config::Limits;
use crate::error::{ApiError, ErrorCode, Problem};
use crate::search::{ImageQuery, ImageSource, Mode, TextQuery};

/// Pictures of one query: each that is uploaded costs a decoding and an encoding at the priority of searches.
const MOST_PICTURES: usize = 16;

/// Search by text
///
/// Finds images by what they show (`vector`), by their texts (`keyword`) or both (`hybrid`). A `hybrid` search fuses
/// the ranks of both legs: score = Σ weight / (60 + rank).
#[utoipa::path(
    post, path = "/search/text", tag = "search", operation_id = "search_by_text",
    request_body = TextSearchRequest,
    responses(
        (status = 200, description = "A page of hits, best first", body = SearchResponse),
        (status = 400, description = "The query is not usable", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The model finds nothing to compare in the query", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy: try again after the seconds of Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn by_text(
    services: web::Data<Services>,
    JsonBody(request): JsonBody<TextSearchRequest>,
) -> Result<HttpResponse, ApiError> {
    let query = text_query(request, &services.limits)?;
    Ok(HttpResponse::Ok().json(SearchResponse::from(services.finder.by_text(query).await?)))
}

fn text_query(request: TextSearchRequest, limits: &Limits) -> Result<TextQuery, ApiError> {
    checks::text("query", Some(&request.query), limits.query_chars)?;
    checks::text("negative_query", request.negative_query.as_deref(), limits.query_chars)?;
    let negative_query = request.negative_query.filter(|negative| !negative.trim().is_empty());
    let for_vectors = [
        ("negative_query", negative_query.is_some()),
        ("min_similarity", request.min_similarity.is_some()),
        ("max_gap", request.max_gap.is_some()),
    ];
    if let Some((field, _)) = for_vectors.iter().find(|(_, given)| *given) {
        if request.mode == Mode::Keyword {
            return Err(ApiError::invalid(field, format!("`{field}` compares vectors. Use mode vector or hybrid.")));
        }
        if request.query.trim().is_empty() {
            return Err(ApiError::invalid(
                field,
                format!("`{field}` needs a `query` to compare with. A blank one gives the newest images."),
            ));
        }
    }
    let (legs, parts) = checks::text_weights(request.weights)?;
    let page = PageRequest {
        limit: request.limit,
        offset: request.offset,
        filter: request.filter,
        min_similarity: request.min_similarity,
        max_gap: request.max_gap,
        exact: request.exact,
    };
    let page = page.checked(limits)?;
    Ok(TextQuery { query: request.query, negative_query, mode: request.mode, legs, parts, page })
}

/// Pictures to search by: at least one `file` or `image_id`, 16 at most in all.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the multipart form to callers; the form itself is read part by part")]
pub struct ImageSearchForm {
    /// Pictures to search by; they are not stored.
    #[schema(value_type = Option<Vec<String>>, format = Binary, content_media_type = "application/octet-stream")]
    file: Option<Vec<Vec<u8>>>,
    /// Stored images to search by; they are not among the hits.
    #[schema(example = json!([1, 2]))]
    image_id: Option<Vec<i64>>,
    /// A text to search by as well: the query vector becomes image × mean of the image vectors + text × text vector −
    /// negative × negative vector, scaled to length 1, with the weights 1, 1 and 0.5 unless told.
    #[schema(example = "夜")]
    text: Option<String>,
    /// What to stay away from.
    #[schema(example = "人")]
    negative_query: Option<String>,
    /// How much each part counts, as a JSON text.
    #[schema(value_type = Option<String>, example = "{\"text\": 0.5}")]
    weights: Option<ImageWeights>,
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
    /// Leaves out hits whose similarity is more than this below the best hit's.
    #[schema(example = 0.1, minimum = 0, maximum = 2)]
    max_gap: Option<f32>,
    /// Compares the query with every embedding. Slower.
    #[schema(example = false)]
    exact: Option<bool>,
}

/// Search by image
///
/// Finds the relatives of pictures: of uploaded ones (multipart), of stored ones (JSON or multipart), of both
/// together, with or without a text.
#[utoipa::path(
    post, path = "/search/image", tag = "search", operation_id = "search_by_image",
    request_body(
        description = "Pictures in a multipart form, or ids of stored images as JSON",
        content((ImageSearchForm = "multipart/form-data"), (ImageSearchRequest = "application/json"))
    ),
    responses(
        (status = 200, description = "A page of hits, nearest first", body = SearchResponse),
        (status = 400, description = "The query is not usable", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such image", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "An image has no embedding of the current model yet", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large, or too many pictures", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not a picture of a supported type", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A picture cannot be decoded, or the model finds nothing to compare in it", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy: try again after the seconds of Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn by_uploaded_image(services: web::Data<Services>, form: Multipart) -> Result<HttpResponse, ApiError> {
    let _slot = services.search_slots.try_acquire().map_err(|_| ApiError::too_many("searches by picture"))?;
    let limits = Limits { files: MOST_PICTURES.min(services.limits.files), ..services.limits.clone() };
    let parts =
        ["text", "negative_query", "weights", "limit", "offset", "filter", "min_similarity", "max_gap", "exact"];
    let mut form = multipart::read_with_lists(form, &limits, &parts, &["image_id"]).await?;
    let request = ImageSearchRequest {
        image_id: None,
        image_ids: form.take_list("image_id")?,
        text: form.take("text"),
        negative_query: form.take("negative_query"),
        weights: form.take_json("weights")?,
        limit: form.take_json("limit")?,
        offset: form.take_json("offset")?.unwrap_or(0),
        filter: form.take_json("filter")?,
        min_similarity: form.take_json("min_similarity")?,
        max_gap: form.take_json("max_gap")?,
        exact: form.take_json("exact")?.unwrap_or(false),
    };
    let files = form.files.into_iter().map(|file| file.bytes.map(ImageSource::Bytes)).collect::<Result<_, _>>()?;
    by_images(&services, files, request).await
}

/// The JSON form of a search by image.
pub async fn by_stored_image(
    services: web::Data<Services>,
    JsonBody(request): JsonBody<ImageSearchRequest>,
) -> Result<HttpResponse, ApiError> {
    by_images(&services, Vec::new(), request).await
}

async fn by_images(
    services: &Services,
    mut images: Vec<ImageSource>,
    request: ImageSearchRequest,
) -> Result<HttpResponse, ApiError> {
    let limits = &services.limits;
    checks::text("text", request.text.as_deref(), limits.query_chars)?;
    checks::text("negative_query", request.negative_query.as_deref(), limits.query_chars)?;
    images.extend(request.image_id.into_iter().chain(request.image_ids).map(ImageSource::Stored));
    if images.is_empty() {
        return Err(ApiError::invalid(
            "image_id",
            "There is no picture to search by. Send `image_id` or `image_ids`, or in a form at least one `file`.",
        ));
    }
    if images.len() > MOST_PICTURES {
        return Err(ApiError::new(
            ErrorCode::TooManyFiles,
            format!("A query may hold {MOST_PICTURES} pictures at most."),
        )
        .with("limit", MOST_PICTURES));
    }
    let page = PageRequest {
        limit: request.limit,
        offset: request.offset,
        filter: request.filter,
        min_similarity: request.min_similarity,
        max_gap: request.max_gap,
        exact: request.exact,
    };
    let query = ImageQuery {
        images,
        text: request.text,
        negative_query: request.negative_query,
        parts: checks::image_weights(request.weights)?,
        page: page.checked(limits)?,
    };
    Ok(HttpResponse::Ok().json(SearchResponse::from(services.finder.by_image(query).await?)))
}
