//! Problem documents for requests that never reach a handler.

use actix_web::body::{BodySize, BoxBody, MessageBody as _};
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};

use crate::error::{ApiError, ErrorCode};

/// Answers a path that is not an endpoint.
pub async fn route_not_found(request: HttpRequest) -> HttpResponse {
    let detail = format!("Nothing answers at {}. /swagger-ui/ shows the endpoints.", request.path());
    ApiError::new(ErrorCode::RouteNotFound, detail).error_response()
}

/// Answers a method that a path does not take with the methods that it takes.
pub async fn method_not_allowed(allow: String) -> HttpResponse {
    let mut response =
        ApiError::new(ErrorCode::MethodNotAllowed, format!("This endpoint takes {allow}.")).error_response();
    if let Ok(allow) = HeaderValue::from_str(&allow) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// Answers an upload that is not multipart.
pub async fn multipart_needed() -> HttpResponse {
    ApiError::new(
        ErrorCode::UnsupportedMediaType,
        "Send the picture as multipart/form-data with one or more `file` parts; curl does it with `-F file=@cat.jpg`.",
    )
    .error_response()
}

/// Gives the errors of the framework itself (an unreadable path, a broken header …) the body that all errors have.
pub fn with_problem_body(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let status = response.status();
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json"));
    let is_error = status.is_client_error() || status.is_server_error();
    // A handler wrote a body of another media type on purpose, so it stays.
    let bodiless = matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0));
    let plain_text =
        response.headers().get(header::CONTENT_TYPE).is_none_or(|value| value.as_bytes().starts_with(b"text/plain"));
    if !is_error || is_problem || !(bodiless || plain_text) {
        return response;
    }
    let error = match status {
        StatusCode::NOT_FOUND => ApiError::new(ErrorCode::RouteNotFound, "Nothing answers at this path."),
        StatusCode::METHOD_NOT_ALLOWED => {
            ApiError::new(ErrorCode::MethodNotAllowed, "/swagger-ui/ shows the methods of each endpoint.")
        }
        StatusCode::REQUEST_TIMEOUT => ApiError::new(ErrorCode::RequestTimeout, "Send the request faster."),
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(ErrorCode::BodyTooLarge, "Send a smaller body."),
        status if status.is_client_error() => {
            ApiError::new(ErrorCode::InvalidRequest, "The request cannot be understood.")
        }
        _ => ApiError::internal(&format_args!("the framework answered {status}")),
    };
    ServiceResponse::new(response.into_parts().0, error.error_response())
}
