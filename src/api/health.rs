//! GET /healthz and GET /readyz.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Services;
use crate::api::route::errors::STORE;
use crate::api::route::{Route, route};
use crate::error::ErrorCode::NotReady;
use crate::error::{ApiError, ErrorCode};
use mitsuke_engine::blocking;

/// The routes of the probes.
pub fn routes() -> Vec<Route> {
    vec![route!(healthz), route!(readyz).errors([STORE, &[NotReady]])]
}

/// A sign of life.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
    /// The program's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

impl Health {
    fn ok() -> HttpResponse {
        HttpResponse::Ok().json(Self { status: "ok", version: env!("CARGO_PKG_VERSION") })
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
    Health::ok()
}

/// Readiness
///
/// Tells whether the store answers and the current model is loaded and warm. When the server is not ready, `reason` tells
/// an operator why.
#[utoipa::path(
    get, path = "/readyz", tag = "operations", operation_id = "readyz", security(()),
    responses((status = 200, description = "The server is ready", body = Health))
)]
pub async fn readyz(services: web::Data<Services>) -> Result<HttpResponse, ApiError> {
    if services.stopping.load(Ordering::Relaxed) {
        return Err(ApiError::new(ErrorCode::NotReady, "The server is shutting down.").retry_after(30));
    }
    let store = Arc::clone(&services.store);
    blocking::run(move || store.check()).await?.map_err(|error| {
        let reason = error.operator_reason().map(str::to_owned);
        let problem = ApiError::from(error);
        match reason {
            Some(reason) => problem.with("reason", reason),
            None => problem,
        }
    })?;
    services.models.check_ready().await?;
    Ok(Health::ok())
}
