//! GET, POST and DELETE /reindex.

use actix_web::{HttpResponse, web};

use crate::access::Scope;
use crate::api::Services;
use crate::api::route::errors::{STORE, WRITING};
use crate::api::route::{Route, route};
use crate::api::types::ReindexBody;
use crate::error::ApiError;

/// The routes of the reindex.
pub fn routes() -> Vec<Route> {
    vec![
        route!(get).errors([STORE]),
        route!(start).scope(Scope::Admin).errors([WRITING]),
        route!(stop).scope(Scope::Admin).errors([WRITING]),
    ]
}

/// See how far a reindex is
///
/// Says how many images have texts that an older version of the reader has read, and how far the running or last reindex
/// of this process is.
#[utoipa::path(
    get, path = "/reindex", tag = "images", operation_id = "get_reindex",
    responses((status = 200, description = "The state of the reindex", body = ReindexBody))
)]
pub async fn get(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(body(&services).await?))
}

/// Read the files' texts again
///
/// Reads caption, generation prompt and tags again out of every stored file that an older version of the reader has read,
/// in the background and behind searches and uploads. Pixels are not decoded, and embeddings stay. Texts that a caller
/// has set, cleared or removed stay as they are. A reindex that was stopped continues where it ended; another request
/// while it runs changes nothing.
#[utoipa::path(
    post, path = "/reindex", tag = "images", operation_id = "start_reindex",
    responses((status = 202, description = "The reindex runs; GET /reindex shows how far it is", body = ReindexBody))
)]
pub async fn start(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    services.reindexing.start().await?;
    Ok(HttpResponse::Accepted().json(body(&services).await?))
}

/// Stop a reindex
///
/// Stops the reindex of this process. What has been read stays, and a later reindex continues from there. The answer
/// comes when no file is being read any more.
#[utoipa::path(
    delete, path = "/reindex", tag = "images", operation_id = "stop_reindex",
    responses((status = 200, description = "The reindex does not run", body = ReindexBody))
)]
pub async fn stop(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    services.reindexing.stop().await;
    Ok(HttpResponse::Ok().json(body(&services).await?))
}

async fn body(services: &Services) -> Result<ReindexBody, ApiError> {
    // The status comes first, so that an ended reindex never seems to have left work that it did.
    let status = services.reindexing.status();
    Ok(ReindexBody::new(services.reindexing.outdated().await?, status))
}
