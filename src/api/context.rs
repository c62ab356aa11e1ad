//! The middleware around every request: its id, the key check, the access log, metrics and safe headers.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, ResponseError as _, web};
use futures_util::FutureExt as _;
use uuid::Uuid;

use crate::api::{Caller, Services, problems};
use crate::error::ApiError;
use mitsuke_engine::request_id::{REQUEST, RequestFacts};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers a request within its context.
///
/// # Errors
/// A problem document, when a handler panics.
pub async fn in_context(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = request_id(&request);
    let facts = RequestFacts { id: id.as_str().into(), ..RequestFacts::default() };
    REQUEST.scope(facts, answer(request, next, id)).await
}

async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    id: String,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let start = Instant::now();
    let services = request.app_data::<web::Data<Services>>().cloned();
    let method = request.method().clone();
    request.extensions_mut().insert(Caller::without_key(request.peer_addr()));
    let refused = services.as_ref().and_then(|services| services.keys.check(&request).err());
    let response = match refused {
        Some(error) => request.into_response(error.error_response()),
        // A panic is a fault of the server and must not look like a fault of the network: the caller gets a 500.
        None => AssertUnwindSafe(next.call(request))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Err(ApiError::internal(&"a handler panicked").into()))?
            .map_into_boxed_body(),
    };
    let mut response = problems::with_problem_body(response);
    add_headers(response.headers_mut(), &id);

    let took = start.elapsed();
    let route = response.request().match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let status = response.status().as_u16();
    if let Some(services) = services {
        services.metrics.observe_request(method.as_str(), &route, status, took);
    }
    log::info!(
        target: "mitsuke::access",
        "{id} {method} {} {status} {:.1} ms",
        response.request().path(),
        took.as_secs_f64() * 1e3
    );
    Ok(response)
}

fn add_headers(headers: &mut header::HeaderMap, id: &str) {
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// Returns the caller's id when it is short and plain, so that a request can be followed through several logs, and a
/// new one otherwise.
fn request_id(request: &ServiceRequest) -> String {
    let given = request.headers().get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
    let plain = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    given.filter(plain).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}
