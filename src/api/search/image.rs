//! POST /search/image.

use actix_web::{HttpResponse, web};

use crate::api::json::JsonBody;
use crate::api::multipart::{self, Form, FormBody};
use crate::api::ranking::{self, PageRequest};
use crate::api::sending::Answering;
use crate::api::shares::Places;
use crate::api::types::{FilterRequest, ImageSearchRequest, ImageWeights, PictureFile, SearchResponse};
use crate::api::{Services, checks};
use crate::config::Limits;
use crate::error::{ApiError, ErrorCode};
use mitsuke_engine::admission::Class;
use mitsuke_engine::search::{ImageQuery, ImageSource};

/// Pictures of one query at most: each uploaded one costs a decoding and an encoding at the priority of searches.
const MAX_PICTURES: usize = 16;

/// The text parts that a form may have.
const TEXT_PARTS: [&str; 10] =
    ["text", "negative_query", "weights", "limit", "cursor", "offset", "filter", "min_similarity", "max_gap", "exact"];

/// The parts that a form may have several times.
const LIST_PARTS: [&str; 2] = ["image_ids", "image_id"];

/// Pictures to search by: at least one `file` or one of `image_ids`, 16 at most in all.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the multipart form to callers; the form itself is read part by part")]
pub struct ImageSearchForm {
    /// Pictures to search by. They are not stored.
    file: Option<Vec<PictureFile>>,
    /// Stored images to search by. They are not among the hits.
    image_ids: Option<Vec<i64>>,
    /// The old name of `image_ids`.
    #[schema(deprecated)]
    image_id: Option<Vec<i64>>,
    /// A text to search by as well. The query vector becomes image × mean of the image vectors + text × text vector −
    /// negative × negative vector, scaled to length 1. The default weights are 1, 1 and 0.5.
    text: Option<String>,
    /// A text to exclude.
    negative_query: Option<String>,
    /// The weights of the parts, as a JSON text such as `{"text": 0.5}`.
    #[schema(value_type = Option<String>)]
    weights: Option<ImageWeights>,
    /// Number of hits on the page. The default is 16.
    #[schema(minimum = 1)]
    limit: Option<u32>,
    /// `next_cursor` of the page before, of the same search. The pages of a search end with hit 10,000.
    cursor: Option<String>,
    /// Number of hits to skip, in place of `cursor`.
    #[schema(maximum = 9999, deprecated)]
    offset: Option<u32>,
    /// The images that may be found, as a JSON text such as `{"file_types": ["image/png"]}`.
    #[schema(value_type = Option<String>)]
    filter: Option<FilterRequest>,
    /// The least similarity of a hit, such as 0.1.
    #[schema(minimum = -1, maximum = 1)]
    min_similarity: Option<f32>,
    /// The greatest gap between the similarity of a hit and that of the best hit, such as 0.1.
    #[schema(minimum = 0, maximum = 2)]
    max_gap: Option<f32>,
    /// Whether to compare the query with every embedding. This is slower.
    exact: Option<bool>,
}

/// Search by image
///
/// Finds the images nearest to one or more pictures. The pictures are uploaded (multipart), stored (JSON or multipart),
/// or both; a text may be added.
#[utoipa::path(
    post, path = "/search/image", tag = "search", operation_id = "search_by_image",
    request_body(
        description = "Pictures in a multipart form, or ids of stored images as JSON",
        content((ImageSearchForm = "multipart/form-data"), (ImageSearchRequest = "application/json"))
    ),
    responses((status = 200, description = "A page of hits, nearest first", body = SearchResponse))
)]
pub async fn by_uploaded(
    services: web::Data<Services>,
    answering: Answering,
    body: FormBody,
) -> Result<HttpResponse, ApiError> {
    let ticket = services.admission.admit_head(Class::PictureSearch).map_err(|overload| body.refuse(overload))?;
    let _slot = body.take_place(&services, Places::PictureSearches)?;
    let limits = Limits { files: MAX_PICTURES.min(services.limits.files), ..services.limits.clone() };
    let mut form = multipart::read(body, &limits, &TEXT_PARTS, &LIST_PARTS).await?;
    let request = request(&mut form)?;
    let files = form.files.into_iter().map(|file| file.bytes.map(ImageSource::Bytes)).collect::<Result<Vec<_>, _>>()?;
    ticket.received(files.len())?;
    let answer = by_images(&services, &answering, files, request).await;
    ticket.finish();
    answer
}

/// Reads the parts of a form that have fields of the same names in the JSON form.
fn request(form: &mut Form) -> Result<ImageSearchRequest, ApiError> {
    Ok(ImageSearchRequest {
        image_id: None,
        image_ids: [form.take_list("image_ids")?, form.take_list("image_id")?].concat(),
        text: form.take("text"),
        negative_query: form.take("negative_query"),
        weights: form.take_json("weights")?,
        limit: form.take_json("limit")?,
        cursor: form.take("cursor").filter(|cursor| !cursor.trim().is_empty()),
        offset: form.take_json("offset")?.unwrap_or(0),
        filter: form.take_json("filter")?,
        min_similarity: form.take_json("min_similarity")?,
        max_gap: form.take_json("max_gap")?,
        exact: form.take_json("exact")?.unwrap_or(false),
    })
}

/// Answers the JSON form of a search by image.
pub async fn by_stored(
    services: web::Data<Services>,
    answering: Answering,
    JsonBody(request): JsonBody<ImageSearchRequest>,
) -> Result<HttpResponse, ApiError> {
    by_images(&services, &answering, Vec::new(), request).await
}

async fn by_images(
    services: &Services,
    answering: &Answering,
    files: Vec<ImageSource>,
    request: ImageSearchRequest,
) -> Result<HttpResponse, ApiError> {
    let query = image_query(files, request, &services.limits)?;
    answering.json(&SearchResponse::of(services.finder.by_image(query).await?, &services.limits))
}

fn image_query(
    mut images: Vec<ImageSource>,
    mut request: ImageSearchRequest,
    limits: &Limits,
) -> Result<ImageQuery, ApiError> {
    let mut cut = 0;
    for (field, text) in [("text", &mut request.text), ("negative_query", &mut request.negative_query)] {
        if let Some(text) = text {
            cut += checks::cut(field, text, limits.query_chars)?;
        }
    }
    images.extend(request.image_id.into_iter().chain(request.image_ids).map(ImageSource::Stored));
    if images.is_empty() {
        return Err(ApiError::invalid(
            "image_ids",
            "There is no picture to search by. Send `image_ids`, or in a form at least one `file`.",
        ));
    }
    if images.len() > MAX_PICTURES {
        let detail = format!("A query may hold {MAX_PICTURES} pictures at most.");
        return Err(ApiError::new(ErrorCode::TooManyFiles, detail).with("limit", MAX_PICTURES));
    }
    let page = PageRequest {
        limit: request.limit,
        cursor: request.cursor,
        offset: request.offset,
        filter: request.filter,
        min_similarity: request.min_similarity,
        max_gap: request.max_gap,
        exact: request.exact,
    };
    let parts = ranking::image_weights(request.weights)?;
    let (page, cutoff) = page.checked(limits)?;
    Ok(ImageQuery { images, text: request.text, cut, negative_query: request.negative_query, parts, page, cutoff })
}
