//! One table of errors: code, HTTP status, title. Every error a caller can meet is a row of it and leaves as
//! `application/problem+json` (RFC 9457).

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::blocking::Unfinished;
use crate::clip::EncodeError;
use crate::image::ImageError;
use crate::models::{CompareError, ModelsError};
use crate::register::RegisterError;
use crate::search::SearchError;
use crate::store::{Coverage, ModelId, StoreError};

tokio::task_local! {
    /// The id of the request that this task answers; set by `api::context`.
    pub static REQUEST_ID: String;
}

/// Defines [`ErrorCode`] and its table in one place, so that a code cannot lack a status or a title.
macro_rules! error_codes {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal, $status:ident, $title:literal;)*) => {
        /// The stable codes of all errors.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[doc = $doc])* $name),* }

        impl ErrorCode {
            /// All codes, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as callers see it.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $code),* } }

            /// The HTTP status it is answered with.
            #[must_use]
            pub const fn status(self) -> StatusCode { match self { $(Self::$name => StatusCode::$status),* } }

            /// One short sentence that is the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(Self::$name => $title),* } }
        }
    };
}

error_codes! {
    /// A field or parameter has a value that is not allowed.
    InvalidRequest = "invalid_request", BAD_REQUEST, "The request is not valid";
    /// The body is not the JSON that is expected.
    InvalidJson = "invalid_json", BAD_REQUEST, "The body is not valid JSON for this endpoint";
    /// The multipart body cannot be read.
    InvalidMultipart = "invalid_multipart", BAD_REQUEST, "The multipart body cannot be read";
    /// The full-text search of the store cannot take the words of a query.
    KeywordsRefused = "keywords_refused", BAD_REQUEST, "The keywords cannot be searched for";
    /// A text is longer than its limit.
    TextTooLong = "text_too_long", BAD_REQUEST, "A text is too long";
    /// No key, or a wrong one.
    Unauthorized = "unauthorized", UNAUTHORIZED, "An API key is needed";
    /// No image has that id.
    ImageNotFound = "image_not_found", NOT_FOUND, "There is no such image";
    /// No model has that id.
    ModelNotFound = "model_not_found", NOT_FOUND, "There is no such model";
    /// No endpoint has that path.
    RouteNotFound = "route_not_found", NOT_FOUND, "There is no such endpoint";
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The endpoint does not take this method";
    /// The body did not arrive in time.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "The request took too long to arrive";
    /// A model that was asked for has no usable folder on this server.
    ModelUnusable = "model_unusable", CONFLICT, "The model cannot be used on this server";
    /// Another process does not let go of a backfill.
    BackfillElsewhere = "backfill_elsewhere", CONFLICT, "Another server runs the backfill";
    /// The model has not embedded all images yet.
    CoverageIncomplete = "coverage_incomplete", CONFLICT, "The model does not cover all images yet";
    /// The current model cannot be retired.
    ModelIsCurrent = "model_is_current", CONFLICT, "The model is the current one";
    /// The image has no embedding of the current model yet.
    NotEmbedded = "not_embedded", CONFLICT, "The image has no embedding of the current model";
    /// The whole body is over its limit.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// One file is over its limit.
    FileTooLarge = "file_too_large", PAYLOAD_TOO_LARGE, "The file is too large";
    /// More files than one request may carry.
    TooManyFiles = "too_many_files", PAYLOAD_TOO_LARGE, "There are too many files in one request";
    /// More pixels than may be decoded.
    TooManyPixels = "too_many_pixels", PAYLOAD_TOO_LARGE, "The picture has too many pixels";
    /// The Content-Type of the request is not one the endpoint takes.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The endpoint does not take this Content-Type";
    /// The bytes are not a picture of a kind that can be decoded.
    UnsupportedImageType = "unsupported_image_type", UNSUPPORTED_MEDIA_TYPE, "The file is not a picture of a supported type";
    /// The picture is damaged.
    ImageCorrupt = "image_corrupt", UNPROCESSABLE_ENTITY, "The picture cannot be decoded";
    /// The model gives no embedding for the input.
    NoEmbedding = "no_embedding", UNPROCESSABLE_ENTITY, "The model finds nothing to compare in the input";
    /// The encoder queue is full.
    QueueFull = "queue_full", SERVICE_UNAVAILABLE, "The server is busy";
    /// The server cannot answer yet, or not any more.
    NotReady = "not_ready", SERVICE_UNAVAILABLE, "The server is not ready";
    /// Every connection to the store is in use.
    StoreBusy = "store_busy", SERVICE_UNAVAILABLE, "The store is busy";
    /// The store is not set up as it has to be.
    StoreMisconfigured = "store_misconfigured", SERVICE_UNAVAILABLE, "The store is not set up";
    /// The store is out of reach for now.
    StoreUnavailable = "store_unavailable", SERVICE_UNAVAILABLE, "The store cannot be reached";
    /// No disk space is left.
    StorageFull = "storage_full", INSUFFICIENT_STORAGE, "The storage is full";
    /// A fault of the server; the log has the reason under the request id.
    Internal = "internal", INTERNAL_SERVER_ERROR, "The server failed";
}

/// An error on its way to a caller. `detail` is written for the caller; the cause goes to the log.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    code: ErrorCode,
    detail: String,
    members: Map<String, Value>,
    retry_after_s: Option<u32>,
    /// Taken when the error is made: it may leave its request's task before it is answered.
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

    /// Adds a Retry-After header, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// An invalid value of one field.
    #[must_use]
    pub fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, detail).with("field", field)
    }

    /// No image has that id.
    #[must_use]
    pub fn image_not_found(image_id: i64) -> Self {
        Self::new(
            ErrorCode::ImageNotFound,
            format!("No image has the id {image_id}. GET /images lists the images there are."),
        )
    }

    /// Logs what happened and hides it from the caller.
    #[must_use]
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        log::error!("request {}: {cause}", current_request_id());
        Self::new(
            ErrorCode::Internal,
            "Something went wrong in the server. Try again; if it stays, report the request_id.",
        )
    }

    /// The row of the table.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The problem document, with the id of the request it answers.
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

/// The id of the request that the current task answers; empty outside of one.
#[must_use]
pub fn current_request_id() -> String {
    REQUEST_ID.try_with(Clone::clone).unwrap_or_default()
}

/// An RFC 9457 problem document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Identifies the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "urn:mitsuke:problem:image_not_found")]
    pub problem_type: String,
    /// One sentence, the same for every problem of this kind.
    #[schema(example = "There is no such image")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 404, minimum = 400, maximum = 599)]
    pub status: u16,
    /// What happened here, and what to do.
    #[schema(example = "No image has the id 42. GET /images lists the images there are.")]
    pub detail: String,
    /// A stable code for programs.
    #[schema(example = "image_not_found")]
    pub code: String,
    /// The id under which the server's log knows this request; also in the X-Request-Id header.
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
        // Not `.json()`, which would set the plain JSON media type.
        response.body(serde_json::to_vec(&self.problem()).unwrap_or_default())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownModel(model_id) => {
                Self::new(ErrorCode::ModelNotFound, format!("No model has the id {model_id}. GET /models lists them."))
            }
            StoreError::Coverage { model_id, embedded, total } => Self::new(
                ErrorCode::CoverageIncomplete,
                format!(
                    "Model {model_id} has embedded {embedded} of {total} images. Wait for its backfill, or ask \
                     with allow_partial to search only those."
                ),
            )
            .with("embedded", embedded)
            .with("total", total),
            StoreError::CurrentModel(model_id) => Self::new(
                ErrorCode::ModelIsCurrent,
                format!("Model {model_id} is the current one. Make another one current first: PUT /models/current."),
            ),
            error @ StoreError::BadKeywords(_) => {
                log::info!("request {}: {error}", current_request_id());
                Self::new(
                    ErrorCode::KeywordsRefused,
                    "The store cannot search for these words. Use fewer or shorter ones, or mode vector.",
                )
            }
            error @ StoreError::Busy(_) => {
                log::warn!("request {}: {error}", current_request_id());
                Self::new(ErrorCode::StoreBusy, "The store has more to do than it can. Try again in a moment.")
                    .retry_after(1)
            }
            error @ (StoreError::Misconfigured(_) | StoreError::NewerSchema { .. }) => {
                log::error!("request {}: {error}", current_request_id());
                Self::new(
                    ErrorCode::StoreMisconfigured,
                    "The store is not set up. Tell the operator; `mitsuke doctor` and the server's log have the reason.",
                )
                .retry_after(30)
            }
            error @ (StoreError::Unavailable(_) | StoreError::Unreachable(_) | StoreError::Locked(_)) => {
                log::warn!("request {}: {error}", current_request_id());
                Self::new(ErrorCode::StoreUnavailable, "The store cannot answer now. Try again in a few seconds.")
                    .retry_after(5)
            }
            error @ StoreError::DiskFull(_) => {
                log::error!("request {}: {error}", current_request_id());
                Self::new(ErrorCode::StorageFull, "There is no space left to store images. Tell the operator.")
            }
            error @ (StoreError::ModelDimension { .. } | StoreError::Damaged(_) | StoreError::Internal(_)) => {
                Self::internal(&error)
            }
        }
    }
}

impl From<ModelsError> for ApiError {
    fn from(error: ModelsError) -> Self {
        match error {
            ModelsError::Store(error) => error.into(),
            ModelsError::Unfinished(error) => error.into(),
            ModelsError::Coverage { model_id, coverage } => coverage_incomplete(model_id, coverage),
            ModelsError::Unusable { model, reason } => Self::new(
                ErrorCode::ModelUnusable,
                format!("{model} cannot be used here: {reason}. Repair its folder, then POST /models/refresh."),
            ),
            ModelsError::HeldElsewhere(model_id) => Self::new(
                ErrorCode::BackfillElsewhere,
                format!("Another server still runs the backfill of model {model_id}. Try again in a minute."),
            ),
            error @ ModelsError::NoCurrent => {
                log::warn!("request {}: {error}", current_request_id());
                Self::new(ErrorCode::NotReady, "No model is registered yet. Try again in a few seconds.").retry_after(5)
            }
            error @ (ModelsError::Folder { .. }
            | ModelsError::Empty { .. }
            | ModelsError::Refused { .. }
            | ModelsError::NotReady { .. }) => {
                log::error!("request {}: {error}", current_request_id());
                Self::new(
                    ErrorCode::NotReady,
                    "The embedding model cannot be used now. Tell the operator; the server's log has the reason.",
                )
                .retry_after(30)
            }
        }
    }
}

fn coverage_incomplete(model_id: ModelId, coverage: Coverage) -> ApiError {
    let Coverage { embedded, failed, total } = coverage;
    let advice = if coverage.missing() > 0 {
        "Start its backfill and wait for its end"
    } else {
        "The others failed: see its failures and start its backfill with retry_failed"
    };
    let detail = format!(
        "Model {model_id} has embedded {embedded} of {total} images, and {failed} failed. {advice}, or ask with \
         allow_partial to search only what it has."
    );
    ApiError::new(ErrorCode::CoverageIncomplete, detail)
        .with("embedded", embedded)
        .with("failed", failed)
        .with("total", total)
}

impl From<CompareError> for ApiError {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::Models(error) => error.into(),
            CompareError::Store(error) => error.into(),
            CompareError::Encode(error) => error.into(),
            CompareError::Picture(error) => error.into(),
            CompareError::Unfinished(error) => error.into(),
            CompareError::UnknownImage(image_id) => Self::image_not_found(image_id),
        }
    }
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Image(error) => error.into(),
            RegisterError::Encode(error) => error.into(),
            RegisterError::Models(error) => error.into(),
            RegisterError::Store(error) => error.into(),
            RegisterError::Unfinished(error) => error.into(),
        }
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Encode(error) => error.into(),
            SearchError::Picture(error) => error.into(),
            SearchError::Models(error) => error.into(),
            SearchError::Store(error) => error.into(),
            SearchError::Unfinished(error) => error.into(),
            SearchError::UnknownImage(image_id) => Self::image_not_found(image_id),
            SearchError::NotEmbedded(image_id) => Self::new(
                ErrorCode::NotEmbedded,
                format!("Image {image_id} has no embedding of the current model yet. Try again after its backfill."),
            ),
            SearchError::NoTerms => Self::new(
                ErrorCode::KeywordsRefused,
                "The query holds nothing that is looked for by keyword: no letter, digit or symbol. Add a word, or use \
                 mode vector.",
            ),
            SearchError::ReportRunning => Self::new(
                ErrorCode::QueueFull,
                "A report of near-duplicates is being made already. Try again when it is done.",
            )
            .retry_after(5),
            SearchError::NoDirection(_) => Self::new(
                ErrorCode::InvalidRequest,
                "The parts of the query cancel each other out. Change one of them, or its weight.",
            ),
        }
    }
}

impl From<Unfinished> for ApiError {
    fn from(error: Unfinished) -> Self {
        Self::internal(&error)
    }
}

impl From<ImageError> for ApiError {
    fn from(error: ImageError) -> Self {
        if let Some(detail) = error.detail() {
            log::info!("request {}: a picture is refused: {detail}", current_request_id());
        }
        let detail = sentence(&error);
        match error {
            ImageError::UnsupportedType { .. } | ImageError::UnsupportedKind { .. } => {
                Self::new(ErrorCode::UnsupportedImageType, detail)
            }
            ImageError::TooManyPixels { max_pixels, .. } => {
                Self::new(ErrorCode::TooManyPixels, detail).with("limit", max_pixels)
            }
            ImageError::EdgeTooLong { max_edge, .. } => {
                Self::new(ErrorCode::TooManyPixels, detail).with("limit", max_edge)
            }
            ImageError::TooMuchMemory { max_bytes, .. } => {
                Self::new(ErrorCode::TooManyPixels, detail).with("limit", max_bytes)
            }
            ImageError::Corrupt { .. } => Self::new(ErrorCode::ImageCorrupt, detail),
            ImageError::Encode { .. } => Self::internal(&detail),
        }
    }
}

/// A message as a sentence: capital letter, full stop.
fn sentence(message: &dyn std::fmt::Display) -> String {
    let message = message.to_string();
    let mut letters = message.chars();
    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

impl From<EncodeError> for ApiError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::QueueFull => Self::new(
                ErrorCode::QueueFull,
                "As many inputs wait for the encoder as may wait. Try again after the seconds of Retry-After.",
            )
            .retry_after(1),
            EncodeError::Closed => Self::new(ErrorCode::NotReady, "The server is shutting down.").retry_after(30),
            EncodeError::NoVector => Self::new(
                ErrorCode::NoEmbedding,
                "The model finds nothing to compare in this input. Use other words, or another picture.",
            ),
            error @ EncodeError::Failed(_) => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_cannot_answer_has_a_code_and_keeps_its_reason_to_itself() {
        let secret = "ORA-12541 at db.internal";
        let cases = [
            (StoreError::Unreachable(secret.into()), "store_unavailable", 503),
            (StoreError::Unavailable(secret.into()), "store_unavailable", 503),
            (StoreError::Busy(secret.into()), "store_busy", 503),
            (StoreError::Misconfigured(secret.into()), "store_misconfigured", 503),
            (StoreError::NewerSchema { found: 9, known: 8 }, "store_misconfigured", 503),
            (StoreError::DiskFull(secret.into()), "storage_full", 507),
            (StoreError::BadKeywords(secret.into()), "keywords_refused", 400),
            (StoreError::Damaged(secret.into()), "internal", 500),
            (StoreError::Internal(secret.into()), "internal", 500),
        ];
        for (error, code, status) in cases {
            let problem = ApiError::from(error).problem();
            assert_eq!((problem.code.as_str(), problem.status), (code, status));
            assert!(!serde_json::to_string(&problem).unwrap().contains("ORA-"), "{problem:?}");
        }
    }
}
