//! GET /images.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use time::OffsetDateTime;
use utoipa::IntoParams;

use crate::api::Services;
use crate::api::checks::page_size;
use crate::api::query::FilteredQuery;
use crate::api::types::{FilterRequest, ImagePage};
use crate::error::ApiError;
use mitsuke_store::{Cursor, Image};

/// The page of images that is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListParams {
    /// Number of images on the page. The default is 16.
    #[param(minimum = 1, example = 16)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(example = "1767323045678901-1")]
    cursor: Option<String>,
}

/// List images
///
/// Lists images, newest first. The parameters of a filter leave out images; a page is never short while more match.
#[utoipa::path(
    get, path = "/images", tag = "images", operation_id = "list_images",
    params(ListParams, FilterRequest),
    responses((status = 200, description = "A page of images", body = ImagePage))
)]
pub async fn list(
    services: web::Data<Services>,
    FilteredQuery { params, filter }: FilteredQuery<ListParams>,
) -> Result<HttpResponse, ApiError> {
    let limit = page_size(params.limit, &services.limits)?;
    let cursor = params.cursor.as_deref().map(parse_cursor).transpose()?;
    let filter = filter.checked(services.limits.query_chars)?;
    // One more than the page holds shows whether another page follows.
    let mut images = services.with_store(move |store| store.newest(&filter, cursor, limit.saturating_add(1))).await?;
    let more = images.len() > limit;
    images.truncate(limit);
    let next_cursor = images.last().filter(|_| more).map(cursor_after);
    let images = images.into_iter().map(Into::into).collect();
    Ok(HttpResponse::Ok().json(ImagePage { images, next_cursor }))
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
    parts.ok_or_else(ApiError::unknown_cursor)
}
