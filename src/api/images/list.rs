//! GET /images.

use actix_web::{HttpResponse, web};

use super::place::Asked;
use crate::api::Services;
use crate::api::checks::page_size;
use crate::api::cursor;
use crate::api::query::FilteredQuery;
use crate::api::sending::Answering;
use crate::api::types::{FilterRequest, ImageBody, ImagePage, ListParams};
use crate::error::ApiError;
use mitsuke_store::StoreError;

/// List images
///
/// Lists images in one of several orders, newest first unless `sort` says otherwise. The parameters of a filter leave
/// out images; a page is never short while more match.
#[utoipa::path(
    get, path = "/images", tag = "images", operation_id = "list_images",
    params(ListParams, FilterRequest),
    responses((status = 200, description = "A page of images", body = ImagePage))
)]
pub async fn list(
    services: web::Data<Services>,
    answering: Answering,
    FilteredQuery { params, filter }: FilteredQuery<ListParams>,
) -> Result<HttpResponse, ApiError> {
    let limit = page_size(params.limit, &services.limits)?;
    let ListParams { sort, order, random_seed, .. } = params;
    let (sort, after) = Asked { sort, order, random_seed, cursor: params.cursor.as_deref() }.place()?;
    let filter = filter.checked(services.limits.query_chars)?;
    let chars = services.limits.listed_chars(limit);
    let (mut listed, total) = services
        .with_store(move |store| {
            // One more than the page holds shows whether another page follows.
            let listed = store.list_short(&filter, sort, after.as_ref(), limit.saturating_add(1), chars)?;
            Ok::<_, StoreError>((listed, store.count(&filter)?))
        })
        .await?;
    let more = listed.len() > limit;
    listed.truncate(limit);
    let next_cursor = listed.last().filter(|_| more).map(|last| cursor::of_list(sort, &last.at));
    let images = listed.into_iter().map(|listed| ImageBody::from(listed.image).shortened(chars)).collect();
    answering.json(&ImagePage { images, total: total.into(), next_cursor })
}
