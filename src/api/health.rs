//! GET /healthz and GET /readyz.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::Services;
use crate::api::metric_table::set;
use crate::api::query::QueryString;
use crate::api::route::errors::STORE;
use crate::api::route::{Route, route};
use crate::error::ErrorCode::{NotReady, StorageFull};
use crate::error::{ApiError, ErrorCode};
use mitsuke_engine::blocking;
use mitsuke_store::RoomState;

/// The routes of the probes.
pub fn routes() -> Vec<Route> {
    vec![route!(healthz), route!(readyz).errors([STORE, &[NotReady, StorageFull]])]
}

/// A sign of life.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
    /// The program's version.
    #[schema(example = json!(env!("CARGO_PKG_VERSION")))]
    version: &'static str,
}

impl Health {
    const fn now() -> Self {
        Self { status: "ok", version: env!("CARGO_PKG_VERSION") }
    }
}

/// Liveness
///
/// Tells that the process runs and answers.
#[utoipa::path(
    get, path = "/healthz", tag = "operations", operation_id = "healthz", security(()),
    responses((status = 200, description = "The process runs", body = Health))
)]
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Health::now())
}

/// The room on the disk of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// There is room for uploads, or the store is a database whose room the server does not know.
    Ok,
    /// Uploads are refused with `storage_full`; everything else is served.
    Low,
}

/// The server serves.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    #[serde(flatten)]
    health: Health,
    /// Says whether uploads are taken.
    storage: Storage,
}

/// The work that the server is to be ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Uploads as well, which need room on the disk.
    Uploads,
}

/// The parameters of the readiness probe.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReadinessParams {
    /// The work that the server is to be ready for; everything but uploads unless given.
    #[serde(rename = "for")]
    #[param(rename = "for", inline)]
    purpose: Option<Purpose>,
}

/// Readiness
///
/// Tells whether the store answers and the current model is loaded and warm. When the server is not ready, `reason` tells
/// an operator why. A server whose disk is nearly full serves everything but uploads: it is ready, `storage` is `low`, and
/// only with `?for=uploads` it answers 507.
#[utoipa::path(
    get, path = "/readyz", tag = "operations", operation_id = "readyz", security(()),
    params(ReadinessParams),
    responses((status = 200, description = "The server is ready", body = Readiness))
)]
pub async fn readyz(
    request: HttpRequest,
    services: web::Data<Services>,
    QueryString(params): QueryString<ReadinessParams>,
) -> Result<HttpResponse, ApiError> {
    if services.stopping.load(Ordering::Relaxed) {
        return Err(ApiError::new(ErrorCode::NotReady, "The server is shutting down.").retry_after(30));
    }
    // Whoever asks under an unknown name may be a page of another site.
    let is_known = services.hosts.check_name(&request, services.keys.has_keys()).is_ok();
    let store = Arc::clone(&services.store);
    blocking::run(move || store.check()).await?.map_err(|error| {
        let reason = error.operator_reason().filter(|_| is_known).map(str::to_owned);
        let problem = ApiError::from(error);
        match reason {
            Some(reason) => problem.with("reason", reason),
            None => problem,
        }
    })?;
    services.models.check_ready().await?;
    let low = services.store.room().filter(|room| room.is_low());
    match (params.purpose, low) {
        (Some(Purpose::Uploads), Some(room)) => Err(storage_full(room)),
        (_, low) => {
            let storage = if low.is_some() { Storage::Low } else { Storage::Ok };
            Ok(HttpResponse::Ok().json(Readiness { health: Health::now(), storage }))
        }
    }
}

/// Refuses uploads while the disk has too little room, before anything of them is read.
///
/// # Errors
/// [`ErrorCode::StorageFull`], with the bytes that are free and wanted.
pub fn check_room(services: &Services) -> Result<(), ApiError> {
    match services.store.room() {
        Some(room) if room.is_low() => Err(storage_full(room)),
        _ => Ok(()),
    }
}

fn storage_full(RoomState { free, wanted }: RoomState) -> ApiError {
    let detail = format!(
        "There is no room to store images: {free} bytes are free, and {wanted} are wanted. Delete pictures, or give the disk \
         room."
    );
    ApiError::new(ErrorCode::StorageFull, detail).with("free_bytes", free).with("wanted_bytes", wanted)
}

/// Sets the metrics of the room on the disk.
pub fn set_storage(services: &Services) {
    let Some(room) = services.store.room() else { return };
    set(&services.metrics.storage_free, room.free);
    set(&services.metrics.storage_low, room.is_low().into());
}
