//! GET /images.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use actix_web::{HttpResponse, web};

use crate::api::Services;
use crate::api::checks::page_size;
use crate::api::cursor;
use crate::api::query::FilteredQuery;
use crate::api::sending::Answering;
use crate::api::types::{FilterRequest, ImageBody, ImagePage, ListParams, OrderBody, SortBody};
use crate::error::ApiError;
use mitsuke_store::{Sort, SortCursor, SortKey, StoreError};

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
    let (sort, after) = place(&params)?;
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

/// Returns the order that is asked for, and the place after which the page begins.
fn place(params: &ListParams) -> Result<(Sort, Option<SortCursor>), ApiError> {
    let cursor = params.cursor.as_deref().map(cursor::list).transpose()?;
    let seed = params.random_seed.or(match cursor {
        Some((Sort { key: SortKey::Random { seed }, .. }, _)) => Some(seed),
        _ => None,
    });
    let (key, descending) = match params.sort.unwrap_or_default() {
        SortBody::Uploaded => (SortKey::Uploaded, true),
        SortBody::Taken => (SortKey::Taken, true),
        SortBody::Name => (SortKey::Name, false),
        SortBody::Bytes => (SortKey::Bytes, true),
        // The keys of the standard library's hash maps are drawn anew.
        SortBody::Random => (SortKey::Random { seed: seed.unwrap_or_else(|| RandomState::new().hash_one(())) }, false),
    };
    let descending = params.order.map_or(descending, |order| order == OrderBody::Desc);
    let sort = Sort { key, descending };
    match cursor {
        Some((of, _)) if of != sort => Err(ApiError::invalid(
            "cursor",
            "The cursor is one of another order. Send it with the same `sort` and `order`.",
        )),
        cursor => Ok((sort, cursor.map(|(_, at)| at))),
    }
}
