//! GET /images/layout.

use actix_web::{HttpResponse, web};

use super::place::Asked;
use crate::api::query::FilteredQuery;
use crate::api::sending::Answering;
use crate::api::types::{FilterRequest, LayoutBody, LayoutParams};
use crate::api::{Services, checks, cursor, line_filter};
use crate::error::ApiError;
use mitsuke_store::{Shape, Sort, SortKey, SortValue, StoreError, Total};

/// Images of one answer. It has no bound of the operator, because an image takes about 20 bytes.
const MAX_IMAGES: usize = 20_000;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Get the shapes of a list
///
/// Lists the ids, shapes and days of images in the order of `GET /images`, many at once, so that a caller can lay out the
/// whole list before it reads the images that are seen (`POST /images/get`).
#[utoipa::path(
    get, path = "/images/layout", tag = "images", operation_id = "images_layout",
    params(LayoutParams, FilterRequest),
    responses((status = 200, description = "The shapes of the images", body = LayoutBody))
)]
pub async fn layout(
    services: web::Data<Services>,
    answering: Answering,
    FilteredQuery { params, filter }: FilteredQuery<LayoutParams>,
) -> Result<HttpResponse, ApiError> {
    let limit = checks::count(params.limit, MAX_IMAGES, MAX_IMAGES)?;
    let LayoutParams { sort, order, random_seed, .. } = params;
    let (sort, after) = Asked { sort, order, random_seed, cursor: params.cursor.as_deref() }.place()?;
    let filter = line_filter::of(filter, params.q, &services.limits)?;
    let (shapes, total) = services
        .with_store(move |store| {
            // One more than the part holds shows whether another part follows.
            let shapes = store.shapes(&filter, sort, after.as_ref(), limit.saturating_add(1))?;
            Ok::<_, StoreError>((shapes, store.count(&filter)?))
        })
        .await?;
    answering.json(&body(shapes, total, sort, limit))
}

fn body(mut shapes: Vec<Shape>, total: Total, sort: Sort, limit: usize) -> LayoutBody {
    let more = shapes.len() > limit;
    shapes.truncate(limit);
    let day = |shape: &Shape| match shape.at.value {
        SortValue::Micros(micros) => Some(micros.div_euclid(DAY)),
        _ => None,
    };
    LayoutBody {
        image_ids: shapes.iter().map(|shape| shape.at.image_id).collect(),
        widths: shapes.iter().map(|shape| shape.width).collect(),
        heights: shapes.iter().map(|shape| shape.height).collect(),
        days: matches!(sort.key, SortKey::Uploaded | SortKey::Taken).then(|| shapes.iter().map(day).collect()),
        total: total.into(),
        random_seed: match sort.key {
            SortKey::Random { seed } => Some(seed),
            _ => None,
        },
        next_cursor: shapes.last().filter(|_| more).map(|last| cursor::of_list(sort, &last.at)),
    }
}
