//! Errors as callers meet them. Each one is a row of one table (code, HTTP status, title) and is answered as
//! `application/problem+json` (RFC 9457).

mod causes;
mod codes;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use mitsuke_engine::request_id;

pub use codes::ErrorCode;

/// An error to answer a caller with. `detail` is written for the caller; the cause goes to the log.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    code: ErrorCode,
    detail: String,
    members: Map<String, Value>,
    retry_after_s: Option<u32>,
    /// The request that the error belongs to. It is taken when the error is made, because the error may leave the task
    /// of its request before it is answered.
    request_id: String,
}

impl ApiError {
    /// An error with a sentence that tells the caller what to do.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), members: Map::new(), retry_after_s: None, request_id: current_request_id() }
    }

    /// Adds an extension member to the problem document.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a Retry-After header.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// One field has an invalid value.
    #[must_use]
    pub fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, detail).with("field", field)
    }

    /// No image has that id.
    #[must_use]
    pub fn image_not_found(image_id: i64) -> Self {
        Self::new(ErrorCode::ImageNotFound, format!("No image has the id {image_id}. GET /images lists all images."))
    }

    /// The cursor in a request is not one that a page was answered with.
    #[must_use]
    pub fn unknown_cursor() -> Self {
        Self::invalid("cursor", "The cursor is not one of this server's. Send `next_cursor` of a page as it is.")
    }

    /// The server works on as many requests of one kind as it takes at once.
    #[must_use]
    pub fn too_many(work: &str) -> Self {
        let detail = format!("The server already handles as many {work} as it takes at once. Try again soon.");
        Self::new(ErrorCode::QueueFull, detail).retry_after(1)
    }

    /// Something failed inside the server. The cause is logged and hidden from the caller.
    #[must_use]
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        log::error!("request {}: {cause}", current_request_id());
        Self::new(
            ErrorCode::Internal,
            "Something went wrong in the server. Try again; if it happens again, report the request_id.",
        )
    }

    /// The row of the table.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The problem document, with the id of the request.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem {
            problem_type: format!("urn:mitsuke:problem:{}", self.code.as_str()),
            title: self.code.title().to_owned(),
            status: self.code.status().as_u16(),
            detail: self.detail.clone(),
            code: self.code.as_str().to_owned(),
            request_id: self.request_id.clone(),
            members: self.members.clone(),
        }
    }
}

/// Returns the id of the request that the current task or thread works for, or an empty text outside of a request.
#[must_use]
pub fn current_request_id() -> String {
    request_id::current().id.to_string()
}

/// An RFC 9457 problem document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Identifies the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "urn:mitsuke:problem:image_not_found")]
    pub problem_type: String,
    /// One sentence that is the same for every problem of this kind.
    #[schema(example = "There is no such image")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 404, minimum = 400, maximum = 599)]
    pub status: u16,
    /// Says what happened and what to do.
    #[schema(example = "No image has the id 42. GET /images lists all images.")]
    pub detail: String,
    /// A stable code for programs.
    #[schema(example = "image_not_found")]
    pub code: String,
    /// The id of the request in the server's log; also in the X-Request-Id header.
    #[schema(example = "0198c0de-7e57-7000-8000-000000000001")]
    pub request_id: String,
    /// More facts, depending on the code (`field`, `limit`, `embedded`, `total` …).
    #[serde(flatten)]
    #[schema(ignore)]
    pub members: Map<String, Value>,
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        response.content_type("application/problem+json").insert_header(("x-request-id", self.request_id.as_str()));
        if let Some(seconds) = self.retry_after_s {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if self.code == ErrorCode::Unauthorized {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        // `.json()` would set the plain JSON media type.
        response.body(serde_json::to_vec(&self.problem()).unwrap_or_default())
    }
}
