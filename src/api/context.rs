//! The middleware around every request: its id, the path prefix, who may call, the access log, metrics and safe headers.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, ResponseError as _, web};
use futures_util::FutureExt as _;

use crate::api::gate::Gate;
use crate::api::{Caller, Services, caller, prefix, problems};
use crate::error::ApiError;
use mitsuke_engine::request_id::{REQUEST, RequestFacts};
use mitsuke_engine::unique::unique_id;

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
    let services = request.app_data::<web::Data<Services>>().cloned();
    let prefix = services.as_ref().map(|services| services.prefix.shared()).unwrap_or_default();
    let facts = RequestFacts { id: id.as_str().into(), prefix: Arc::clone(&prefix) };
    REQUEST.scope(facts, answer(request, next, id, services, prefix)).await
}

async fn answer(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    id: String,
    services: Option<web::Data<Services>>,
    prefix: Arc<str>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let start = Instant::now();
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let address = services.as_ref().map_or_else(
        || Caller::without_key(request.peer_addr()).address,
        |services| caller::address_of(&request, &services.trusted_proxies),
    );
    let policy = services.as_ref().map(|services| services.hosts.policy(request.headers()));
    let mut gate = Gate::closed(address);
    let refused = match prefix::strip(&mut request, &prefix) {
        Some(response) => Some(response),
        None => services
            .as_ref()
            .and_then(|services| gate.admit(services, &request).err())
            .map(|error| error.error_response()),
    };
    request.extensions_mut().insert(gate.caller.clone());
    let write_headers = |headers: &mut HeaderMap| {
        add_headers(headers, &id);
        gate.add_headers(headers);
        if let Some(policy) = policy {
            policy.write(headers);
        }
    };
    // A panic is a fault of the server and must not look like a fault of the network: the caller gets a 500.
    let answered = match refused {
        Some(response) => Ok(request.into_response(response)),
        None => AssertUnwindSafe(next.call(request))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Err(ApiError::internal(&"a handler panicked").into()))
            .map(ServiceResponse::map_into_boxed_body),
    };
    let mut response = match answered {
        Ok(response) => problems::with_problem_body(response),
        Err(error) => {
            // The request has gone with its handler, and without it there is no answer but an error.
            let mut response = error.error_response();
            write_headers(response.headers_mut());
            return Err(InternalError::from_response(error, response).into());
        }
    };
    write_headers(response.headers_mut());

    let took = start.elapsed();
    let route = response.request().match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let status = response.status().as_u16();
    if let Some(services) = services {
        services.metrics.observe_request(method.as_str(), &route, status, took);
    }
    let key = gate.caller.key.as_ref().map(|name| &*name.0);
    let duration_ms = (took.as_secs_f64() * 1e4).round() / 10.0;
    // The fields are for logs in JSON, and the sentence for those in text.
    log::info!(
        target: "mitsuke::access",
        request_id = id, key = key, address:% = address, method = method.as_str(), path = path, status = status,
        duration_ms = duration_ms;
        "{id} {} {address} {method} {path} {status} {duration_ms:.1} ms",
        key.unwrap_or("-")
    );
    Ok(response)
}

fn add_headers(headers: &mut HeaderMap, id: &str) {
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
    given.filter(plain).map_or_else(unique_id, str::to_owned)
}

#[cfg(test)]
mod tests {
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, init_service, try_call_service};
    use actix_web::{App, HttpResponse};

    use super::*;

    async fn panics() -> HttpResponse {
        panic!("a panic that the test expects")
    }

    #[actix_web::test]
    async fn a_panic_is_answered_with_the_headers_of_all_answers() {
        let app = init_service(App::new().wrap(from_fn(in_context)).default_service(web::to(panics))).await;
        let request = TestRequest::default().insert_header(("x-request-id", "a-request")).to_request();
        let answer = try_call_service(&app, request).await.unwrap_err().error_response();
        assert_eq!(answer.status(), 500);
        assert_eq!(answer.headers().get("x-request-id").unwrap(), "a-request");
        assert_eq!(answer.headers().get("x-content-type-options").unwrap(), "nosniff");
    }
}
