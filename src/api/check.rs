//! GET and POST /check.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::Services;
use crate::api::caller::Scope;
use crate::api::checks::page_size;
use crate::api::query::QueryString;
use crate::api::route::errors::STORE;
use crate::api::route::{Route, route};
use crate::api::types::{CheckBody, DamagedImageBody};
use crate::error::ApiError;
use mitsuke_store::{ImageId, Store, StoreCondition, StoreError};

/// The routes of the check.
pub fn routes() -> Vec<Route> {
    vec![route!(get).errors([STORE]).scope(Scope::Admin), route!(start).errors([STORE]).scope(Scope::Admin)]
}

/// The page of damaged images that is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CheckParams {
    /// Number of damaged images on the page. The default is 16.
    #[param(minimum = 1)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// See whether stored pictures are damaged
///
/// Says how far the comparison of all stored pictures with their hashes is, and lists the images that are known to be
/// damaged. Their bytes are not given out; uploading the same file again repairs an image.
#[utoipa::path(
    get, path = "/check", tag = "operations", operation_id = "get_check",
    params(CheckParams),
    responses((status = 200, description = "The condition of the store", body = CheckBody))
)]
pub async fn get(services: web::Data<Services>, params: QueryString<CheckParams>) -> Result<HttpResponse, ApiError> {
    let body = body(&services, params.0).await?;
    Ok(HttpResponse::Ok().json(body))
}

/// Compare all stored pictures now
///
/// Begins a comparison of all stored pictures with their hashes, in the background and behind searches and uploads. A
/// request while one is under way has another one follow it.
#[utoipa::path(
    post, path = "/check", tag = "operations", operation_id = "start_check",
    responses((status = 202, description = "The comparison begins; GET /check shows how far it is", body = CheckBody))
)]
pub async fn start(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    services.scrub.request();
    let body = body(&services, CheckParams::default()).await?;
    Ok(HttpResponse::Accepted().json(body))
}

async fn body(services: &Services, params: CheckParams) -> Result<CheckBody, ApiError> {
    let limit = page_size(params.limit, &services.limits)?;
    let after = params.cursor.map(|text| text.parse()).transpose().map_err(|_| ApiError::unknown_cursor())?;
    let status = services.scrub.status();
    let (condition, damaged, next_cursor) = services.with_store(move |store| page(store, after, limit)).await?;
    Ok(CheckBody::new(&status, &condition, damaged, next_cursor))
}

/// Reads the condition of the store, and a page of its damaged images with their names.
fn page(
    store: &dyn Store,
    after: Option<ImageId>,
    limit: usize,
) -> Result<(StoreCondition, Vec<DamagedImageBody>, Option<String>), StoreError> {
    // One more than the page holds shows whether another page follows.
    let mut damaged = store.damaged_images(after, limit.saturating_add(1))?;
    let more = damaged.len() > limit;
    damaged.truncate(limit);
    let ids: Vec<_> = damaged.iter().map(|damaged| damaged.image_id).collect();
    let images = store.images(&ids)?;
    let mut names: HashMap<_, _> = images.into_iter().map(|image| (image.image_id, image.file_name)).collect();
    let bodies =
        damaged.into_iter().map(|damaged| DamagedImageBody::new(damaged, names.remove(&damaged.image_id))).collect();
    Ok((store.condition()?, bodies, ids.last().filter(|_| more).map(ToString::to_string)))
}
