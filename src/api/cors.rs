//! Lets pages of other origins call the API from a browser, where the settings allow it.

use actix_cors::Cors;
use actix_web::http::{Method, header};

use crate::config::CorsOrigins;

/// Seconds that a browser may remember what it may do.
const MAX_AGE: usize = 3_600;

/// The CORS rules (Fetch standard, section 3.3) as the outermost middleware: it answers preflight requests, which
/// never carry a key, and marks every answer, refusals included, as readable. Requests from elsewhere are served as
/// ever; their answers are not marked.
pub fn cors(origins: &CorsOrigins) -> Cors {
    let cors = Cors::default()
        .block_on_origin_mismatch(false)
        .allowed_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allowed_headers(["authorization", "content-type", "if-none-match", "x-api-key", "x-request-id"])
        .expose_headers([
            header::ETAG.as_str(),
            header::RETRY_AFTER.as_str(),
            header::LOCATION.as_str(),
            "x-request-id",
        ])
        .max_age(MAX_AGE);
    match origins {
        CorsOrigins::None => cors,
        // The literal `*`: keys travel in headers that a page sets itself, never in cookies.
        CorsOrigins::Any => cors.allow_any_origin().send_wildcard(),
        CorsOrigins::Only(origins) => origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin)),
    }
}
