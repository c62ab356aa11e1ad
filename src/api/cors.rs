//! Lets pages of other origins call the API from a browser, if the settings allow it.

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use crate::api::Services;
use crate::config::CorsOrigins;

/// Seconds for which a browser may remember the answer to a preflight request.
const MAX_AGE_S: usize = 3_600;

/// The CORS rules (Fetch standard, section 3.3) as a middleware around [`in_context`](super::in_context). It answers
/// preflight requests, which never carry a key, and marks every answer to an allowed origin, refusals included, as
/// readable. Requests of other origins pass, and their answers are not marked; [`Hosts`](super::Hosts) refuses those
/// that change something.
pub fn cors(origins: &CorsOrigins) -> Cors {
    let cors = Cors::default()
        .block_on_origin_mismatch(false)
        .allowed_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allowed_headers(["authorization", "content-type", "if-none-match", "x-api-key", "x-request-id"])
        .expose_headers([
            header::ETAG.as_str(),
            header::RETRY_AFTER.as_str(),
            header::LOCATION.as_str(),
            "ratelimit-limit",
            "ratelimit-remaining",
            "ratelimit-reset",
            "x-key-scope",
            "x-request-id",
        ])
        .max_age(MAX_AGE_S);
    match origins {
        CorsOrigins::None => cors,
        // The literal `*` is enough, because a page sends its key in a header and never in a cookie.
        CorsOrigins::Any => cors.allow_any_origin().send_wildcard(),
        CorsOrigins::Only(origins) => origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin)),
    }
}

/// Gives the answers to preflight requests, which no inner middleware sees, the policy of all answers.
///
/// # Errors
/// The errors of the inner middleware.
pub async fn with_policy(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let services = request.app_data::<web::Data<Services>>();
    let is_preflight = request.method() == Method::OPTIONS;
    let policy = services.filter(|_| is_preflight).map(|services| services.hosts.policy(request.headers()));
    let mut response = next.call(request).await?;
    if let Some(policy) = policy {
        policy.write_if_missing(response.headers_mut());
    }
    Ok(response)
}
